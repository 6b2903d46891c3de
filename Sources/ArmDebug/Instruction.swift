/// One A64 instruction, and the few questions about it that stepping has to answer
/// (Arm ARM C4.1, C5).
public struct Instruction: Equatable, Sendable {
  public var bits: UInt32

  public init(_ bits: UInt32) { self.bits = bits }

  private func matches(_ value: UInt32, mask: UInt32) -> Bool { bits & mask == value }

  /// ERET, ERETAA or ERETAB.
  public var isExceptionReturn: Bool {
    bits == 0xD69F_03E0 || bits == 0xD69F_0BFF || bits == 0xD69F_0FFF
  }

  /// The register that an MRS reads.
  public var registerRead: SystemRegister? {
    matches(0xD530_0000, mask: 0xFFF0_0000) ? systemRegister : nil
  }
  /// The register that an MSR (register) writes.
  public var registerWritten: SystemRegister? {
    matches(0xD510_0000, mask: 0xFFF0_0000) ? systemRegister : nil
  }

  private var systemRegister: SystemRegister {
    func field(_ range: ClosedRange<Int>) -> UInt8 {
      UInt8(truncatingIfNeeded: UInt64(bits)[bits: range])
    }
    return SystemRegister(
      op0: field(19...20), op1: field(16...18), crn: field(12...15), crm: field(8...11),
      op2: field(5...7))
  }

  /// MSR DAIFClr, #imm.
  public var isDAIFClr: Bool { matches(0xD503_40FF, mask: 0xFFFF_F0FF) }
  /// MSR ALLINT, #imm (FEAT_NMI).
  public var isALLINTImmediate: Bool { matches(0xD501_401F, mask: 0xFFFF_F0FF) }

  /// Whether the instruction can take away an interrupt mask: MSR DAIF, DAIFClr or ALLINT, or an
  /// exception return.
  public var mayUnmaskInterrupts: Bool {
    isDAIFClr || isALLINTImmediate || isExceptionReturn || registerWritten == .daif
      || registerWritten == .allint
  }

  /// Whether the instruction reads what interrupt is pending: ISR_EL1 or a register of the
  /// interrupt controller's CPU interface.
  public var observesPendingInterrupts: Bool {
    guard let register = registerRead else { return false }
    return register == .isr || register.isInterruptControllerInterface
  }

  /// A load or store at EL1 that is made as if at EL0: LDTR, STTR and their kin.
  public var isUnprivilegedAccess: Bool { matches(0x3800_0800, mask: 0x3F20_0C00) }

  /// A load-exclusive or store-exclusive of a register or a pair.
  public var isExclusive: Bool {
    guard matches(0x0800_0000, mask: 0x3F80_0000) else { return false }
    // o1 = 1 with the small sizes is CASP.
    return bits & 0x0020_0000 == 0 || bits & 0x8000_0000 != 0
  }
}
