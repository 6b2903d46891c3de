internal import Foundation
internal import Synchronization

/// The output of a program, line by line: kept in a file, and searched for reports.
final class Transcript: Sendable {
  private struct State {
    var report = DemoReport()
    var lastLines: [String] = []
    var file: FileHandle
  }
  private let state: Mutex<State>

  /// - Throws: `Failure` if the file cannot be written.
  init(_ file: URL) throws {
    guard FileManager.default.createFile(atPath: file.path, contents: nil) else {
      throw Failure("\(file.path) cannot be written; check who owns the clone's .build folder.")
    }
    state = Mutex(State(file: try FileHandle(forWritingTo: file)))
  }

  var report: DemoReport { state.withLock { $0.report } }
  /// The last lines, at most ten.
  var lastLines: [String] { state.withLock { $0.lastLines } }

  func append(_ line: String) throws {
    try state.withLock {
      $0.report.read(line)
      $0.lastLines = $0.lastLines.suffix(9) + [line]
      try $0.file.write(contentsOf: Data("\(line)\n".utf8))
    }
  }
}
