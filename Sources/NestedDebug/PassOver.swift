/// Comparators that are disarmed while one instruction runs, because their events at it have been dealt
/// with. (It is no OptionSet: that conformance alone makes a module allocate.)
struct PassOver: Equatable, Sendable {
  private let bits: UInt8

  static let nothing = PassOver(bits: 0)
  static let guestBreakpoints = PassOver(bits: 1 << 0)
  static let guestWatchpoints = PassOver(bits: 1 << 1)
  static let debuggerBreakpoints = PassOver(bits: 1 << 2)
  static let debuggerWatchpoints = PassOver(bits: 1 << 3)

  func contains(_ other: PassOver) -> Bool { bits & other.bits == other.bits }

  func union(_ other: PassOver) -> PassOver { PassOver(bits: bits | other.bits) }

  /// Those of them that are the guest's.
  var guests: PassOver {
    PassOver(bits: bits & (Self.guestBreakpoints.bits | Self.guestWatchpoints.bits))
  }

  /// Whether an event of the debugger is being passed over.
  var involvesDebugger: Bool {
    contains(.debuggerBreakpoints) || contains(.debuggerWatchpoints)
  }
}
