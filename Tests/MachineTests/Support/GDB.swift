internal import Foundation

@testable internal import stepwell

/// Debian's gdb-multiarch, as it comes.
enum GDB {
  private static let arguments = ["-nx", "-q", "-iex", "set pagination off", "-iex", "set prompt"]

  /// Runs a script of GDB commands to its end, attached to `endpoint`.
  ///
  /// GDB goes on after a command that fails, as a person does: its message is in what is returned.
  ///
  /// - Returns: what GDB printed.
  static func run(
    _ endpoint: DebugEndpoint, within limit: Duration = .seconds(60), _ commands: [String]
  ) async throws -> String {
    try await session(endpoint, within: limit) { gdb in
      for command in commands { gdb.write("\(command)\n") }
      gdb.write("quit\n")
      _ = try await gdb.end(within: limit)
      return gdb.output
    }
  }

  /// Runs GDB, attached to `endpoint`, while `body` runs; it is killed afterwards, unless it has ended.
  static func session<Result>(
    _ endpoint: DebugEndpoint, within limit: Duration = .seconds(30),
    _ body: (RunningProgram) async throws -> Result
  ) async throws -> Result {
    try await RunningProgram.run(HostPackage.gdb.program, arguments) { gdb in
      for command in [
        "set confirm off", "set width 0", "set architecture aarch64", "set remotetimeout 30",
        "target remote \(endpoint.description)", "echo (attached)\\n",
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
