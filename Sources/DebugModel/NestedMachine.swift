import ArmDebug
package import NestedDebug

/// The model under the engine: a hypervisor and its debugger, as small as they can be.
package struct NestedMachine: ~Copyable {
  package var core: ModelCore
  package var debug: VirtualDebug
  package var requests = DebugRequests()
  package var context: GuestContext
  /// The length of the transcript when the plan in force last lacked something that the debugger has
  /// asked for, because the guest had taken its comparator.
  private(set) var incompleteUntil = 0

  package init(_ core: ModelCore) {
    self.core = core
    debug = VirtualDebug(capabilities: .model, features: .none)
    context = GuestContext(pc: core.pc, pstate: core.pstate)
  }

  /// Runs the guest until the debugger is told of a stop, or for `ticks` events, or until the
  /// guest's transcript has `observations` entries.
  package mutating func run(ticks: Int = 200, observations: Int = .max) -> StopReason? {
    debug.prepareToRun(context: &context, hardware: &core, requests: requests)
    core.enter(pc: context.pc, pstate: context.pstate)
    // An interrupt of EL2's own comes after a step exception that is due.
    for tick in 0..<ticks + 20 {
      guard tick < ticks && core.transcript.count < observations || core.isStepPending else {
        break
      }
      guard let exit = core.tick() else { continue }
      let stop = handle(exit)
      notePlan()
      if let stop { return stop }
      debug.prepareToRun(context: &context, hardware: &core, requests: requests)
      core.enter(pc: context.pc, pstate: context.pstate)
    }
    // As when the debugger says Ctrl-C.
    _ = handle(ModelCore.Exit(syndrome: nil))
    notePlan()
    return nil
  }

  /// The plan in force until now, before the next entry computes another.
  private mutating func notePlan() {
    if !debug.plan.isComplete { incompleteUntil = core.transcript.count }
  }

  /// One step of the debugger's.
  package mutating func step() -> StopReason? {
    debug.requestStep()
    return run()
  }

  private mutating func handle(_ exit: ModelCore.Exit) -> StopReason? {
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
      let disposition = debug.handle(
        syndrome, faultAddress: exit.far, context: &context, hardware: &core)
      if case .stop(let reason) = disposition { return reason }
    default: break
    }
    return nil
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

extension ModelCore {
  /// The program run without an EL2, for as many observations.
  package static func bare(_ core: ModelCore, observations: Int) -> [Observation] {
    var core = core
    for _ in 0..<observations * 4 where core.transcript.count < observations { _ = core.tick() }
    return core.transcript
  }
}
