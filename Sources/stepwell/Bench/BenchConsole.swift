internal import Synchronization

/// Takes in what one of the benchmark's machines writes on its console.
final class BenchConsole: Sendable {
  private let state = Mutex((transcript: BenchTranscript(), lastWords: [String]()))

  func read(_ line: String) {
    state.withLock {
      $0.transcript.read(line)
      $0.lastWords = $0.lastWords.suffix(20) + [line]
    }
  }

  var transcript: BenchTranscript { state.withLock { $0.transcript } }

  /// Why there is no transcript.
  var failure: Failure {
    let (transcript, lastWords) = state.withLock { $0 }
    if let failure = transcript.failure { return Failure("The benchmark says: \(failure)") }
    Progress.note(lastWords.joined(separator: "\n") + "\n")
    return Failure("The machine ended before the benchmark did; its last words are above.")
  }
}
