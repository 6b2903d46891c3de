import ArmDebug
package import NestedDebug

/// The model under the engine: a hypervisor and its debugger, as small as they can be.
package struct NestedMachine: ~Copyable {
  package var core: ModelCore
  package var debug: VirtualDebug
  package var requests = DebugRequests()
  package var policy = DecliningPolicy()
  package var context: GuestContext
  /// Exits take the fast path wherever the hypervisor's vectors take it.
  var takesFastPath = true
  /// The requests whose comparators the guest has taken, from each length of the transcript on.
  private(set) var unplaced: [Unplaced] = []
  /// The lengths of the transcript at which EL2 has completed a store-exclusive, or has let interrupts
  /// wait for the watchpoint of one.
  private(set) var completedStores: Set<Int> = []
  var coverage = Coverage()

  /// Requests that are not in force while the transcript has at least `count` entries.
  struct Unplaced: Equatable {
    var count: Int
    var points = DebuggerPoints()
  }

  package init(_ core: ModelCore) {
    self.core = core
    debug = VirtualDebug(
      capabilities: core.processor.capabilities, features: .none,
      zeroBlockSize: core.processor.zeroBlock, vmid: UInt16(ModelCore.vmid))
    context = GuestContext(pc: core.pc, pstate: core.pstate)
  }

  /// Runs the guest until the debugger is told of a stop, or for `ticks` events, or until the
  /// guest's transcript has `observations` entries.
  package mutating func run(ticks: Int = 200, observations: Int = .max) -> DebuggerStop? {
    // What the debugger does here may let in what waited for a watchpoint.
    completedStores.remove(core.transcript.count)
    enter()
    // An interrupt of EL2's own comes after a step exception that is due.
    for tick in 0..<ticks + 20 {
      guard tick < ticks && core.transcript.count < observations || core.isStepPending else {
        break
      }
      guard let exit = core.tick(), !completeOnFastPath(exit) else { continue }
      if let stop = handle(exit) { return stop }
      enter()
    }
    // As when the debugger says Ctrl-C.
    _ = handle(ModelCore.Exit(syndrome: nil))
    return nil
  }

  private mutating func enter() {
    // Whose operands EL2 asks for.
    core.pc = context.pc
    let stores = core.storeOutcomes.count
    let length = core.transcript.count
    debug.prepareToRun(context: &context, hardware: &core, requests: requests)
    if core.storeOutcomes.count > stores {
      completedStores.insert(length)
      if core.storeOutcomes.last == true { coverage.note(.exclusiveByEL2) }
    }
    // In force already for a store-exclusive that EL2 has completed on the way.
    notePlan(since: length)
    core.enter(pc: context.pc, pstate: context.pstate)
  }

  /// The plan in force since the transcript had `count` entries.
  mutating func notePlan(since count: Int) {
    guard debug.mode == .shared, !debug.plan.isComplete else {
      if !(unplaced.last?.points.isEmpty ?? true) {
        unplaced.append(Unplaced(count: count))
      }
      return
    }
    var points = DebuggerPoints()
    let missing = debug.plan.unplaced
    for n in 0..<missing.breakpoints.count {
      guard let request = requests[missing.breakpoints[n]] else { continue }
      points.breakpoints.append(request.address)
    }
    for n in 0..<missing.watchpoints.count {
      guard let request = requests[missing.watchpoints[n]],
        case .watchpoint(let kind) = request.kind
      else { continue }
      points.watchpoints.append(
        DebuggerWatchpoint(range: request.range.first...request.range.last, kind: kind))
    }
    guard unplaced.last?.points != points else { return }
    unplaced.append(Unplaced(count: count, points: points))
  }

  /// A step of the debugger.
  package mutating func step() -> DebuggerStop? {
    debug.requestStep()
    return run()
  }

  private mutating func handle(_ exit: ModelCore.Exit) -> DebuggerStop? {
    context = GuestContext(pc: core.pc, pstate: core.pstate)
    debug.guestExited(exit.syndrome, context: &context, hardware: &core)
    guard let syndrome = exit.syndrome, let exceptionClass = syndrome.exceptionClass else {
      return nil
    }
    switch exceptionClass {
    case .systemRegister: access(SystemRegisterAccess(iss: syndrome.iss))
    case .wfx:
      core.transcript.append(.executed(context.pc))
      debug.instructionEmulated(context: &context)
    case _ where exceptionClass.isDebug:
      let pc = context.pc
      let waits = core.withheld
      let disposition = debug.handle(
        syndrome, faultAddress: exit.far, context: &context, hardware: &core)
      if waits, case .storeExclusive = core.program[pc],
        Self.tellsWatchpoint(disposition, hasMoved: context.pc != pc)
      {
        completedStores.insert(core.transcript.count)
      }
      if case .candidate(let candidate) = disposition {
        let reason = debug.decide(candidate, in: context, by: &policy)
        // A stop whose names are wrong is a stop that no ideal debugger would have been told of.
        if let reason { return DebuggerStop(reason, in: requests) ?? .breakpoint(address: .max) }
        return nil
      }
      coverage.note(unseen: exceptionClass, isPassedOver: context.pc == pc)
    default: break
    }
    return nil
  }

  /// Whether what interrupts have waited for at a store-exclusive was its watchpoint, the debugger's or
  /// the guest's.
  private static func tellsWatchpoint(_ disposition: Disposition, hasMoved: Bool) -> Bool {
    switch disposition {
    case .candidate(.watchpoint): true
    case .candidate: false
    case .resume: hasMoved
    }
  }

  private mutating func access(_ access: SystemRegisterAccess) {
    var value: UInt64 = 0
    if case .msr(_, let operand) = core.program[context.pc] { value = operand }
    switch debug.access(access, value: value) {
    case .read(let read): core.transcript.append(.read(context.pc, read))
    case .written: core.transcript.append(.executed(context.pc))
    case .undefined, nil:
      debug.injectUndefined(context: &context, hardware: &core)
      return
    }
    debug.instructionEmulated(context: &context)
  }
}
