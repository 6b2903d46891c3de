internal import ArgumentParser
internal import Dispatch
internal import Glibc
internal import Synchronization

/// Runs `body`. Ctrl-C, `kill` or a closed terminal cancels it, which ends the children that it waits for.
/// A second such signal ends the command at once.
///
/// - Throws: the errors of `body`; the usual exit code 128 + signal if it was interrupted.
func untilInterrupted(_ body: @escaping @Sendable () async throws -> Void) async throws {
  let work = Task { try await body() }
  let interruption = Interruption()

  let sources = Interruption.signals.map { number in
    // The source sees the signal only if the default action is off.
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number)
    source.setEventHandler {
      interruption.note(number)
      Interruption.restoreDefaultActions()
      work.cancel()
    }
    source.resume()
    return source
  }
  defer { sources.forEach { $0.cancel() } }

  do {
    try await work.value
  } catch {
    if let number = interruption.signal { throw ExitCode(128 + number) }
    throw error
  }
}

/// The signal that interrupted the command, if one has.
final class Interruption: Sendable {
  static let signals = [SIGINT, SIGTERM, SIGHUP]

  private let first = Mutex<Int32?>(nil)

  var signal: Int32? { first.withLock { $0 } }

  func note(_ number: Int32) {
    first.withLock { $0 = $0 ?? number }
  }

  /// Lets interrupting signals end this process, or the program it is about to become.
  static func restoreDefaultActions() {
    for number in signals { Glibc.signal(number, SIG_DFL) }
  }
}
