internal import Subprocess
internal import SystemPackage

/// A program of the host's that a command runs to its end.
///
/// It has a process group of its own, which is killed when the command is cancelled: nothing that the
/// command started outlives it.
struct Child {
  var program: String
  var arguments: [String]
  /// Added to the environment that the command itself was given.
  var environment: [String: String] = [:]
  /// nil: the command's own.
  var directory: String?

  init(
    _ program: String, _ arguments: [String], environment: [String: String] = [:],
    directory: String? = nil
  ) {
    self.program = program
    self.arguments = arguments
    self.environment = environment
    self.directory = directory
  }

  /// What the program writes to its standard output.
  ///
  /// - Throws: `Failure`, after showing what it wrote to standard error, if it exits other than with 0.
  func output() async throws -> String {
    let result = try await launching {
      try await Subprocess.run(
        configuration(), input: .none, output: .string(limit: Self.outputLimit),
        error: .string(limit: Self.outputLimit))
    }
    guard result.terminationStatus.isSuccess else {
      throw failure(result.terminationStatus, output: result.standardError)
    }
    return result.standardOutput
  }

  /// Runs the program; what it writes is shown only if it fails.
  ///
  /// - Throws: `Failure` if it exits other than with 0.
  func runQuietly() async throws {
    let (status, output) = try await collect()
    guard status.isSuccess else { throw failure(status, output: output) }
  }

  /// Runs a program whose success is not needed, without showing what it writes.
  func attempt() async throws {
    _ = try await collect()
  }

  /// Runs the program without showing what it writes.
  ///
  /// - Returns: whether it exited with 0, and what it wrote to either stream.
  func completion() async throws -> (isSuccess: Bool, output: String) {
    let (status, output) = try await collect()
    return (status.isSuccess, output)
  }

  private func collect() async throws -> (TerminationStatus, String) {
    let result = try await launching {
      try await Subprocess.run(
        configuration(), input: .none, output: .string(limit: Self.outputLimit),
        error: .combinedWithOutput)
    }
    return (result.terminationStatus, result.standardOutput)
  }

  /// Runs the program with its output on the terminal.
  ///
  /// - Parameter input: whether it may ask questions there, as `sudo` does. It then stays in the
  ///   command's own process group, to which the terminal belongs.
  /// - Throws: `Failure` if it exits other than with 0.
  func runVisibly(input: Bool = false) async throws {
    let result = try await launching {
      if input {
        var configuration = configuration()
        configuration.platformOptions = PlatformOptions()
        return try await Subprocess.run(
          configuration, input: .currentStandardInput, output: .currentStandardOutput,
          error: .currentStandardError
        ).terminationStatus
      }
      return try await Subprocess.run(
        configuration(), input: .none, output: .currentStandardOutput, error: .currentStandardError
      ).terminationStatus
    }
    guard result.isSuccess else { throw failure(result, output: "") }
  }

  /// Runs the program and hands over each line it writes, to either stream, as it comes.
  ///
  /// - Returns: whether it exited with 0.
  func run(forEachLine body: @Sendable (String) throws -> Void) async throws -> Bool {
    try await launching {
      try await Subprocess.run(
        configuration(), input: .none, output: .sequence, error: .combinedWithOutput
      ) { execution in
        for try await line in execution.standardOutput.strings() { try body(line) }
      }.terminationStatus.isSuccess
    }
  }

  private static let outputLimit = 256 << 20

  private func configuration() -> Configuration {
    var options = PlatformOptions()
    options.processGroupID = 0
    // SIGKILL: a child may have inherited a signal mask that blocks anything gentler.
    options.teardownSequence = [
      .send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .seconds(1))
    ]
    return Configuration(
      executable: program.contains("/") ? .path(FilePath(program)) : .name(program),
      arguments: Arguments(arguments),
      environment: .inherit.updating(
        Dictionary(uniqueKeysWithValues: environment.map { (.init(stringLiteral: $0), $1) })),
      workingDirectory: directory.map { FilePath($0) },
      platformOptions: options)
  }

  private func launching<Result>(_ body: () async throws -> Result) async throws -> Result {
    do {
      let result = try await body()
      try Task.checkCancellation()
      return result
    } catch let error as SubprocessError where error.code == .executableNotFound {
      throw Failure("\(program) is not installed on this machine, and is needed here.")
    }
  }

  private func failure(_ status: TerminationStatus, output: String) -> Failure {
    if !output.isEmpty { Progress.note(output.hasSuffix("\n") ? output : output + "\n") }
    let command = ([program] + arguments).joined(separator: " ")
    let outcome =
      switch status {
      case .exited(let code): "exited with \(code)"
      case .signaled(let signal): "was ended by signal \(signal)"
      }
    return Failure("This command \(outcome), for the reason above: \(command)")
  }
}
