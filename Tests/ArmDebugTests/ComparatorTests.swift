import ArmDebug
import Testing

@Suite("Comparators")
struct ComparatorTests {
  let capabilities = DebugCapabilities(dfr0: 0x1030_5106)
  let context = ContextIdentifiers(contextIDR: 0x1234_5678, vmid: 7)

  private func matches(_ bank: ComparatorBank, _ n: Int, _ pc: UInt64, _ el: ExceptionLevel) -> Bool
  {
    bank.breakpoint(n, matches: pc, at: el, in: context, of: capabilities)
  }

  @Test("an address breakpoint matches its instruction at its exception levels", arguments: 0..<6)
  func address(n: Int) {
    var bank = ComparatorBank()
    bank.breakpoints[n] = Breakpoint(
      value: 0xFFFF_8000_0010_0040, control: .address(bas: 0xF))
    #expect(matches(bank, n, 0xFFFF_8000_0010_0040, .el1))
    #expect(matches(bank, n, 0xFFFF_8000_0010_0040, .el0))
    #expect(!matches(bank, n, 0xFFFF_8000_0010_0040, .el2))
    #expect(!matches(bank, n, 0xFFFF_8000_0010_0044, .el1))
    #expect(!matches(bank, n, 0x0000_8000_0010_0040, .el1))
    bank.breakpoints[n].control.privilege = PrivilegeMatch(el1: true, el0: false)
    #expect(!matches(bank, n, 0xFFFF_8000_0010_0040, .el0))
    bank.breakpoints[n].control.e = false
    #expect(!matches(bank, n, 0xFFFF_8000_0010_0040, .el1))
  }

  @Test("a breakpoint that the processor lacks matches nothing", arguments: 6..<16)
  func absent(n: Int) {
    var bank = ComparatorBank()
    bank.breakpoints[n] = Breakpoint(value: 0x1000, control: .address(bas: 0xF))
    #expect(!matches(bank, n, 0x1000, .el1))
  }

  @Test(
    "BAS selects the halfword",
    arguments: [
      (0xF, 0, true), (0xF, 2, true), (0x3, 0, true), (0x3, 2, false), (0xC, 0, false),
      (0xC, 2, true), (0x0, 0, false),
    ] as [(UInt64, UInt64, Bool)])
  func halfword(bas: UInt64, offset: UInt64, expected: Bool) {
    let breakpoint = Breakpoint(value: 0x1000, control: .address(bas: bas))
    #expect(breakpoint.matchesAddress(0x1000 + offset) == expected)
  }

  @Test(
    "context breakpoints compare CONTEXTIDR_EL1, the VMID or both",
    arguments: [
      (.context, 0x1234_5678, true), (.context, 0x7_1234_5678, true),
      (.context, 0x1234_5679, false),
      (.contextEL1, 0x1234_5678, true), (.vmid, 0x7_0000_0000, true), (.vmid, 0x8_0000_0000, false),
      (.vmidAndContext, 0x7_1234_5678, true), (.vmidAndContext, 0x8_1234_5678, false),
      (.vmidAndContext, 0x7_1234_5670, false), (.contextEL2, 0x1234_5678, false),
      (.address, 0x1234_5678, false), (.mismatch, 0x1234_5678, false),
    ] as [(BreakpointType, UInt64, Bool)])
  func contextMatch(type: BreakpointType, value: UInt64, expected: Bool) {
    var bank = ComparatorBank()
    var control = BreakpointControl.address(bas: 0xF)
    control.bt = type
    bank.breakpoints[4] = Breakpoint(value: value, control: control)
    #expect(matches(bank, 4, 0xF_0000, .el1) == expected)
    // The same in a breakpoint that is not context-aware matches nothing.
    bank.breakpoints[0] = bank.breakpoints[4]
    #expect(!matches(bank, 0, 0xF_0000, .el1))
  }

  @Test(
    "a link needs an enabled, linked, context-aware partner, which fires nothing itself",
    arguments: 0..<16)
  func linked(partner: Int) {
    var bank = ComparatorBank()
    var control = BreakpointControl.address(bas: 0xF)
    control.bt = .linkedAddress
    control.lbn = partner
    bank.breakpoints[1] = Breakpoint(value: 0x1000, control: control)
    var partnerControl = BreakpointControl.address(bas: 0xF)
    partnerControl.bt = .linkedContext
    if partner != 1 {
      bank.breakpoints[partner] = Breakpoint(
        value: UInt64(context.contextIDR), control: partnerControl)
    }
    let isContextAware = partner == 4 || partner == 5
    #expect(bank.isLinkPartner(partner, of: capabilities) == isContextAware)
    #expect(matches(bank, 1, 0x1000, .el0) == isContextAware)
    #expect(!matches(bank, 1, 0x1004, .el0))
    if isContextAware {
      #expect(!matches(bank, partner, 0x1000, .el0))
      bank.breakpoints[partner].value = 0
      #expect(!matches(bank, 1, 0x1000, .el0))
      bank.breakpoints[partner].value = UInt64(context.contextIDR)
      bank.breakpoints[partner].control.e = false
      #expect(!matches(bank, 1, 0x1000, .el0))
    }
  }

  @Test(
    "BAS watches bytes of the doubleword, MASK an aligned block",
    arguments: [
      // WVR, BAS, MASK, first, last
      (0x1000, 0xFF, 0, 0x1000, 0x1007), (0x1000, 0x01, 0, 0x1000, 0x1000),
      (0x1000, 0x80, 0, 0x1007, 0x1007), (0x1000, 0x3C, 0, 0x1002, 0x1005),
      // Of runs that are not contiguous, the first.
      (0x1000, 0x81, 0, 0x1000, 0x1000),
      // WVR[2] = 1: BAS[7:4] is ignored.
      (0x1004, 0xFF, 0, 0x1004, 0x1007), (0x1004, 0x0C, 0, 0x1006, 0x1007),
      (0x1000, 0xFF, 3, 0x1000, 0x1007), (0x1000, 0xFF, 6, 0x1000, 0x103F),
      (0x1038, 0xFF, 6, 0x1000, 0x103F),
      (0xFFFF_8000_0000_0000, 0xFF, 31, 0xFFFF_8000_0000_0000, 0xFFFF_8000_7FFF_FFFF),
      (0xFFFF_FFFF_FFFF_FFF8, 0xFF, 0, 0xFFFF_FFFF_FFFF_FFF8, 0xFFFF_FFFF_FFFF_FFFF),
    ] as [(UInt64, UInt64, UInt64, UInt64, UInt64)])
  func range(value: UInt64, bas: UInt64, mask: UInt64, first: UInt64, last: UInt64) {
    let watchpoint = Watchpoint(value: value, control: .accesses(.any, bas: bas, mask: mask))
    #expect(watchpoint.range == WatchedRange(first: first, last: last))
  }

  @Test(
    "nothing is watched with BAS = 0, a reserved MASK, LSC = 0, or BAS[7:4] alone over a word",
    arguments: [
      (0x1000, 0, 0, 3), (0x1000, 0xFF, 1, 3), (0x1000, 0xFF, 2, 3), (0x1000, 0xFF, 0, 0),
      (0x1004, 0xF0, 0, 3),
    ] as [(UInt64, UInt64, UInt64, UInt8)])
  func noRange(value: UInt64, bas: UInt64, mask: UInt64, lsc: UInt8) {
    var watchpoint = Watchpoint(value: value, control: .accesses(.any, bas: bas, mask: mask))
    watchpoint.control.lsc = AccessKind(rawValue: lsc)
    #expect(watchpoint.range == nil)
  }

  @Test("a watchpoint matches any overlap of its kind", arguments: 0..<4)
  func access(n: Int) {
    var bank = ComparatorBank()
    bank.watchpoints[n] = Watchpoint(
      value: 0x1000, control: .accesses(.store, bas: 0xF0, mask: 0))
    func matches(_ address: UInt64, _ size: UInt64, _ kind: AccessKind = .store) -> Bool {
      bank.watchpoint(
        n, matches: address, size: size, kind: kind, at: .el1, in: context, of: capabilities)
    }
    #expect(matches(0x1004, 1))
    #expect(matches(0x1000, 8))
    #expect(matches(0xFFF, 64))
    #expect(matches(0x1007, 16))
    // A tagged address is the same address.
    #expect(matches(0x5A00_0000_0000_1004, 1))
    #expect(!matches(0x1000, 4))
    #expect(!matches(0x1008, 8))
    #expect(!matches(0x1004, 1, .load))
    #expect(!matches(0x1004, 0))
    bank.watchpoints[n].control.wt = true
    bank.watchpoints[n].control.lbn = 5
    #expect(!matches(0x1004, 1))
    var partner = BreakpointControl.address(bas: 0xF)
    partner.bt = .linkedContext
    bank.breakpoints[5] = Breakpoint(value: UInt64(context.contextIDR), control: partner)
    #expect(matches(0x1004, 1))
  }

  @Test(
    "FAR may lie below the watched bytes, within the DC ZVA block, never above",
    arguments: [
      // FAR, distance from the bytes 0x1020 to 0x1027
      (0x1020, 0), (0x1027, 0), (0x101F, 1), (0x1000, 0x20), (0x0FFF, nil), (0x1028, nil),
      (0x1040, nil), (0x5A00_0000_0000_1024, 0),
    ] as [(UInt64, UInt64?)])
  func attribution(far: UInt64, distance: UInt64?) {
    let range = WatchedRange(first: 0x1020, last: 0x1027)
    #expect(range.distance(from: far, block: 64) == distance)
  }

  @Test("with larger DC ZVA blocks FAR may lie further below")
  func attributionByBlock() {
    let range = WatchedRange(first: 0x10F8, last: 0x10FF)
    #expect(range.distance(from: 0x1000, block: 64) == nil)
    #expect(range.distance(from: 0x1000, block: 256) == 0xF8)
  }
}
