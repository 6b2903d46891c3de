/// The name of a system register as instructions encode it: op0, op1, CRn, CRm, op2.
public struct SystemRegister: Hashable, Sendable {
  public var op0, op1, crn, crm, op2: UInt8

  public init(op0: UInt8, op1: UInt8, crn: UInt8, crm: UInt8, op2: UInt8) {
    self.op0 = op0
    self.op1 = op1
    self.crn = crn
    self.crm = crm
    self.op2 = op2
  }

  /// The same in the order of Arm's tables: `SystemRegister(3, 0, 12, 1, 0)` is ISR_EL1.
  public init(_ op0: UInt8, _ op1: UInt8, _ crn: UInt8, _ crm: UInt8, _ op2: UInt8) {
    self.init(op0: op0, op1: op1, crn: crn, crm: crm, op2: op2)
  }

  /// ISR_EL1, the pending interrupts.
  public static let isr = SystemRegister(3, 0, 12, 1, 0)
  /// DAIF, the exception masks.
  public static let daif = SystemRegister(3, 3, 4, 2, 1)
  /// ALLINT, the mask of all interrupts (FEAT_NMI).
  public static let allint = SystemRegister(3, 0, 4, 3, 0)

  /// Whether the register belongs to the CPU interface of the interrupt controller (ICC_*_EL1:
  /// GIC architecture specification, 12.2).
  public var isInterruptControllerInterface: Bool {
    guard op0 == 3, op1 == 0 else { return false }
    switch (crn, crm) {
    case (4, 6): return op2 == 0
    case (12, 8), (12, 9), (12, 11), (12, 12): return true
    default: return false
    }
  }
}

/// An MSR, MRS or system instruction that was trapped: the syndrome of exception class 0x18
/// (Arm ARM D24.2.40, "ISS encoding for an exception from MSR, MRS …").
public struct SystemRegisterAccess: Equatable, Sendable {
  public var register: SystemRegister
  /// The general-purpose register; 31 is XZR.
  public var rt: UInt8
  /// True for MRS (guest reads), false for MSR.
  public var isRead: Bool

  public init(register: SystemRegister, rt: UInt8, isRead: Bool) {
    self.register = register
    self.rt = rt
    self.isRead = isRead
  }

  /// Decodes the instruction-specific syndrome, bits 24:0 of ESR_ELx.
  public init(iss: UInt64) {
    func field(_ range: ClosedRange<Int>) -> UInt8 { UInt8(truncatingIfNeeded: iss[bits: range]) }
    register = SystemRegister(
      op0: field(20...21), op1: field(14...16), crn: field(10...13), crm: field(1...4),
      op2: field(17...19))
    rt = field(5...9)
    isRead = iss[bit: 0]
  }
}
