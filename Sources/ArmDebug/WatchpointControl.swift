/// Loads, stores or both: the accesses that a watchpoint watches (DBGWCRn_EL1.LSC), or those of one access.
public enum AccessKind: UInt8, Equatable, Sendable {
  case load = 0b01
  case store = 0b10
  case any = 0b11

  /// Whether both include loads, or both include stores.
  public func overlaps(_ other: AccessKind) -> Bool { rawValue & other.rawValue != 0 }
}

/// DBGWCRn_EL1, a watchpoint's control register (Arm ARM D24.3.12).
public struct WatchpointControl: Equatable, Sendable {
  public var rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// The bits that are not RES0 before Armv8.9.
  public static let mask: UInt64 = 0x1F1F_FFFF  // mutant: bitsOfWatchpointControl

  /// An enabled, unlinked watchpoint that matches at EL1 and EL0.
  public static func accesses(
    _ kind: AccessKind, bas: UInt64, mask: UInt64
  ) -> WatchpointControl {
    var control = WatchpointControl(rawValue: 0)
    control.e = true
    control.lsc = kind
    control.bas = bas
    control.mask = mask
    control.privilege = .everywhere
    return control
  }

  /// E: enabled.
  public var e: Bool {
    get { rawValue[bit: 0] }
    set { rawValue[bit: 0] = newValue }
  }
  /// PAC: privilege of access control.
  public var pac: UInt64 {
    get { rawValue[bits: 1...2] }
    set { rawValue[bits: 1...2] = newValue }
  }
  /// LSC: loads, stores or both; nil is 0, neither.
  public var lsc: AccessKind? {
    get { AccessKind(rawValue: UInt8(truncatingIfNeeded: rawValue[bits: 3...4])) }
    set { rawValue[bits: 3...4] = UInt64(newValue?.rawValue ?? 0) }
  }
  /// Whether LSC selects accesses of `kind`, or some of them.
  public func watches(_ kind: AccessKind) -> Bool {
    rawValue[bits: 3...4] & UInt64(kind.rawValue) != 0
  }
  /// BAS: which bytes of the doubleword are watched.
  public var bas: UInt64 {
    get { rawValue[bits: 5...12] }
    set { rawValue[bits: 5...12] = newValue }
  }
  /// HMC: higher mode control.
  public var hmc: Bool {
    get { rawValue[bit: 13] }
    set { rawValue[bit: 13] = newValue }
  }
  /// SSC: security state control.
  public var ssc: UInt64 {
    get { rawValue[bits: 14...15] }
    set { rawValue[bits: 14...15] = newValue }
  }
  /// LBN: the number of the context breakpoint that this watchpoint is linked to, where `wt`.
  public var lbn: Int {
    get { Int(truncatingIfNeeded: rawValue[bits: 16...19]) }
    set { rawValue[bits: 16...19] = UInt64(truncatingIfNeeded: newValue) }
  }
  /// WT: linked.
  public var wt: Bool {
    get { rawValue[bit: 20] }
    set { rawValue[bit: 20] = newValue }
  }
  /// MASK: 0, or 3 to 31 to watch an aligned block of two to the power of MASK bytes.
  public var mask: UInt64 {
    get { rawValue[bits: 24...28] }
    set { rawValue[bits: 24...28] = newValue }
  }
  /// HMC, SSC and PAC together. Setting it writes HMC 0 and SSC 00.
  public var privilege: PrivilegeMatch {
    get { PrivilegeMatch(control: rawValue) }
    set {
      // HMC, SSC and the levels.
      rawValue = rawValue & ~0xE006 | newValue.pmc &<< 1
    }
  }
}
