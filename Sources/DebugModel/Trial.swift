import ArmDebug

/// A guest's program and what a debugger does to it meanwhile: run bare and under the engine, the
/// guest must observe the same, and the debugger what an ideal one would (`IdealMachine`).
package struct Trial: Equatable, Sendable {
  package var processor: ModelProcessor
  /// The guest's instructions. It begins at 0x1000, at EL1 with everything masked; its vectors are
  /// at 0x8000. What is not here is undefined.
  package var program: [UInt64: Operation]
  /// The lengths of the guest's transcript, ascending, at which an interrupt becomes pending.
  package var interrupts: [Int]
  /// Once it has done all this, the debugger lets the guest run.
  package var debugger: [DebuggerAction]
  /// How much of the guest's transcript is compared.
  package var observations: Int
  /// Exits take the fast path where there is one, as by the hypervisor. Otherwise the general
  /// one is compared there too.
  package var takesFastPath: Bool

  package init(
    processor: ModelProcessor = ModelProcessor(), program: [UInt64: Operation],
    interrupts: [Int] = [], debugger: [DebuggerAction], observations: Int = 120,
    takesFastPath: Bool = true
  ) {
    self.processor = processor
    self.program = program
    self.interrupts = interrupts
    self.debugger = debugger
    self.observations = observations
    self.takesFastPath = takesFastPath
  }

  /// What was not as it must be.
  package enum Difference: Equatable, Sendable {
    /// The guest saw it: from entry `at` of its transcript on.
    case guest(at: Int, bare: [ModelCore.Observation], nested: [ModelCore.Observation])
    /// The guest's memory is not the same in the end.
    case memory
    /// The debugger was not told something, or told something wrong.
    case debugger(String)
  }

  /// Runs the program both ways. nil: there was no difference.
  package func difference() -> Difference? { outcome().difference }

  /// The same, and what the trial has met.
  package func outcome() -> (difference: Difference?, met: Coverage) {
    var run = TrialRun(core, observations: observations, takesFastPath: takesFastPath)
    for action in debugger {
      if run.isDone { break }
      run.perform(action)
    }
    run.finish()
    return (run.difference, run.met)
  }

  private var core: ModelCore {
    var core = ModelCore(processor)
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
    case .memory: "The guest can tell: its memory is not the same."
    case .debugger(let what): "The debugger can tell: \(what)"
    }
  }
}
