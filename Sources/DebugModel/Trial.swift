import ArmDebug

/// A guest's program and what a debugger does to it meanwhile: run bare and under the engine, the
/// guest must observe the same, and the debugger all that it asked for.
package struct Trial: Equatable, Sendable {
  /// The guest's instructions. It begins at 0x1000, at EL1 with everything masked; its vectors are
  /// at 0x8000. What is not here is undefined.
  package var program: [UInt64: Operation]
  /// The lengths of the guest's transcript, ascending, at which an interrupt becomes pending.
  package var interrupts: [Int]
  /// Once it has done all this, the debugger lets the guest run.
  package var debugger: [DebuggerAction]
  /// How much of the guest's transcript is compared.
  package var observations: Int

  package init(
    program: [UInt64: Operation], interrupts: [Int] = [], debugger: [DebuggerAction],
    observations: Int = 120
  ) {
    self.program = program
    self.interrupts = interrupts
    self.debugger = debugger
    self.observations = observations
  }

  /// What was not as it must be.
  package enum Difference: Equatable, Sendable {
    /// The guest saw it: from entry `at` of its transcript on.
    case guest(at: Int, bare: [ModelCore.Observation], nested: [ModelCore.Observation])
    /// The debugger was not told something, or told something wrong.
    case debugger(String)
  }

  /// Runs the program both ways. nil: there was no difference.
  package func difference() -> Difference? {
    let core = core
    let bare = ModelCore.bare(core, observations: observations)
    var machine = NestedMachine(core)
    var debugger = ModelDebugger()
    for action in self.debugger where machine.core.transcript.count < bare.count {
      debugger.perform(action, on: &machine, observations: bare.count)
    }
    // Far more than any program needs: a guest that is still not there has been lost.
    for _ in 0..<3000 where machine.core.transcript.count < bare.count {
      debugger.perform(.run(ticks: 60), on: &machine, observations: bare.count)
    }
    let nested = machine.core.transcript
    if nested != bare {
      let at = zip(bare, nested).enumerated().first { $1.0 != $1.1 }?.offset ?? nested.count
      return .guest(at: at, bare: bare, nested: nested)
    }
    return debugger.missed.first.map { .debugger($0) }
  }

  private var core: ModelCore {
    var core = ModelCore()
    core.program = program
    core.interrupts = interrupts
    core.pc = RandomProgram.body
    core.vbar = RandomProgram.vectors
    core.pstate = .el1Reset
    return core
  }
}

extension Trial.Difference: CustomStringConvertible {
  package var description: String {
    switch self {
    case .guest(let at, let bare, let nested):
      """
      The guest can tell, from observation \(at) on:
        bare   \(bare.prefix(at + 3).suffix(12))
        nested \(nested.prefix(at + 3).suffix(12))
      """
    case .debugger(let what): "The debugger can tell: \(what)"
    }
  }
}
