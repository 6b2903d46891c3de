internal import ArgumentParser
internal import Foundation

struct MutateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mutate",
    abstract: "Break the debug engine on purpose, and see the proof notice.",
    discussion: """
      Each mutant is one deliberate mistake: a wrong mask, a comparator off by one, a step that is \
      forgotten. It is built in a private copy of the engine, and the proof (see prove) is run with \
      it, or the tests that it names. A mutant that nothing notices would be a hole in the proof: \
      the command then ends with 1, as it does when the text that a mutant replaces is not there any \
      more. The working tree is not touched.
      """)

  @Option(
    help: ArgumentHelp("How many programs each mutant has to get through.", valueName: "count"))
  var programs = 20_000

  @Option(help: ArgumentHelp("Only mutants with this in their names.", valueName: "name"))
  var only: [String] = []

  @Flag(help: "Name the mutants and run none.")
  var list = false

  func validate() throws {
    guard programs > 0 else {
      throw ValidationError("--programs \(programs): at least one program has to run.")
    }
    guard !chosen.isEmpty else {
      throw ValidationError("--only: no mutant has a name like that; --list shows them.")
    }
  }

  private var chosen: [Mutant] {
    Mutant.all.filter { mutant in only.isEmpty || only.contains { mutant.name.contains($0) } }
  }

  func run() async throws {
    if list {
      for mutant in chosen { print("\(mutant.name)\t\(mutant.file)") }
      return
    }
    try await Lock.holding("mutants") { try await runMutants() }
  }

  private func runMutants() async throws {
    let tree = try await MutationTree(toolchain: Toolchain.find())
    let clean = try await Progress.during("Building the engine as it is") {
      try await tree.outcome(of: nil, programs: programs, seed: 0)
    }
    guard clean == .survived else {
      throw Failure("The engine differs without any mutant: \(clean). See stepwell prove.")
    }
    var survivors: [String] = []
    for (n, mutant) in chosen.enumerated() {
      let outcome = try await Progress.during("\(n + 1) of \(chosen.count): \(mutant.name)") {
        try await self.outcome(of: mutant, tree)
      }
      print("\(mutant.name.padding(toLength: 44, withPad: " ", startingAt: 0)) \(outcome)")
      // Line by line, into a file as well.
      fflush(nil)
      if outcome == .survived { survivors.append(mutant.name) }
    }
    guard survivors.isEmpty else {
      throw Failure(
        "Not noticed: \(survivors.joined(separator: ", ")). The proof has a hole there.")
    }
    print("\(chosen.count) mutants, all noticed.")
  }

  private func outcome(of mutant: Mutant, _ tree: MutationTree) async throws -> MutationOutcome {
    guard let test = mutant.test else {
      return try await tree.outcome(of: mutant, programs: programs, seed: 0)
    }
    return try await tree.isCaught(mutant, byTests: test) ? .failsTests(test) : .survived
  }
}
