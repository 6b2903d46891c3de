import ArmDebug
import NestedDebug

/// The program on the bare model, and an ideal debugger: one that stops the guest where it asks to
/// without any of the processor's debug hardware, so that the guest keeps all of it.
///
/// It defines what the debugger must be told:
/// - A step is one event: one instruction, or an exception that is taken in its place. It runs the
///   instruction whether or not there is a breakpoint on it.
/// - A breakpoint stops before the instruction, after the guest's own step exception and pending
///   interrupts, and before the guest's breakpoint there.
/// - A watchpoint stops before the access, after all other exceptions of the instruction. Guest and
///   debugger come in the order of their first watched bytes, at the same byte the debugger first.
/// - What was reported is not reported again before the instruction has run or an exception was
///   taken in its place.
/// - While it steps, or goes on over what was reported, interrupts wait until one instruction has
///   run, unless that is one that looks at them.
/// - An interrupt may come after a store-exclusive rather than before it.
struct IdealMachine {
  private(set) var core: ModelCore
  var points = DebuggerPoints()
  private(set) var coverage = Coverage()

  /// Stops that were reported at the instruction that runs next.
  private var reportedBreakpoint = false
  private var reportedWatchpoint = false

  /// The comparators that the guest has taken from the debugger, as the engine says; checked.
  private var unplaced = NestedMachine.Unplaced(count: 0)
  private var nextUnplaced = 0

  /// Store-exclusives that failed for no reason since the last that stored, and how often the
  /// debugger has come in between.
  private var checkedStores = 0
  private var spuriousFailures = 0
  private var interventions = 0

  init(_ core: ModelCore) { self.core = core }

  /// Whether the processor has the comparators for all of `points`, should the guest have none enabled.
  func hasRoom(for points: DebuggerPoints) -> Bool {
    points.breakpoints.count <= core.processor.breakpoints
      && points.watchpoints.reduce(0) { $0 + $1.comparators } <= core.processor.watchpoints
  }

  private var freeBreakpoints: Int {
    (0..<core.processor.breakpoints).count { core.bcr[$0] & 1 == 0 }
  }

  private var freeWatchpoints: Int {
    (0..<core.processor.watchpoints).count { core.wcr[$0] & 1 == 0 }
  }

  /// Goes on as `nested` did, which was told of `stop` or else held.
  ///
  /// - Returns: what the debugger was not told, or was told wrongly.
  mutating func follow(
    _ nested: borrowing NestedMachine, stop: DebuggerStop?, steps: Bool
  ) -> String? {
    interventions += 1
    // A debugger that asks for nothing has let go of the guest.
    if !steps, points.isEmpty {
      reportedBreakpoint = false
      reportedWatchpoint = false
    }
    let count = nested.core.transcript.count
    // So many exceptions in a row without an instruction never end.
    for _ in 0..<8 * (count - core.transcript.count + 4) {
      if stop == nil, core.transcript.count == count, stands(where: nested) { return nil }
      guard core.transcript.count <= count else { break }
      if let complaint = takeUnplaced(from: nested) { return complaint }
      let reason = advance(nested, steps: steps)
      if let complaint = checkStore(nested) { return complaint }
      if let reason { return compare(reason, with: stop, nested) }
    }
    return "\(describe(stop, nested)); without comparators of its own, it would not have been told"
  }

  /// Whether the guest stands at the same instruction, after the same exceptions. (PSTATE.I tells an
  /// exception from what it interrupted, should both be at one vector.)
  private func stands(where nested: borrowing NestedMachine) -> Bool {
    core.pc == nested.context.pc && core.pstate == nested.context.pstate
      && core.elr == nested.core.elr && core.spsr == nested.core.spsr
  }

  /// Lets the guest alone until its transcript has `observations` entries, as far as it comes.
  mutating func finish(_ observations: Int) {
    for _ in 0..<4 * observations where core.transcript.count < observations { tick() }
  }

  private func compare(
    _ reason: DebuggerStop, with stop: DebuggerStop?, _ nested: borrowing NestedMachine
  ) -> String? {
    let isSame =
      switch (reason, stop) {
      case (.watchpoint(let address, _), .watchpoint(let told, let kind)):
        told == address
          && points.watchpoints.contains { $0.range.contains(told) && $0.kind == kind }
      default: reason == stop
      }
    guard isSame, core.pc == nested.context.pc,
      core.transcript.count == nested.core.transcript.count
    else {
      return "\(describe(stop, nested)) instead of \(reason) at \(hex(core.pc)), "
        + "after \(core.transcript.count) observations"
    }
    return nil
  }

  private func describe(_ stop: DebuggerStop?, _ nested: borrowing NestedMachine) -> String {
    "\(stop.map { "\($0)" } ?? "held") at \(hex(nested.context.pc)), "
      + "after \(nested.core.transcript.count) observations"
  }

  private func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

  // MARK: One event

  private mutating func advance(_ nested: borrowing NestedMachine, steps: Bool) -> DebuggerStop? {
    core.raiseInterrupts()
    let operation = core.program[core.pc]
    let observes = operation?.observesInterrupts == true
    core.withheld =
      (steps || reportedBreakpoint || reportedWatchpoint) && !observes
      || nested.completedStores.contains(core.transcript.count)
    if core.withheld, core.interruptPending, !core.pstate.i { coverage.note(.interruptWithheld) }
    switch core.upcoming {
    case .stepException, .interrupt: break
    case .breakpoint:
      if stopsAtBreakpoint(steps) {
        coverage.note(.bothBreakpoints)
        return .breakpoint(address: core.pc)
      }
    case .instruction(let operation):
      if stopsAtBreakpoint(steps) { return .breakpoint(address: core.pc) }
      if let stop = stopAtWatchpoint(operation) { return stop }
    }
    if steps { coverage.note(step: core.upcoming) }
    core.failsSpuriously = failsInOtherRun(nested)
    tick()
    reportedBreakpoint = false
    reportedWatchpoint = false
    return steps ? .step : nil
  }

  private mutating func tick() {
    coverage.note(core)
    // The bare machine's EL2 does nothing but return.
    if core.tick() != nil { core.enter(pc: core.pc, pstate: core.pstate) }
  }

  private mutating func stopsAtBreakpoint(_ steps: Bool) -> Bool {
    guard !steps, !reportedBreakpoint, points.breakpoints.contains(core.pc),
      !unplaced.points.breakpoints.contains(core.pc)
    else { return false }
    reportedBreakpoint = true
    coverage.note(.debuggerBreakpoint)
    return true
  }

  private mutating func stopAtWatchpoint(_ operation: Operation) -> DebuggerStop? {
    guard !reportedWatchpoint, !points.watchpoints.isEmpty,
      let access = operation.access(zeroBlock: core.processor.zeroBlock)
    else { return nil }
    var first: (byte: UInt64, kind: AccessKind)?
    for watchpoint in points.watchpoints where !unplaced.points.watchpoints.contains(watchpoint) {
      guard let byte = watchpoint.first(of: access), byte < first?.byte ?? .max else { continue }
      first = (byte, watchpoint.kind)
    }
    guard let first else { return nil }
    if let guests = core.watch(access) {
      guard first.byte <= guests.byte else {
        coverage.note(.guestWatchpointFirst)
        return nil
      }
      coverage.note(.bothWatchpoints)
    }
    reportedWatchpoint = true
    coverage.note(debuggerWatchpoint: operation)
    return .watchpoint(address: first.byte, kind: first.kind)
  }

  // MARK: What depends on the other run

  /// Takes over which requests are not in force from here on.
  private mutating func takeUnplaced(from nested: borrowing NestedMachine) -> String? {
    let first = nextUnplaced
    while nextUnplaced < nested.unplaced.count,
      nested.unplaced[nextUnplaced].count <= core.transcript.count
    {
      unplaced = nested.unplaced[nextUnplaced]
      nextUnplaced += 1
    }
    guard nextUnplaced > first else { return nil }
    if !unplaced.points.breakpoints.isEmpty { coverage.note(.unplacedBreakpoint) }
    if !unplaced.points.watchpoints.isEmpty { coverage.note(.unplacedWatchpoint) }
    return unplacedIsRight ? nil : "a request is not in force, and there is room for it"
  }

  /// Only what finds no comparator may be left out: all that are free are in use, or too few for
  /// each watchpoint that is left out.
  private var unplacedIsRight: Bool {
    let out = unplaced.points
    let breakpoints = points.breakpoints.count - out.breakpoints.count
    guard out.breakpoints.isEmpty || breakpoints == freeBreakpoints else { return false }
    let placed = points.watchpoints.filter { !out.watchpoints.contains($0) }
    let left = freeWatchpoints - placed.reduce(0) { $0 + $1.comparators }
    return out.watchpoints.allSatisfy { $0.comparators > left }
  }

  /// Whether the next store-exclusive could store here and has failed there.
  private func failsInOtherRun(_ nested: borrowing NestedMachine) -> Bool {
    guard let operation = core.program[core.pc], core.canStore(operation),
      core.storeOutcomes.count < nested.core.storeOutcomes.count
    else { return false }
    return !nested.core.storeOutcomes[core.storeOutcomes.count]
  }

  /// By the architecture a store-exclusive may fail for no reason, but not for ever: twice, and once
  /// more for each time that the debugger comes in between.
  private mutating func checkStore(_ nested: borrowing NestedMachine) -> String? {
    let count = core.storeOutcomes.count
    guard count > checkedStores, count <= nested.core.storeOutcomes.count else { return nil }
    checkedStores = count
    guard core.storeOutcomes[count - 1] == nested.core.storeOutcomes[count - 1] else {
      return "a store-exclusive has stored that could not"
    }
    if core.storeOutcomes[count - 1] {
      spuriousFailures = 0
      interventions = 0
    } else if core.storeFailedSpuriously {
      coverage.note(.exclusiveSpurious)
      spuriousFailures += 1
      if spuriousFailures > 2 + interventions { return "a store-exclusive goes on failing" }
    }
    return nil
  }
}
