internal import ArgumentParser

/// The command on the developer's machine.
@main
struct Stepwell: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stepwell",
    abstract: "Debug an arm64 operating system from beneath it, while it debugs itself.",
    version: "0.1",
    subcommands: [
      DemoCommand.self, TestCommand.self, ProveCommand.self, RunCommand.self, ImageCommand.self,
      TreeCommand.self,
      BuildCommand.self, BenchCommand.self, MutateCommand.self,
    ])

  /// Does the same as ArgumentParser's `main`, except that an interrupted command ends its children first.
  static func main() async {
    do {
      try await untilInterrupted {
        var command = try parseAsRoot()
        if var asynchronous = command as? any AsyncParsableCommand {
          try await asynchronous.run()
        } else {
          try command.run()
        }
      }
    } catch {
      exit(withError: error)
    }
  }
}
