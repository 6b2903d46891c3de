internal import Foundation
internal import Testing

@testable internal import stepwell

/// A GDB as users have it.
struct GDB: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let program: String
  let arguments: [String]
  /// It shows the sentence of an error: `error-message`.
  let showsSentences: Bool

  /// Debian 12's gdb-multiarch.
  static let debian = GDB(
    testDescription: "GDB 13", program: HostPackage.gdb.program, arguments: [],
    showsSentences: false)
  /// From the Python Package Index; `stepwell test` has fetched it.
  static let gdb16 = GDB(
    testDescription: "GDB 16", program: PythonGDB.gdb16.program,
    arguments: PythonGDB.gdb16.arguments, showsSentences: true)

  /// Each one that the tests of what a debugger is told and asked run with.
  static let versions = [debian, gdb16]

  private static let customary = ["-nx", "-q", "-iex", "set pagination off", "-iex", "set prompt"]

  /// Runs a script of GDB commands to its end, attached to `endpoint`.
  ///
  /// GDB goes on after a command that fails, as a person does: its message is in what is returned.
  ///
  /// - Returns: what GDB printed.
  static func run(
    _ endpoint: DebugEndpoint, with version: GDB = .debian, within limit: Duration = .seconds(60),
    _ commands: [String]
  ) async throws -> String {
    try await session(endpoint, with: version, within: limit) { gdb in
      for command in commands { gdb.write("\(command)\n") }
      gdb.write("quit\n")
      _ = try await gdb.end(within: limit)
      return gdb.output
    }
  }

  /// Runs GDB, attached to `endpoint`, while `body` runs; it is killed afterwards, unless it has ended.
  ///
  /// - Parameters:
  ///   - target: the command that attaches.
  ///   - timeout: how many seconds GDB waits for an answer.
  static func session<Result>(
    _ endpoint: DebugEndpoint, with version: GDB = .debian, target: String = "target remote",
    timeout: Int = 30, within limit: Duration = .seconds(30),
    _ body: (RunningProgram) async throws -> Result
  ) async throws -> Result {
    try await RunningProgram.run(version.program, version.arguments + customary) { gdb in
      for command in [
        "set confirm off", "set width 0", "set architecture aarch64",
        "set remotetimeout \(timeout)",
        "\(target) \(endpoint.description)", "echo (attached)\\n",
      ] {
        gdb.write("\(command)\n")
      }
      try await gdb.wait(for: "(attached)", within: limit)
      return try await body(gdb)
    }
  }
}

extension RunningProgram {
  /// Gives GDB a command and waits until it has done it.
  ///
  /// - Returns: what GDB printed.
  func command(_ command: String, within limit: Duration = .seconds(30)) async throws -> String {
    write("\(command)\necho (done)\\n\n")
    return try await wait(for: "(done)", within: limit)
  }
}
