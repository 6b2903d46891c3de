import ArmDebug
import NestedDebug
import Testing

/// Random guest programs, with random use of the guest's own breakpoints, watchpoints and steps, run
/// bare and under the engine with a random debugger. What the guest observes must be the same.
@Suite("The guest cannot tell")
struct ComparisonTests {
  @Test(
    "that its debug registers are emulated, with interrupts at any time", arguments: 0..<UInt64(20))
  func interruptsAtWork(block: UInt64) throws {
    for seed in block * 100..<block * 100 + 100 {
      var random = SplitMix64(state: ~seed)
      var core = RandomProgram.core(&random)
      core.interrupts = (0..<6).map { _ in Int.random(in: 0..<120, using: &random) }.sorted()
      let bare = ModelCore.bare(core, observations: 120)
      var machine = NestedMachine(core)
      // It never fires, but it takes the debug hardware.
      try machine.requests.insertBreakpoint(at: 0xF000)
      for _ in 0..<3000 where machine.core.transcript.count < bare.count {
        let ticks = Int.random(in: 1..<40, using: &random)
        #expect(machine.run(ticks: ticks, observations: bare.count) == nil)
      }
      guard same(bare, machine.core.transcript, seed, []) else { return }
    }
  }

  @Test("that a debugger holds comparators, steps and stops it", arguments: 0..<UInt64(30))
  func debuggerAtWork(block: UInt64) {
    for seed in block * 100..<block * 100 + 100 {
      var random = SplitMix64(state: seed)
      let core = RandomProgram.core(&random)
      let bare = ModelCore.bare(core, observations: 120)
      var machine = NestedMachine(core)
      var debugger = RandomDebugger(random: random)
      debugger.run(&machine, observations: bare.count)
      guard same(bare, machine.core.transcript, seed, debugger.log) else { return }
      #expect(debugger.missed.isEmpty, "seed \(seed): \(debugger.missed)")
    }
  }

  private func same(
    _ bare: [ModelCore.Observation], _ nested: [ModelCore.Observation], _ seed: UInt64,
    _ log: [String]
  ) -> Bool {
    if nested == bare { return true }
    let at = zip(bare, nested).enumerated().first { $1.0 != $1.1 }?.offset ?? nested.count
    Issue.record(
      """
      seed \(seed): differs at \(at)
      bare   \(bare.prefix(at + 3).suffix(12))
      nested \(nested.prefix(at + 3).suffix(12))
      debugger \(log.suffix(12))
      """)
    return false
  }
}

/// A generator that gives the same numbers everywhere.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
