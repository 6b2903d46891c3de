internal import Foundation

/// The engine, the model and the trials as object files. A mutant replaces one of them, which takes a few
/// seconds, so that every test run can try all mutants.
///
/// Nothing of a module is compiled into another (`-disable-cmo`), so that a mistake is in one object only.
struct MutantObjects: Sendable {
  /// Each module needs those before it.
  private static let modules = ["ArmDebug", "NestedDebug", "SeededRandom", "DebugModel"]

  private let toolchain: Toolchain
  private let sources: URL
  private let folder: URL

  /// Compiles the modules without a mistake.
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

  /// Runs the trials with `mutant` in the engine, or with none, and looks for one that differs.
  ///
  /// - Parameter worker: a number that no other call has at the same time.
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
      // Without the optimiser this takes half the time, and most mistakes show in the first programs.
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
    // As in Package.swift, except that a mistake may leave a warning.
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
