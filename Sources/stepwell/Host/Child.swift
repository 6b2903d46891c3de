internal import Subprocess
internal import SystemPackage

/// A program of the host that a command runs to its end.
///
/// The program has its own process group, which is killed when the command is cancelled. Nothing that the
/// command started outlives it.
struct Child {
  var program: String
  var arguments: [String]
  /// Variables that are added to the environment of the command.
  var environment: [String: String] = [:]
  /// The working directory; nil for the directory of the command.
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

  /// Runs the program and returns its standard output.
  ///
  /// - Throws: `Failure` if the program does not exit with 0, after showing its standard error.
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

  /// Runs the program, and shows its output only if it fails.
  ///
  /// - Throws: `Failure` if it exits other than with 0.
  func runQuietly() async throws {
    let (status, output) = try await collect()
    guard status.isSuccess else { throw failure(status, output: output) }
  }

  /// Runs a program whose success is not needed, without showing its output.
  func attempt() async throws {
    _ = try await collect()
  }

  /// Runs the program without showing its output.
  ///
  /// - Returns: whether it exited with 0, and its output on either stream.
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
  /// - Parameter input: whether the program may ask questions there, as `sudo` does. It then stays in the
  ///   process group of the command, which owns the terminal.
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

  /// Runs the program, and passes on each line of either stream as it comes.
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
