internal import Foundation

/// A private copy of the engine, of the model and of their tests, to break and to build.
struct MutationTree: Sendable {
  private static let modules = ["ArmDebug", "NestedDebug", "DebugModel", "Trials"]
  private static let tests = ["ArmDebugTests", "NestedDebugTests"]

  private let root: URL
  private let toolchain: Toolchain

  /// Copies the working tree's files to a folder that is kept between runs, so that what has not changed
  /// is not built again.
  init(toolchain: Toolchain) throws {
    self.toolchain = toolchain
    root = Project.products.appending(path: "mutants")
    try Self.copy(Self.modules.map { "Sources/\($0)" } + Self.tests.map { "Tests/\($0)" }, to: root)
    try Self.write(Self.manifest, to: root.appending(path: "Package.swift"))
  }

  /// The copied sources, a folder for each module.
  var sources: URL { root.appending(path: "Sources") }
  /// Where what is compiled of them apart from the package may be kept.
  var objects: URL { root.appending(path: "objects") }

  /// Whether a test of those that `filter` names fails with `mutant` in the engine.
  func isCaught(_ mutant: Mutant?, byTests filter: String) async throws -> Bool {
    try await with(mutant) {
      try await build(["--build-tests"])
      let tests = toolchain.child(
        "swift", ["test", "--skip-build", "--package-path", root.path, "--filter", filter])
      // Tests that do not end have not passed either.
      return try await MutationOutcome.limited { try await tests.completion() }?.isSuccess != true
    }
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

  private static func copy(_ folders: [String], to root: URL) throws {
    let manager = FileManager.default
    for folder in folders {
      let target = root.appending(path: folder)
      try manager.createDirectory(at: target, withIntermediateDirectories: true)
      let source = Project.root.appending(path: folder)
      let names = try manager.contentsOfDirectory(atPath: source.path)
      for name in names {
        try write(
          String(contentsOf: source.appending(path: name), encoding: .utf8),
          to: target.appending(path: name))
      }
      for name in try manager.contentsOfDirectory(atPath: target.path) where !names.contains(name) {
        try manager.removeItem(at: target.appending(path: name))
      }
    }
  }

  /// Only if it is not there already, so that its date tells when it changed.
  private static func write(_ text: String, to file: URL) throws {
    if let old = try? String(contentsOf: file, encoding: .utf8), old == text { return }
    try text.write(to: file, atomically: true, encoding: .utf8)
  }

  /// As the project's, but that a mistake may leave a warning.
  private static let manifest = """
    // swift-tools-version: 6.2
    import PackageDescription

    let package = Package(
      name: "stepwell",
      targets: [
        .target(name: "ArmDebug"),
        .target(name: "NestedDebug", dependencies: ["ArmDebug"]),
        .target(name: "DebugModel", dependencies: ["ArmDebug", "NestedDebug"]),
        .testTarget(name: "ArmDebugTests", dependencies: ["ArmDebug"]),
        .testTarget(
          name: "NestedDebugTests", dependencies: ["NestedDebug", "ArmDebug", "DebugModel"]),
      ]
    )

    for target in package.targets {
      target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
      ]
    }

    """
}
