import Testing

@testable import stepwell

@Suite struct `The audit of the hypervisor` {
  @Test(arguments: [
    "swift_once", "swift_allocObject", "swift_retain", "swift_release_n", "posix_memalign",
  ])
  func `finds a symbol of the heap or of lazy initialisation`(symbol: String) {
    let listing = "0000000000001000 T stepwell_boot\n                 U \(symbol)\n"
    #expect(Audit.forbiddenSymbol(in: listing).map(String.init) == symbol)
  }

  @Test func `lets other symbols pass`() {
    let listing = """
      0000000000001000 T stepwell_boot
      0000000000001010 t $s10Hypervisor4main10swift_onceyyF
      """
    #expect(Audit.forbiddenSymbol(in: listing) == nil)
  }

  @Test(arguments: [
    "ldr\tq0, [x1]", "stp\tq0, q31, [sp, #-0x20]!", "mov\tv0.16b, v1.16b", "fmov\td0, x1",
    "str\ts7, [x0]", "ld1\t{ v0.16b, v1.16b }, [x0]", "ldr\tz3, [x0]", "str\th1, [x0]",
  ])
  func `finds an instruction that uses the guest's SIMD registers`(instruction: String) {
    let listing = "    1234:      \tadd\tx0, x1, x2\n    1238:      \t\(instruction)\n"
    #expect(Audit.vectorInstruction(in: listing)?.hasSuffix(instruction) == true)
  }

  @Test(arguments: [
    "ldr\tx0, [x1]", "mrs\tx8, S3_4_C12_C12_0", "bl\t0x1234 <$s8v0d1q2yyF+0x10>", "ret",
    "msr\tSPSel, #0x1", "dc\tcvac, x0", "b.hs\t0x40 <d0_of+0x4>", "udf\t#0xd0",
  ])
  func `lets instructions on general registers pass`(instruction: String) {
    #expect(Audit.vectorInstruction(in: "    1234:      \t\(instruction)\n") == nil)
  }

  @Test(arguments: ["msr\tdaifclr, #0x8", "msr\tDAIFClr, #0xf", "msr\tDAIF, x0"])
  func `finds an instruction that lifts a mask`(instruction: String) {
    let listing = "    1234:      \tmsr\tdaifset, #0xf\n    1238:      \t\(instruction)\n"
    #expect(Audit.unmaskingInstruction(in: listing)?.hasSuffix(instruction) == true)
  }

  @Test func `lets an access that may fault take SErrors, and nothing else do so`() {
    let access = """
      0000000000001000 <el2_guarded_read8>:
          1000:      \tmsr\tDAIFClr, #0x4
      """
    #expect(Audit.unmaskingInstruction(in: access) == nil)
    let debug = access.replacing("#0x4", with: "#0xc")
    #expect(Audit.unmaskingInstruction(in: debug) != nil)
    let other = access + "\n0000000000001100 <el2_smc>:\n    1100:      \tmsr\tDAIFClr, #0x4\n"
    #expect(Audit.unmaskingInstruction(in: other)?.contains("1100:") == true)
  }

  @Test(arguments: ["msr\tDAIFSet, #0xf", "mrs\tx0, DAIF", "msr\tSPSR_EL2, x0", "eret"])
  func `lets a mask be set and read`(instruction: String) {
    #expect(Audit.unmaskingInstruction(in: "    1234:      \t\(instruction)\n") == nil)
  }

  @Test func `finds an event that no barrier orders after the stores before it`() {
    let store = "    1230:      \tstlr\tw0, [x1]\n", event = "    1238:      \tsev\n"
    #expect(Audit.unorderedEvent(in: store + event)?.contains("1238:") == true)
    #expect(Audit.unorderedEvent(in: store + "    1234:      \tdsb\tish\n" + event) == nil)
    #expect(Audit.unorderedEvent(in: "    1234:      \tdsb\tish\n" + store + event) != nil)
  }

  @Test func `lets the debugger's own access to SIMD registers pass, and nothing after it`() {
    let accessor = """
      000000000000022c <el2_read_vector>:
           22c:      \tstr\tq0, [x1]
      """
    #expect(Audit.vectorInstruction(in: accessor) == nil)
    let next = "\n0000000000000240 <next>:\n     240:      \tstr\tq1, [x1]\n"
    #expect(Audit.vectorInstruction(in: accessor + next)?.contains("240:") == true)
  }
}
