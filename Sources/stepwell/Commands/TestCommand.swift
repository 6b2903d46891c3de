internal import ArgumentParser
internal import Foundation

struct TestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test",
    abstract: "Run every test, on this machine and in QEMU.",
    discussion: """
      Checks the formatting; builds the hypervisor and looks for what must not be in it; runs the \
      proof (see prove) with its usual programs and with each mistake that it must notice (see \
      mutate); and runs the tests of every module and those that boot the hypervisor in QEMU and \
      drive it with GDB. The first failure ends the command.

      EXAMPLES:
        ./stepwell test
        ./stepwell test --only host
        ./stepwell test --only machine --filter ProbePower
      """)

  /// A part of the tests that can be run alone.
  enum Part: String, CaseIterable, ExpressibleByArgument {
    /// The tests without an emulator: formatting, the builds, the tests of the modules.
    case host
    /// The tests that boot the hypervisor in QEMU.
    case machine
    /// The proof, and the mistakes that it must notice.
    case proof
  }

  @Option(
    help: ArgumentHelp("Only this part; may be given more than once.", valueName: "part"))
  var only: [Part] = []

  @Option(
    help: ArgumentHelp(
      "Only tests of modules and machine whose names match.", valueName: "regex"))
  var filter: String?

  private func runs(_ part: Part) -> Bool { only.isEmpty || only.contains(part) }

  func validate() throws {
    guard filter == nil || runs(.host) || runs(.machine) else {
      throw ValidationError(
        "--filter \(filter ?? ""): the proof has no tests to choose from; use it with host or machine."
      )
    }
  }

  func run() async throws {
    let toolchain = try await Toolchain.find()
    let root = Project.root.path
    if runs(.machine) {
      try await HostPackage.install([.qemu, .gdb])
      try await PythonGDB.gdb16.prepare()
    }

    if runs(.host) {
      try await check("formatting") {
        try await toolchain.child(
          "swift",
          ["format", "lint", "--strict", "--recursive", "Package.swift", "Sources", "Tests"],
          in: root
        ).runVisibly()
      }
    }
    if runs(.host) || runs(.machine) {
      try await check("the hypervisor's build, without warnings") {
        try await Hypervisor.build().audit()
      }
    }
    if runs(.proof) {
      try await check("the proof") {
        try await Child(OptimisedCommand.build(), ["prove"]).runVisibly()
      }
      try await check("the proof of the proof") {
        try await Child(OptimisedCommand.build(), ["mutate", "--compared"]).runVisibly()
      }
    }
    if runs(.machine) {
      try await check("the guest's packages") { _ = try await GuestPackages.prepare() }
    }
    if runs(.host) || runs(.machine) {
      try await check("the build of the tests, without warnings") {
        try await Progress.during("Building the tests") {
          try await toolchain.child("swift", ["build", "--build-tests"], in: root).runQuietly()
        }
      }
      try await check("the tests") {
        try await toolchain.child(
          "swift", ["test", "--skip-build"] + Self.selection(only: only, filter: filter), in: root
        ).runVisibly()
      }
    }
    print("stepwell test: \(only.isEmpty && filter == nil ? "all passed" : "these passed")")
  }

  /// The arguments of `swift test` for the parts and names that the user asked for.
  ///
  /// `swift test` runs the tests that match any filter and no skip. A name and the machine tests together
  /// are therefore one expression.
  static func selection(only: [Part], filter: String?) -> [String] {
    let machine = "^MachineTests\\."
    let wantsHost = only.isEmpty || only.contains(.host)
    let wantsMachine = only.isEmpty || only.contains(.machine)
    switch (wantsHost, wantsMachine, filter) {
    case (true, true, nil), (false, false, _): return []
    case (true, true, let filter?): return ["--filter", filter]
    case (true, false, nil): return ["--skip", machine]
    case (true, false, let filter?): return ["--filter", filter, "--skip", machine]
    case (false, true, nil): return ["--filter", machine]
    case (false, true, let filter?): return ["--filter", "\(machine).*(\(filter))"]
    }
  }

  private func check(_ subject: String, _ body: () async throws -> Void) async throws {
    Progress.note("stepwell test: \(subject)\n")
    do {
      try await body()
    } catch let failure as Failure {
      throw Failure("Failed: \(subject). \(failure)")
    }
  }
}
