internal import ArgumentParser
internal import Foundation

struct MutateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mutate",
    abstract: "Break the debug engine on purpose, and see the proof notice.",
    discussion: """
      Each mutant is one deliberate mistake: a wrong mask, a comparator off by one, a forgotten \
      step. The command builds it in a private copy of the engine and runs the proof (see prove) \
      with it, or the tests that the mutant names where the comparison cannot notice. A mutant that \
      nothing notices is a hole in the proof, and the command exits with 1. It also does so if the \
      place that a mutant changes is gone. The working tree is not touched.

      EXAMPLES:
        ./stepwell mutate --list
        ./stepwell mutate --only OS-Lock
        ./stepwell mutate --compared
      """)

  @Option(
    help: ArgumentHelp("How many programs each mutant has to get through.", valueName: "count"))
  var programs = 20_000

  @Option(help: ArgumentHelp("Only mutants with this in their names.", valueName: "name"))
  var only: [String] = []

  @Flag(help: "Only the mutants that the comparison must notice, as ./stepwell test does.")
  var compared = false

  @Flag(help: "Name the mutants and run none.")
  var list = false

  func validate() throws {
    guard programs > 0 else {
      throw ValidationError("--programs \(programs): at least one program has to run.")
    }
    guard !chosen.isEmpty else {
      throw ValidationError(
        "--only \(only.joined(separator: ", ")): no mutant has this in its name; --list shows the names."
      )
    }
  }

  private var chosen: [Mutant] {
    (compared ? Mutant.compared : Mutant.all).filter { mutant in
      only.isEmpty || only.contains { mutant.name.contains($0) }
    }
  }

  func run() async throws {
    if list {
      for mutant in chosen { print("\(mutant.name)\t\(mutant.file)") }
      return
    }
    try await Lock.holding("mutants") { try await runMutants() }
  }

  private func runMutants() async throws {
    let toolchain = try await Toolchain.find()
    let tree = try MutationTree(toolchain: toolchain)
    let objects = try await Progress.during("Building the engine as it is") {
      try await MutantObjects(of: tree, toolchain: toolchain)
    }
    let programs = programs
    let clean = try await objects.outcome(of: nil, programs: programs, seed: 0, worker: 0)
    guard clean == .survived else {
      throw Failure("The engine differs without any mutant: \(clean). See stepwell prove.")
    }

    let total = chosen.count
    var count = 0
    var survivors: [String] = []
    func note(_ mutant: Mutant, _ outcome: MutationOutcome) {
      count += 1
      let place = "\(count) of \(total)".padding(toLength: 12, withPad: " ", startingAt: 0)
      print(place, mutant.name.padding(toLength: 44, withPad: " ", startingAt: 0), outcome)
      // The output is written line by line, also into a file.
      fflush(nil)
      if outcome == .survived { survivors.append(mutant.name) }
    }
    try await Self.concurrently(chosen.filter { $0.killer == .trials }) { mutant, worker in
      try await objects.outcome(of: mutant, programs: programs, seed: 0, worker: worker)
    } note: {
      note($0, $1)
    }
    let others = chosen.filter { $0.killer != .trials }
    for mutant in others {
      let outcome = try await Progress.during("Tests with \(mutant.name)") {
        try await Self.outcome(of: mutant, in: tree, toolchain)
      }
      note(mutant, outcome)
    }
    guard survivors.isEmpty else {
      throw Failure(
        "Not noticed: \(survivors.joined(separator: ", ")). The proof has a hole there.")
    }
    print("\(total) mutants, all noticed.")
  }

  /// What the tests or the program that have to notice `mutant` say to it.
  private static func outcome(
    of mutant: Mutant, in engine: MutationTree, _ toolchain: Toolchain
  ) async throws -> MutationOutcome {
    switch mutant.killer {
    case .trials: return .survived
    case .engineTests(let filter):
      return try await engine.isCaught(mutant, byTests: filter) ? .failsTests(filter) : .survived
    case .machineTests(let filter):
      let tree = try MutationTree(of: .machine, toolchain: toolchain)
      return try await tree.isCaught(mutant, byTests: filter) ? .failsTests(filter) : .survived
    case .program(let program):
      let tree = try MutationTree(of: .machine, toolchain: toolchain)
      return try await tree.isCaught(mutant, byProgram: program) ? .failsTests(program) : .survived
    }
  }

  /// Calls `body` with each mutant, for as many mutants at once as there are processors, and with the
  /// number of a worker that no other call has at the time. Calls `note` with each outcome, one at a time.
  private static func concurrently(
    _ mutants: [Mutant],
    _ body: @escaping @Sendable (Mutant, Int) async throws -> MutationOutcome,
    note: (Mutant, MutationOutcome) -> Void
  ) async throws {
    typealias Finished = (mutant: Mutant, worker: Int, outcome: MutationOutcome)
    try await withThrowingTaskGroup(of: Finished.self) { group in
      var rest = mutants[...]
      func start(_ worker: Int) {
        guard let mutant = rest.popFirst() else { return }
        group.addTask { (mutant, worker, try await body(mutant, worker)) }
      }
      for worker in 0..<ProcessInfo.processInfo.activeProcessorCount { start(worker) }
      while let finished = try await group.next() {
        note(finished.mutant, finished.outcome)
        start(finished.worker)
      }
    }
  }
}
