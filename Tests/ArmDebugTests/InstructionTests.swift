import ArmDebug
import Testing

@Suite("Instructions that stepping looks at")
struct InstructionTests {
  enum Kind: CaseIterable {
    case exceptionReturn, daifClr, allint, exclusive

    func matches(_ instruction: Instruction) -> Bool {
      switch self {
      case .exceptionReturn: instruction.isExceptionReturn
      case .daifClr: instruction.isDAIFClr
      case .allint: instruction.isALLINTImmediate
      case .exclusive: instruction.isExclusive
      }
    }
  }

  @Test(
    "each is what it is and nothing else",
    arguments: [
      // ERET, ERETAA, ERETAB; SVC #0, SVC #0xFFFF; HVC, SMC, BRK #0x42
      (0xD69F_03E0, .exceptionReturn), (0xD69F_0BFF, .exceptionReturn),
      (0xD69F_0FFF, .exceptionReturn), (0xD400_0001, nil), (0xD41F_FFE1, nil),
      (0xD400_0002, nil), (0xD400_0003, nil), (0xD420_0840, nil),
      // WFI, WFE, WFIT X3, WFET X3
      (0xD503_207F, nil), (0xD503_205F, nil), (0xD503_1023, nil), (0xD503_1003, nil),
      // MSR DAIFSet, #2; MSR DAIFClr, #15; MSR ALLINT, #1
      (0xD503_42DF, nil), (0xD503_4FFF, .daifClr), (0xD501_411F, .allint),
      // NOP, YIELD, RET
      (0xD503_201F, nil), (0xD503_203F, nil), (0xD65F_03C0, nil),
    ] as [(UInt32, Kind?)])
  func recognised(bits: UInt32, kind: Kind?) {
    #expect(Kind.allCases.filter { $0.matches(Instruction(bits)) } == [kind].compactMap(\.self))
  }

  @Test("MRS and MSR name their register")
  func systemRegister() {
    // MRS X5, MDSCR_EL1; MSR MDSCR_EL1, X5
    #expect(Instruction(0xD530_0245).registerRead == SystemRegister(2, 0, 0, 2, 2))
    #expect(Instruction(0xD530_0245).registerWritten == nil)
    #expect(Instruction(0xD510_0245).registerWritten == SystemRegister(2, 0, 0, 2, 2))
    // MRS X0, DAIF
    #expect(Instruction(0xD53B_4220).registerRead == .daif)
    // DC ZVA, X0 is neither.
    #expect(Instruction(0xD50B_7420).registerRead == nil)
    #expect(Instruction(0xD50B_7420).registerWritten == nil)
  }

  @Test(
    "what can lift an interrupt mask",
    arguments: [
      (0xD503_42FF, true), (0xD51B_4220, true), (0xD69F_03E0, true), (0xD501_401F, true),
      (0xD518_4300, true),
      // MSR DAIFSet, #2; MRS X0, DAIF; NOP
      (0xD503_42DF, false), (0xD53B_4220, false), (0xD503_201F, false),
    ] as [(UInt32, Bool)])
  func unmasking(bits: UInt32, expected: Bool) {
    #expect(Instruction(bits).mayUnmaskInterrupts == expected)
  }

  @Test(
    "what sees a pending interrupt",
    arguments: [
      // MRS of ISR_EL1, ICC_IAR1_EL1, ICC_HPPIR1_EL1, ICC_PMR_EL1
      (0xD538_C100, true), (0xD538_CC00, true), (0xD538_CC40, true), (0xD538_4600, true),
      // MSR ICC_EOIR1_EL1; MRS of VBAR_EL1 and DAIF
      (0xD518_CC20, false), (0xD538_C000, false), (0xD53B_4220, false),
    ] as [(UInt32, Bool)])
  func observing(bits: UInt32, expected: Bool) {
    #expect(Instruction(bits).observesPendingInterrupts == expected)
  }

  @Test(
    "accesses as if at EL0, not their neighbours",
    arguments: [
      // LDTR X, W; LDTRB; LDTRSW; LDTRSH; STTR X; STTRB, each with an offset
      (0xF840_8841, true), (0xB85F_F841, true), (0x3840_0841, true), (0xB880_4841, true),
      (0x78C0_2841, true), (0xF800_8841, true), (0x3800_1841, true),
      // LDUR, LDR pre- and post-indexed, LDR by register and by immediate, LDUR of S0, LDP
      (0xF840_8041, false), (0xF840_8C41, false), (0xF840_8441, false), (0xF863_6841, false),
      (0xF940_0841, false), (0xBC40_0841, false), (0xA940_0841, false),
    ] as [(UInt32, Bool)])
  func unprivileged(bits: UInt32, expected: Bool) {
    #expect(Instruction(bits).isUnprivilegedAccess == expected)
  }

  @Test(
    "exclusives of every size, not their neighbours",
    arguments: [
      // LDXRB, LDXR, STXR, LDAXR, STLXR, LDXP, STXP
      (0x085F_7C41, true), (0xC85F_7C41, true), (0xC803_7C41, true),
      (0xC85F_FC41, true), (0xC803_FC41, true), (0xC87F_0C41, true),
      (0xC823_0C41, true),
      // LDAR, STLR, CASP, CAS, LDR
      (0xC8DF_FC41, false), (0xC89F_FC41, false), (0x4820_7C44, false),
      (0xC8A1_7C43, false), (0xF940_0041, false),
    ] as [(UInt32, Bool)])
  func exclusives(bits: UInt32, isExclusive: Bool) {
    #expect(Instruction(bits).isExclusive == isExclusive)
  }
}
