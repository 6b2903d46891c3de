/// MDSCR_EL1, the monitor debug system control register (Arm ARM D24.3.20).
public struct MDSCR: Equatable, Sendable {
  public var rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// SS, TDCC, KDE and MDE: the fields that software always writes.
  public static let mask: UInt64 = 1 << 0 | 1 << 12 | 1 << 13 | 1 << 15

  /// The fields that belong to the external debugger (ERR, HDE, SC2, TDA, INTdis, TXU, RXO, TXfull,
  /// RXfull, TFO). Software writes them only while the OS Lock is set, to save and restore them
  /// over a power-down; otherwise they are read-only.
  public static let maskWhenLocked: UInt64 =
    mask | 1 << 6 | 1 << 14 | 1 << 19 | 1 << 21 | 3 << 22 | 1 << 26 | 1 << 27 | 1 << 29 | 1 << 30
    | 1 << 31

  /// What `maskWhenLocked` has beyond `mask`.
  public static let externalMask: UInt64 = maskWhenLocked & ~mask

  /// SS: software step enabled.
  public var ss: Bool {
    get { rawValue[bit: 0] }
    set { rawValue[bit: 0] = newValue }
  }
  /// TDCC: EL0 accesses to the debug communication channel trap to EL1.
  public var tdcc: Bool {
    get { rawValue[bit: 12] }
    set { rawValue[bit: 12] = newValue }
  }
  /// KDE: debug exceptions from the exception level that they are taken to are enabled.
  public var kde: Bool {
    get { rawValue[bit: 13] }
    set { rawValue[bit: 13] = newValue }
  }
  /// MDE: breakpoint, watchpoint and vector catch exceptions are enabled.
  public var mde: Bool {
    get { rawValue[bit: 15] }
    set { rawValue[bit: 15] = newValue }
  }
}
