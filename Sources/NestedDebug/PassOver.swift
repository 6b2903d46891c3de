/// Comparators that are to be disarmed while one instruction runs, because what they would report
/// there has been dealt with. (Not an OptionSet: that conformance alone makes a module allocate.)
struct PassOver: Equatable, Sendable {
  private let bits: UInt8

  static let nothing = PassOver(bits: 0)
  static let guestBreakpoints = PassOver(bits: 1 << 0)
  static let guestWatchpoints = PassOver(bits: 1 << 1)
  static let debuggerBreakpoints = PassOver(bits: 1 << 2)
  static let debuggerWatchpoints = PassOver(bits: 1 << 3)

  func contains(_ other: PassOver) -> Bool { bits & other.bits == other.bits }

  func union(_ other: PassOver) -> PassOver { PassOver(bits: bits | other.bits) }

  /// The guest's among them.
  var guests: PassOver {
    PassOver(bits: bits & (Self.guestBreakpoints.bits | Self.guestWatchpoints.bits))
  }

  /// Whether an event of the debugger's is being passed over.
  var involvesDebugger: Bool {
    contains(.debuggerBreakpoints) || contains(.debuggerWatchpoints)
  }
}
