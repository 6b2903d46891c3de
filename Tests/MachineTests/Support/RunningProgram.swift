internal import Foundation
internal import Glibc
internal import Subprocess
internal import Synchronization
internal import SystemPackage

@testable internal import stepwell

/// A program that a test talks with as a person would: it reads what the program writes, and types.
///
/// Its standard output and error are one text. A test waits for words in it; each search begins behind
/// the words found last.
final class RunningProgram: Sendable {
  private struct State {
    var output: [UInt8] = []
    /// Where the next search begins.
    var searched = 0
    var processGroup: pid_t?
    var end: Result<TerminationStatus, any Error>?
  }
  private let name: String
  private let state = Mutex(State())
  private let (input, typing) = AsyncStream.makeStream(of: [UInt8].self)

  private init(name: String) { self.name = name }

  /// Runs a program while `body` runs. Afterwards, however `body` ended, the program and all that it
  /// started are killed.
  static func run<Result>(
    _ program: String, _ arguments: [String], _ body: (RunningProgram) async throws -> Result
  ) async throws -> Result {
    let running = RunningProgram(name: program)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await running.launch([program] + arguments) }
      defer {
        running.kill()
        group.cancelAll()
      }
      return try await body(running)
    }
  }

  /// No program of a test runs longer, not even when the tests themselves are killed.
  private static let limit = "240"

  private func launch(_ command: [String]) async {
    var options = PlatformOptions()
    options.processGroupID = 0
    options.teardownSequence = [
      .send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .seconds(1))
    ]
    let configuration = Configuration(
      executable: .name("timeout"), arguments: Arguments(["--signal=KILL", Self.limit] + command),
      platformOptions: options)
    do {
      let result = try await Subprocess.run(
        configuration, input: .inputWriter, output: .sequence, error: .combinedWithOutput
      ) { execution in
        state.withLock { $0.processGroup = execution.processIdentifier.value }
        let writer = execution.standardInputWriter
        let input = input
        // A program that has closed its input or ended does not read what is typed; what it should
        // have answered is what a test misses.
        let typist = Task { for await text in input { _ = try? await writer.write(text) } }
        defer { typist.cancel() }
        for try await chunk in execution.standardOutput {
          // The copy is made while the chunk lasts.
          let bytes = unsafe chunk.withUnsafeBytes { unsafe Array($0) }
          state.withLock { $0.output += bytes }
        }
        typing.finish()
        try? await writer.finish()
      }
      state.withLock { $0.end = .success(result.terminationStatus) }
    } catch {
      state.withLock { $0.end = .failure(error) }
    }
  }

  /// Kills the program, and all that it started, at once.
  func kill() {
    state.withLock {
      guard $0.end == nil, let group = $0.processGroup else { return }
      Glibc.kill(-group, SIGKILL)
    }
  }

  /// Presses Ctrl-C, once. `timeout` would pass it on twice, so it goes to the program itself.
  func interrupt() throws {
    try state.withLock {
      guard $0.end == nil, let timeout = $0.processGroup else { return }
      let children = try String(
        contentsOfFile: "/proc/\(timeout)/task/\(timeout)/children", encoding: .utf8)
      for child in children.split(separator: " ") {
        if let child = pid_t(child) { Glibc.kill(child, SIGINT) }
      }
    }
  }

  /// All that the program has written.
  var output: String { state.withLock { String(decoding: $0.output, as: UTF8.self) } }

  /// Types `text`.
  func write(_ text: String) { typing.yield(Array(text.utf8)) }

  /// Waits until the program writes `text`.
  ///
  /// - Returns: what it wrote before that, behind the text found last.
  /// - Throws: `Failure` with the program's last words, if it ends or time runs out before.
  @discardableResult
  func wait(for text: String, within limit: Duration = .seconds(30)) async throws -> String {
    try await wait(within: limit, for: "\"\(text)\"") { state in
      guard let match = state.output[state.searched...].firstRange(of: text.utf8) else {
        return nil
      }
      defer { state.searched = match.upperBound }
      return String(decoding: state.output[state.searched..<match.lowerBound], as: UTF8.self)
    }
  }

  /// Waits until the program ends by itself.
  ///
  /// - Returns: its exit code; if a signal ended it, 128 and the signal's number.
  /// - Throws: `Failure` with its last words, if time runs out before.
  func end(within limit: Duration = .seconds(60)) async throws -> Int {
    let status = try await wait(within: limit, for: "its end") { try $0.end?.get() }
    switch status {
    case .exited(let code): return Int(code)
    case .signaled(let signal): return 128 + Int(signal)
    }
  }

  private func wait<Result>(
    within limit: Duration, for what: String,
    _ look: (inout sending State) throws -> sending Result?
  ) async throws -> Result {
    let deadline = ContinuousClock.now + limit
    while true {
      // Whether it has ended is read first: what it wrote before is complete then.
      let end = state.withLock { $0.end }
      if let found = try state.withLock({ try look(&$0) }) { return found }
      if let end {
        throw Failure("\(name) ended (\(end)) before \(what); its last words: \(lastWords)")
      }
      guard ContinuousClock.now < deadline else {
        throw Failure("\(name): \(limit) went by without \(what); its last words: \(lastWords)")
      }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  private var lastWords: String {
    state.withLock { String(decoding: $0.output.suffix(3000), as: UTF8.self) }
  }
}
