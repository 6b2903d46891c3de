import ArmDebug
import DebugModel
import Testing

/// Random guest programs, with random use of the guest's own breakpoints, watchpoints and steps, run
/// bare and under the engine with a random debugger. What the guest observes must be the same.
///
/// `./stepwell prove` runs as many more as it is asked for.
@Suite("The guest cannot tell")
struct ComparisonTests {
  @Test(
    "that its debug registers are emulated, with interrupts at any time", arguments: 0..<UInt64(20))
  func interruptsAtWork(block: UInt64) {
    for seed in block * 100..<block * 100 + 100 {
      guard expectNoDifference(Trial.interrupts(seed: seed)) else { return }
    }
  }

  @Test("that a debugger holds comparators, steps and stops it", arguments: 0..<UInt64(30))
  func debuggerAtWork(block: UInt64) {
    for seed in block * 100..<block * 100 + 100 {
      guard expectNoDifference(Trial.debugger(seed: seed)) else { return }
    }
  }

  private func expectNoDifference(_ trial: Trial) -> Bool {
    guard trial.difference() != nil else { return true }
    let least = trial.shrunk()
    let difference = least.difference()?.description ?? ""
    Issue.record("\(difference)\n\(least.source)")
    return false
  }
}
