internal import Foundation

/// Very many trials of the model, on every processor of this machine.
package struct Proof: Sendable {
  private let first: UInt64
  private let count: Int

  /// `count` trials from number `first` on.
  package init(first: UInt64, count: Int) {
    self.first = first
    self.count = count
  }

  /// The trial that differs, if any does.
  package struct Finding: Sendable {
    package let number: UInt64
    package let trial: Trial
  }

  package struct Report: Sendable {
    /// The one with the lowest number among those that were found; nil if none differs.
    package fileprivate(set) var finding: Finding?
    /// In how many trials each feature was met.
    package fileprivate(set) var met = FeatureCounts()
  }

  /// Runs the trials until one differs.
  ///
  /// - Parameter progress: told how many have been run, after every block of them.
  package func run(progress: (Int) -> Void) async throws -> Report {
    try await withThrowingTaskGroup(of: Block.Outcome.self) { group in
      var blocks = stride(from: 0, to: count, by: Self.blockSize).map { start in
        Block(first: first &+ UInt64(start), count: min(Self.blockSize, count - start))
      }[...]
      for _ in 0..<ProcessInfo.processInfo.activeProcessorCount {
        if let block = blocks.popFirst() { group.addTask { try block.run() } }
      }
      var done = 0
      var report = Report()
      // Blocks are begun in order: once one has found something, only those that are already under
      // way can find an earlier one.
      while let outcome = try await group.next() {
        done += outcome.count
        progress(done)
        report.met.add(outcome.met)
        if let finding = outcome.finding,
          report.finding.map({ finding.number &- first < $0.number &- first }) ?? true
        {
          report.finding = finding
        }
        if report.finding == nil, let block = blocks.popFirst() {
          group.addTask { try block.run() }
        }
      }
      return report
    }
  }

  private static let blockSize = 250

  private struct Block {
    let first: UInt64
    let count: Int

    struct Outcome {
      var count = 0
      var finding: Finding?
      var met = FeatureCounts()
    }

    func run() throws -> Outcome {
      var outcome = Outcome()
      for n in 0..<count {
        try Task.checkCancellation()
        let number = first &+ UInt64(n)
        let trial = Trial.numbered(number)
        let (difference, met) = trial.outcome()
        outcome.count += 1
        outcome.met.add(met)
        guard difference == nil else {
          outcome.finding = Finding(number: number, trial: trial)
          break
        }
      }
      return outcome
    }
  }
}
