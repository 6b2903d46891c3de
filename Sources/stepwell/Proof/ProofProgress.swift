internal import Glibc

/// The progress of a proof on standard error: on a terminal one line that changes every second, elsewhere a line every
/// ten seconds.
struct ProofProgress {
  let total: Int

  private let start = ContinuousClock.now
  private let onTerminal = isatty(STDERR_FILENO) == 1
  private var shown = ContinuousClock.now

  init(total: Int) { self.total = total }

  /// Notes that `done` programs have been run.
  mutating func update(_ done: Int) {
    let now = ContinuousClock.now
    let isLast = done == total
    guard isLast || now - shown >= .seconds(onTerminal ? 1 : 10) else { return }
    shown = now
    let line = Self.line(done: done, of: total, after: now - start)
    // The line before may have been longer.
    Progress.note(onTerminal ? "\r\(line)\u{1B}[K\(isLast ? "\n" : "")" : "\(line)\n")
  }

  /// For instance "50000 of 200000 programs, 2500 a second, 60 s remain".
  static func line(done: Int, of total: Int, after time: Duration) -> String {
    let seconds = max(time / .seconds(1), 0.001)
    let rate = Double(done) / seconds
    let counts = "\(done) of \(total) programs, \(Int(rate.rounded())) a second"
    guard done < total, rate > 0 else { return "\(counts), \(Int(seconds.rounded())) s" }
    return "\(counts), \(Int((Double(total - done) / rate).rounded(.up))) s remain"
  }
}
