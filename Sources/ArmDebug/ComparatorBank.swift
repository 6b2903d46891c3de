/// One hardware breakpoint: DBGBVRn_EL1 and DBGBCRn_EL1.
public struct Breakpoint: Equatable, Sendable {
  /// DBGBVRn_EL1: an address or, by `control.bt`, context identifiers.
  public var value: UInt64
  public var control: BreakpointControl

  public init(value: UInt64, control: BreakpointControl) {
    self.value = value
    self.control = control
  }

  /// A comparator that does nothing.
  public static let off = Breakpoint(value: 0, control: BreakpointControl(rawValue: 0))
}

/// One hardware watchpoint: DBGWVRn_EL1 and DBGWCRn_EL1.
public struct Watchpoint: Equatable, Sendable {
  /// DBGWVRn_EL1: the address of the doubleword or block.
  public var value: UInt64
  public var control: WatchpointControl

  public init(value: UInt64, control: WatchpointControl) {
    self.value = value
    self.control = control
  }

  /// A comparator that does nothing.
  public static let off = Watchpoint(value: 0, control: WatchpointControl(rawValue: 0))
}

/// All comparators of one processor. The bank always has sixteen of each; those that the processor
/// lacks stay off.
public struct ComparatorBank: Sendable {
  /// The most comparators of a kind that the architecture has without banking.
  public static let capacity = 16

  public var breakpoints = [16 of Breakpoint](repeating: .off)
  public var watchpoints = [16 of Watchpoint](repeating: .off)

  /// Every comparator off.
  public init() {}
}
