internal import Foundation

/// A private copy of a part of the package and of its tests, to break and to build.
struct MutationTree: Sendable {
  /// What is copied: the less it is, the sooner a mutant is built.
  enum Part: Sendable {
    /// The debug engine and its model.
    case engine
    /// The program at EL2 with all that it consists of.
    case machine

    fileprivate var name: String {
      switch self {
      case .engine: "mutants"
      case .machine: "machine-mutants"
      }
    }
    fileprivate var modules: [String] {
      switch self {
      case .engine: ["ArmDebug", "NestedDebug", "DebugModel", "SeededRandom", "Trials"]
      case .machine:
        [
          "ArmDebug", "NestedDebug", "DebugModel", "SeededRandom", "RemoteProtocol", "DeviceTree",
          "EL2Support", "Hypervisor",
        ]
      }
    }
    fileprivate var tests: [String] {
      switch self {
      case .engine: ["ArmDebugTests", "NestedDebugTests"]
      case .machine: ["HypervisorTests", "RemoteProtocolTests"]
      }
    }
  }

  private let part: Part
  private let root: URL
  private let toolchain: Toolchain
  /// Executable targets beside the hypervisor that kill mutants.
  private let programs: [String]

  /// Copies the working tree's files to a folder that is kept between runs, so that what has not changed
  /// is not built again.
  init(of part: Part = .engine, toolchain: Toolchain) throws {
    self.part = part
    self.toolchain = toolchain
    root = Project.products.appending(path: part.name)
    switch part {
    case .engine: programs = []
    case .machine:
      programs = Set(
        Mutant.all.compactMap {
          if case .program(let name) = $0.killer { name } else { nil }
        }
      ).sorted()
    }
    let sources = (part.modules + programs).map { "Sources/\($0)" }
    for folder in sources + part.tests.map({ "Tests/\($0)" }) {
      try Self.copy(
        Project.root.appending(path: folder), to: root.appending(path: folder))
    }
    try Self.write(manifest, to: root.appending(path: "Package.swift"))
  }

  /// The copied sources, a folder for each module.
  var sources: URL { root.appending(path: "Sources") }
  /// Where what is compiled of them apart from the package may be kept.
  var objects: URL { root.appending(path: "objects") }

  /// Whether a test of those that `filter` names fails with `mutant` in the copy.
  func isCaught(_ mutant: Mutant?, byTests filter: String) async throws -> Bool {
    try await with(mutant) {
      try await build(["--build-tests"])
      let tests = toolchain.child(
        "swift", ["test", "--skip-build", "--package-path", root.path, "--filter", filter])
      return try await Self.fails(tests)
    }
  }

  /// Whether the executable target `program` fails with `mutant` in the copy.
  func isCaught(_ mutant: Mutant?, byProgram program: String) async throws -> Bool {
    try await with(mutant) {
      try await build(["--product", program])
      let run = toolchain.child(
        "swift", ["run", "--skip-build", "--package-path", root.path, program])
      return try await Self.fails(run)
    }
  }

  /// What does not end has not passed either.
  private static func fails(_ child: Child) async throws -> Bool {
    try await MutationOutcome.limited { try await child.completion() }?.isSuccess != true
  }

  private func build(_ arguments: [String]) async throws {
    try await toolchain.child("swift", ["build", "--package-path", root.path] + arguments)
      .runQuietly()
  }

  /// Runs `body` while the mistake is in the copy.
  private func with<Result>(_ mutant: Mutant?, _ body: () async throws -> Result) async throws
    -> Result
  {
    guard let mutant else { return try await body() }
    let file = root.appending(path: "Sources/\(mutant.file)")
    let source = try String(contentsOf: file, encoding: .utf8)
    try Self.write(mutant.applied(to: source), to: file)
    do {
      let result = try await body()
      try Self.write(source, to: file)
      return result
    } catch {
      try Self.write(source, to: file)
      throw error
    }
  }

  // MARK: Files

  private static func copy(_ source: URL, to target: URL) throws {
    let manager = FileManager.default
    try manager.createDirectory(at: target, withIntermediateDirectories: true)
    let names = try manager.contentsOfDirectory(atPath: source.path)
    for name in names {
      let file = source.appending(path: name)
      var isFolder: ObjCBool = false
      // The answer is written before the call returns, and read after it.
      _ = unsafe manager.fileExists(atPath: file.path, isDirectory: &isFolder)
      if isFolder.boolValue {
        try copy(file, to: target.appending(path: name))
      } else {
        try write(
          String(contentsOf: file, encoding: .utf8), to: target.appending(path: name))
      }
    }
    for name in try manager.contentsOfDirectory(atPath: target.path) where !names.contains(name) {
      try manager.removeItem(at: target.appending(path: name))
    }
  }

  /// Writes only what is not there already: the date of a file tells when it changed.
  private static func write(_ text: String, to file: URL) throws {
    if let old = try? String(contentsOf: file, encoding: .utf8), old == text { return }
    try text.write(to: file, atomically: true, encoding: .utf8)
  }

  /// As the project's, except that a mistake may leave a warning.
  private var manifest: String {
    let machine = """
        .target(name: "RemoteProtocol"),
        .target(name: "DeviceTree"),
        .target(name: "EL2Support"),
        .target(
          name: "Hypervisor",
          dependencies: ["ArmDebug", "NestedDebug", "RemoteProtocol", "DeviceTree", "EL2Support"]),
        .testTarget(name: "RemoteProtocolTests", dependencies: ["RemoteProtocol", "SeededRandom"]),
        .testTarget(
          name: "HypervisorTests",
          dependencies: [
            "Hypervisor", "ArmDebug", "NestedDebug", "RemoteProtocol", "DeviceTree", "SeededRandom",
          ]),
      """
    let engine = """
        .executableTarget(name: "Trials", dependencies: ["DebugModel"]),
        .testTarget(name: "ArmDebugTests", dependencies: ["ArmDebug"]),
        .testTarget(
          name: "NestedDebugTests",
          dependencies: ["NestedDebug", "ArmDebug", "DebugModel", "SeededRandom"]),
      """
    let others = programs.map {
      """
          .executableTarget(
            name: "\($0)",
            dependencies: ["Hypervisor", "ArmDebug", "NestedDebug", "RemoteProtocol", "DeviceTree"]),

      """
    }.joined()
    return """
      // swift-tools-version: 6.2
      import PackageDescription

      let package = Package(
        name: "stepwell",
        targets: [
          .target(name: "ArmDebug"),
          .target(name: "NestedDebug", dependencies: ["ArmDebug"]),
          .target(name: "SeededRandom"),
          .target(name: "DebugModel", dependencies: ["ArmDebug", "NestedDebug", "SeededRandom"]),
      \(part == .engine ? engine : machine + others)
        ]
      )

      for target in package.targets where target.name != "EL2Support" {
        target.swiftSettings = [
          .enableUpcomingFeature("ExistentialAny"),
          .enableUpcomingFeature("InternalImportsByDefault"),
          .enableUpcomingFeature("MemberImportVisibility"),
        ]
      }

      """
  }
}
