public import ArmDebug

/// Who a comparator works for.
public enum Owner: Equatable, Sendable {
  /// Nobody; it is off.
  case nobody
  /// The guest has enabled it. Its masks may keep it from being armed.
  case guest
  /// It does the debugger's request of this number, or a part of it.
  case debugger(request: Int)
}

/// Who the comparators of one kind work for.
public struct Owners: Sendable {
  /// Those that the guest has enabled.
  private(set) var guests = ComparatorSet.none
  /// Those that do a request of the debugger's, whose number is in `requests`.
  private(set) var debuggers = ComparatorSet.none
  private var requests = [16 of UInt8](repeating: 0)

  /// Those that work for somebody.
  var everybodys: ComparatorSet { guests.union(debuggers) }

  /// The owner of comparator `n` of 0 to 15.
  public subscript(n: Int) -> Owner {
    if guests.contains(n) { return .guest }
    return debuggers.contains(n) ? .debugger(request: Int(requests[n])) : .nobody
  }

  /// Forgets everybody. What `requests` holds is then nobody's.
  mutating func removeAll() {
    guests = .none
    debuggers = .none
  }

  mutating func giveToGuest(_ n: Int) { guests.insert(n) }

  mutating func giveToDebugger(_ n: Int, request: Int) {
    debuggers.insert(n)
    requests[n] = UInt8(truncatingIfNeeded: request)
  }
}

/// What the hardware is given, and whose an event is. Computed from guest state, requests, step
/// state and capabilities, and never edited (`Planner`).
public struct Plan: Sendable {
  /// The comparators. One that is off here may still have an owner.
  public internal(set) var bank = ComparatorBank()
  public internal(set) var breakpointOwners = Owners()
  public internal(set) var watchpointOwners = Owners()

  /// MDSCR_EL1. KDE is always 0: it is not needed while debug exceptions are taken to EL2, and with
  /// it EL2 could step itself.
  public internal(set) var mdscr = MDSCR(rawValue: 0)

  /// The requests for which there is no comparator left; bit n is request n.
  public internal(set) var unplacedBreakpoints: UInt16 = 0
  public internal(set) var unplacedWatchpoints: UInt16 = 0

  /// Nothing armed.
  init() {}

  /// Whether every request has found its comparators.
  public var isComplete: Bool { unplacedBreakpoints == 0 && unplacedWatchpoints == 0 }
}
