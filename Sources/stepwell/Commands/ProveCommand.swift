internal import ArgumentParser
internal import DebugModel
internal import Foundation

struct ProveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prove",
    abstract: "Look for a guest program that can tell it is being debugged.",
    discussion: """
      Runs random guest programs, which use their own breakpoints, watchpoints and single-steps, on \
      a model of the architecture: bare, and under the hypervisor's debug engine with a debugger or \
      interrupts at work. The guest must observe the same both times, and the debugger must be told \
      what a debugger with its own comparators would be told. The first difference ends the \
      command: it cuts the program down and prints the rest as a Swift expression for a test. The \
      same seed gives the same programs; seed 7 begins with the second program of seed 6.

      EXAMPLES:
        ./stepwell prove
        ./stepwell prove --programs 5000000 --seed 1000000
      """)

  /// About a minute on two processors.
  static let customaryCount = 500_000

  @Option(help: ArgumentHelp("How many programs, 1 or more.", valueName: "count"))
  var programs = ProveCommand.customaryCount

  @Option(help: ArgumentHelp("The number of the first program.", valueName: "number"))
  var seed: UInt64 = 0

  func validate() throws {
    guard programs > 0 else {
      throw ValidationError("--programs \(programs): at least one program has to run.")
    }
  }

  /// Prints the features that the fewest programs met. A proof that hardly ever meets a feature proves
  /// little about it.
  private func checkCoverage(_ met: FeatureCounts) throws {
    let rarest = met.ascending.prefix(3).map { "\($0.feature) in \($0.count)" }
    print("Rarest: \(rarest.joined(separator: ", ")).")
    guard programs >= Self.customaryCount else { return }
    for (feature, count) in met.ascending where count * Self.rarity < programs {
      throw Failure(
        "\(feature) happened in \(count) programs only; make it likelier in RandomProgram.")
    }
  }

  /// Each feature must happen in at least one of so many programs.
  private static let rarity = 10_000

  func run() async throws {
    guard OptimisedCommand.isRunning else {
      try become(
        await OptimisedCommand.build(), ["prove", "--programs", "\(programs)", "--seed", "\(seed)"])
    }
    var progress = ProofProgress(total: programs)
    let report = try await Proof(first: seed, count: programs).run { progress.update($0) }
    guard let finding = report.finding else {
      print("\(programs) programs from seed \(seed) on: no difference.")
      return try checkCoverage(report.met)
    }
    Progress.note("\nProgram \(finding.number) differs; cutting it down …\n")
    let least = finding.trial.shrunk()
    if let difference = least.difference() { print("\(difference)\n") }
    print(least.source)
    throw Failure(
      """
      Program \(finding.number) is told apart; the expression above is the least of it, and \
      `stepwell prove --programs 1 --seed \(finding.number)` shows it again.
      """)
  }
}
