internal import Synchronization

/// Reads the console of a machine of the benchmark.
final class BenchConsole: Sendable {
  private let state = Mutex((transcript: BenchTranscript(), lastWords: [String]()))

  func read(_ line: String) {
    state.withLock {
      $0.transcript.read(line)
      $0.lastWords = $0.lastWords.suffix(20) + [line]
    }
  }

  var transcript: BenchTranscript { state.withLock { $0.transcript } }

  /// The reason why there is no transcript.
  var failure: Failure {
    let (transcript, lastWords) = state.withLock { $0 }
    if let failure = transcript.failure { return Failure("The benchmark says: \(failure)") }
    if let complaint = Machine.complaint(in: lastWords) {
      return Failure("QEMU does not run the machine: \(complaint).")
    }
    Progress.note(lastWords.joined(separator: "\n") + "\n")
    return Failure(
      "The machine ended before the benchmark did; the last lines of its console are above.")
  }
}
