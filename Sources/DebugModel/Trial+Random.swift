extension Trial {
  /// The same trial for the same number, everywhere and always: the even ones have a debugger at
  /// work, the odd ones interrupts.
  package static func numbered(_ number: UInt64) -> Trial {
    number % 2 == 0 ? debugger(seed: number) : interrupts(seed: number)
  }

  /// A debugger that does anything at any time.
  package static func debugger(seed: UInt64) -> Trial {
    var random = SplitMix64(state: seed)
    let program = RandomProgram.program(&random)
    let script = (0..<rounds).flatMap { _ in change(&random) + [resumption(&random)] }
    return Trial(program: program, debugger: script)
  }

  /// Interrupts at any time, the debug hardware held for the debugger all along.
  package static func interrupts(seed: UInt64) -> Trial {
    var random = SplitMix64(state: ~seed)
    let program = RandomProgram.program(&random)
    let interrupts = (0..<6).map { _ in Int.random(in: 0..<120, using: &random) }.sorted()
    let runs = (0..<rounds).map { _ in
      DebuggerAction.run(ticks: .random(in: 1..<40, using: &random))
    }
    // Nothing is there, so it never fires.
    return Trial(
      program: program, interrupts: interrupts, debugger: [.insertBreakpoint(0xF000)] + runs)
  }

  /// Most programs need fewer.
  private static let rounds = 200

  private static func change(_ random: inout SplitMix64) -> [DebuggerAction] {
    switch Int.random(in: 0..<8, using: &random) {
    case 0: [.insertBreakpoint(RandomProgram.code(&random))]
    case 1:
      [
        .insertWatchpoint(
          RandomProgram.address(&random), length: .random(in: 1..<10, using: &random))
      ]
    case 2: [.removeLowestBreakpoint]
    case 3: [.removeLowestWatchpoint]
    default: []
    }
  }

  private static func resumption(_ random: inout SplitMix64) -> DebuggerAction {
    let steps = Bool.random(using: &random)
    let ticks = Int.random(in: 1..<60, using: &random)
    return steps ? .step(ticks: ticks) : .run(ticks: ticks)
  }
}
