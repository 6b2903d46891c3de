internal import Foundation

/// The engine, the model and the trials as object files, of which a mutant replaces one: a few seconds
/// each, so that every test run can look at all of them.
///
/// Nothing of a module is compiled into another (`-disable-cmo`), so that one object is all there is of a
/// mistake.
struct MutantObjects: Sendable {
  /// Each needs those before it.
  private static let modules = ["ArmDebug", "NestedDebug", "DebugModel"]

  private let toolchain: Toolchain
  private let sources: URL
  private let folder: URL

  /// Compiles them as they are.
  ///
  /// - Parameter tree: whose sources, and where the objects are kept.
  init(of tree: MutationTree, toolchain: Toolchain) async throws {
    self.toolchain = toolchain
    sources = tree.sources
    folder = tree.objects
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for module in Self.modules {
      try await compile(
        module, files(of: module), optimised: true, to: folder.appending(path: "\(module).o"),
        ["-emit-module", "-emit-module-path", folder.appending(path: "\(module).swiftmodule").path])
    }
  }

  /// Runs the trials with `mutant` in them, or as they are, and looks for one that differs.
  ///
  /// - Parameter worker: two that run at once have two numbers.
  func outcome(
    of mutant: Mutant?, programs: Int, seed: UInt64, worker: Int
  ) async throws -> MutationOutcome {
    let own = folder.appending(path: "\(worker)")
    try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
    var objects = Self.modules.map { folder.appending(path: "\($0).o").path }
    if let mutant {
      let module = mutant.file.prefix { $0 != "/" }
      let name = mutant.file.dropFirst(module.count + 1)
      let broken = own.appending(path: String(name))
      let original = try String(
        contentsOf: sources.appending(path: mutant.file), encoding: .utf8)
      try mutant.applied(to: original).write(to: broken, atomically: true, encoding: .utf8)
      let files = try files(of: String(module)).filter { !$0.hasSuffix("/\(name)") }
      let object = own.appending(path: "\(module).o")
      // Compiled without the optimiser it is there in half the time, and most mistakes show at once.
      try await compile(String(module), files + [broken.path], optimised: false, to: object)
      objects.removeAll { $0.hasSuffix("/\(module).o") }
      objects.append(object.path)
    }
    let trials = own.appending(path: "Trials")
    try await toolchain.child(
      "swiftc",
      flags(for: "Trials", optimised: true) + files(of: "Trials") + objects + ["-o", trials.path]
    ).runQuietly()
    return try await MutationOutcome.ofTrials(trials.path, programs: programs, seed: seed)
  }

  private func compile(
    _ module: String, _ files: [String], optimised: Bool, to object: URL, _ more: [String] = []
  ) async throws {
    try await toolchain.child(
      "swiftc", flags(for: module, optimised: optimised) + more + ["-c", "-o", object.path] + files
    ).runQuietly()
  }

  private func flags(for module: String, optimised: Bool) -> [String] {
    // As Package.swift has them, but that a mistake may leave a warning.
    [
      optimised ? "-O" : "-Onone", "-wmo", "-parse-as-library", "-swift-version", "6",
      "-package-name", "stepwell", "-module-name", module, "-I", folder.path,
      "-enable-upcoming-feature", "ExistentialAny",
      "-enable-upcoming-feature", "InternalImportsByDefault",
      "-enable-upcoming-feature", "MemberImportVisibility",
      "-Xfrontend", "-disable-cmo",
    ]
  }

  private func files(of module: String) throws -> [String] {
    let folder = sources.appending(path: module)
    return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      .map { folder.appending(path: $0).path }
  }
}
