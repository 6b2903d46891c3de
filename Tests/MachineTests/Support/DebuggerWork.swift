/// What a debugger that keeps at it has done and seen.
struct DebuggerWork: CustomStringConvertible {
  /// Conversations that were begun.
  var sessions = 0
  /// Times that it stopped the guest at an arbitrary place.
  var interruptions = 0
  var steps = 0
  var breakpoints = 0
  var watchpoints = 0
  /// Breakpoints and watchpoints that were refused: more than the processor has comparators for.
  var refusals = 0
  /// Times that it was told that the guest had taken a comparator away.
  var notices = 0

  /// How often the guest was stopped.
  var stops: Int { interruptions + steps + breakpoints + watchpoints }

  var description: String {
    "\(sessions) sessions, \(interruptions) interruptions, \(steps) steps, \(breakpoints) breakpoints, "
      + "\(watchpoints) watchpoints, \(refusals) refusals, \(notices) notices"
  }
}
