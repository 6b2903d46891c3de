internal import Foundation
internal import Glibc

/// Messages to the person at the terminal about what the command is doing.
enum Progress {
  /// Runs `body`. If that takes longer than two seconds, says so on standard error: on a terminal one line
  /// whose seconds count up, elsewhere one line then and one at the end.
  static func during<Result>(
    _ activity: String, _ body: () async throws -> Result
  ) async throws -> Result {
    let start = ContinuousClock.now
    let onTerminal = isatty(STDERR_FILENO) == 1

    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await Task.sleep(for: .seconds(2))
        if !onTerminal { return note("\(activity) …\n") }
        while true {
          note("\r\(activity) … \((ContinuousClock.now - start).components.seconds) s")
          try await Task.sleep(for: .seconds(1))
        }
      }
      defer {
        group.cancelAll()
        let seconds = (ContinuousClock.now - start).components.seconds
        if seconds >= 2 { note("\(onTerminal ? "\r" : "")\(activity) … \(seconds) s\n") }
      }
      return try await body()
    }
  }

  /// Writes to standard error. Standard output has only the result of a command.
  static func note(_ text: String) {
    FileHandle.standardError.write(Data(text.utf8))
  }
}
