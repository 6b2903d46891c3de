public import ArmDebug

/// The owner of a comparator.
public enum Owner: Equatable, Sendable {
  /// Nobody; it is off.
  case nobody
  /// The guest has enabled it. Its masks may keep it from being armed.
  case guest
  /// It does what these requests of the debugger ask for, or a part of it.
  case debugger(RequestIDs)
}

/// The owners of the comparators of one kind.
public struct Owners: Sendable {
  /// Those that the guest has enabled.
  var guests = ComparatorSet.none
  /// Those that do what the debugger asks for in `requests`.
  private(set) var debuggers = ComparatorSet.none
  private var requests = [16 of RequestIDs](repeating: RequestIDs())

  /// Those that have an owner.
  var everybodys: ComparatorSet { guests.union(debuggers) }

  /// The owner of comparator `n` of 0 to 15.
  public subscript(n: Int) -> Owner {
    if guests.contains(n) { return .guest }
    return debuggers.contains(n) ? .debugger(requests[n]) : .nobody
  }

  /// The requests behind comparator `n`, which is the debugger's.
  func requests(of n: Int) -> RequestIDs { requests[n] }

  /// Removes all owners.
  mutating func removeAll() {
    guests = .none
    debuggers = .none
  }

  @inline(__always)
  mutating func giveToDebugger(_ n: Int, for ids: RequestIDs) {
    debuggers.insert(n)
    requests[n] = ids
  }
}

/// The content of the hardware, and the owner of each event. The `Planner` computes it from guest state,
/// requests, step state and capabilities; nobody else changes it.
public struct Plan: Sendable {
  /// The comparators. One that is off may have an owner.
  public internal(set) var bank = ComparatorBank()
  /// Those of them that are on.
  private(set) var armedBreakpoints = ComparatorSet.none
  private(set) var armedWatchpoints = ComparatorSet.none
  public internal(set) var breakpointOwners = Owners()
  public internal(set) var watchpointOwners = Owners()

  /// MDSCR_EL1. KDE is always 0: debug exceptions that are taken to EL2 do not need it, and with it set EL2
  /// could step itself.
  public internal(set) var mdscr = MDSCR(rawValue: 0)

  /// The requests for which there is no comparator left.
  public internal(set) var unplaced = UnplacedRequests()

  /// Nothing armed.
  init() {}

  /// Whether every request has found its comparators.
  public var isComplete: Bool { unplaced.isEmpty }

  /// Whether any comparator is on.
  var armsAnything: Bool { !armedBreakpoints.isEmpty || !armedWatchpoints.isEmpty }
}

// How the planner makes a plan.
extension Plan {
  @inline(__always)
  mutating func setBreakpoint(_ n: Int, _ breakpoint: Breakpoint) {
    bank.breakpoints[n] = breakpoint
    if breakpoint.control.e { armedBreakpoints.insert(n) } else { armedBreakpoints.remove(n) }
  }

  @inline(__always)
  mutating func setWatchpoint(_ n: Int, _ watchpoint: Watchpoint) {
    bank.watchpoints[n] = watchpoint
    if watchpoint.control.e { armedWatchpoints.insert(n) } else { armedWatchpoints.remove(n) }
  }

  /// Makes the plan empty. Only comparators that had an owner can be on.
  mutating func clear() {
    var breakpoints = breakpointOwners.everybodys
    while let n = breakpoints.popFirst() { bank.breakpoints[n] = .off }
    var watchpoints = watchpointOwners.everybodys
    while let n = watchpoints.popFirst() { bank.watchpoints[n] = .off }
    armedBreakpoints = .none
    armedWatchpoints = .none
    breakpointOwners.removeAll()
    watchpointOwners.removeAll()
    unplaced.removeAll()
  }

  // The guest enables or disables a comparator while every request has its comparators. These functions
  // note that. If the change would move a request they do nothing and return false.

  @inline(__always)
  mutating func giveBreakpointToGuest(_ n: Int) -> Bool {
    // mutant: changeMovesDebuggers
    guard unplaced.breakpoints.isEmpty, !breakpointOwners.debuggers.contains(n) else {
      return false
    }
    breakpointOwners.guests.insert(n)
    return true
  }

  @inline(__always)
  mutating func giveWatchpointToGuest(_ n: Int) -> Bool {
    guard unplaced.watchpoints.isEmpty, !watchpointOwners.debuggers.contains(n) else {
      return false
    }
    watchpointOwners.guests.insert(n)
    return true
  }

  /// Breakpoint `n` must not be context-aware. The debugger prefers `n` to those after it.
  @inline(__always)
  mutating func takeBreakpointFromGuest(_ n: Int, of comparators: Comparators) -> Bool {
    let later = ComparatorSet.first(n).union(comparators.contextAware)
    guard unplaced.breakpoints.isEmpty, breakpointOwners.debuggers.intersection(later).isEmpty
    else {
      return false
    }
    breakpointOwners.guests.remove(n)
    setBreakpoint(n, .off)
    return true
  }

  @inline(__always)
  mutating func takeWatchpointFromGuest(_ n: Int) -> Bool {
    guard unplaced.watchpoints.isEmpty,
      watchpointOwners.debuggers.intersection(.first(n)).isEmpty
    else { return false }
    watchpointOwners.guests.remove(n)
    setWatchpoint(n, .off)
    return true
  }
}
