import ArmDebug
import SeededRandom

extension Trial {
  /// The same trial for the same number, everywhere and always: the even ones have a debugger and
  /// interrupts at work, the odd ones interrupts alone. Two of four take the fast path.
  package static func numbered(_ number: UInt64) -> Trial {
    var trial = number % 2 == 0 ? debugger(seed: number) : interrupts(seed: number)
    trial.takesFastPath = number % 4 < 2
    return trial
  }

  /// A debugger that does anything at any time, and at times interrupts.
  package static func debugger(seed: UInt64) -> Trial {
    var random = SplitMix64(state: seed)
    let processor = ModelProcessor.any(&random)
    let count = max(0, Int.random(in: -3..<8, using: &random))
    let program = RandomProgram(processor: processor).make(&random)
    return Trial(
      processor: processor, program: program, interrupts: interrupts(count, &random),
      debugger: (0..<rounds).flatMap { _ in change(program, &random) + resumptions(&random) })
  }

  /// Interrupts at any time, the debug hardware held for the debugger all along.
  package static func interrupts(seed: UInt64) -> Trial {
    var random = SplitMix64(state: ~seed)
    let processor = ModelProcessor.any(&random)
    let program = RandomProgram(processor: processor).make(&random)
    let runs = (0..<rounds).map { _ in
      DebuggerAction.run(ticks: .random(in: 1..<40, using: &random))
    }
    // Nothing is there, so it never fires.
    return Trial(
      processor: processor, program: program, interrupts: interrupts(6, &random),
      debugger: [.insertBreakpoint(0xF000)] + runs)
  }

  private static func interrupts(_ count: Int, _ random: inout SplitMix64) -> [Int] {
    (0..<count).map { _ in Int.random(in: 0..<120, using: &random) }.sorted()
  }

  /// Most programs need fewer.
  private static let rounds = 200

  private static func change(
    _ program: [UInt64: Operation], _ random: inout SplitMix64
  ) -> [DebuggerAction] {
    switch Int.random(in: 0..<18, using: &random) {
    case 0, 1:
      // At times where the guest has one.
      let guests = guestsValue(program, op2: 4, &random)
      return [.insertBreakpoint(guests ?? RandomProgram.code(&random))]
    case 2, 3:
      let guests = guestsValue(program, op2: 6, &random)
      return [
        .insertWatchpoint(
          guests ?? RandomProgram.address(&random),
          // Any length, and at times blocks that a comparator masks.
          length: Int.random(in: 0..<6, using: &random) == 0
            ? 32 : .random(in: 1..<20, using: &random),
          kind: AccessKind(rawValue: .random(in: 1..<4, using: &random)) ?? .any)
      ]
    case 4, 5: return [.removeBreakpoint(.random(in: 0..<4, using: &random))]
    case 6, 7: return [.removeWatchpoint(.random(in: 0..<4, using: &random))]
    case 8: return Int.random(in: 0..<4, using: &random) == 0 ? [.detach] : []
    default: return []
    }
  }

  /// What the guest writes into one of its DBGBVR (`op2` 4) or DBGWVR (6), at times.
  private static func guestsValue(
    _ program: [UInt64: Operation], op2: UInt8, _ random: inout SplitMix64
  ) -> UInt64? {
    guard Bool.random(using: &random) else { return nil }
    // Only among the registers that it sets first, because a dictionary has no order.
    let values = (0..<32).compactMap { n -> UInt64? in
      guard case .msr(let register, let value) = program[RandomProgram.body + UInt64(n) * 4],
        register.op0 == 2, register.crn == 0, register.op2 == op2, value < 0x1_0000, value & 3 == 0
      else { return nil }
      return value
    }
    return values.randomElement(using: &random)
  }

  /// One, or some steps in a row.
  private static func resumptions(_ random: inout SplitMix64) -> [DebuggerAction] {
    guard Int.random(in: 0..<8, using: &random) == 0 else { return [resumption(&random)] }
    return [DebuggerAction](repeating: .step(ticks: 40), count: 10)
  }

  private static func resumption(_ random: inout SplitMix64) -> DebuggerAction {
    let steps = Bool.random(using: &random)
    // Some are held at once.
    let ticks =
      Int.random(in: 0..<8, using: &random) == 0
      ? Int.random(in: 0..<3, using: &random) : Int.random(in: 1..<60, using: &random)
    return steps ? .step(ticks: ticks) : .run(ticks: ticks)
  }
}

extension ModelProcessor {
  /// Most have six breakpoints and four watchpoints; some the least or the most that there can be.
  fileprivate static func any(_ random: inout SplitMix64) -> ModelProcessor {
    var processor = ModelProcessor()
    switch Int.random(in: 0..<6, using: &random) {
    case 0: (processor.breakpoints, processor.contextAware, processor.watchpoints) = (2, 1, 2)
    case 1: (processor.breakpoints, processor.contextAware, processor.watchpoints) = (16, 4, 16)
    default: break
    }
    processor.hasDoubleLock = .random(using: &random)
    processor.zeroBlock = Bool.random(using: &random) ? 64 : 32
    processor.reportsLowestAddress = Int.random(in: 0..<3, using: &random) == 0
    return processor
  }
}
