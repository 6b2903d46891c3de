internal import Foundation

/// A GDB newer than Debian's, from the Python Package Index, in the cache folder. The tests use it
/// beside Debian's: GDB 16 reads memory, threads and errors by packets that GDB 13 does not know.
struct PythonGDB {
  /// The version in the package index.
  let version: String

  static let gdb16 = PythonGDB(version: "16.3.0.post6")

  private static let package = "gdb-for-pwndbg"

  private var folder: URL { Project.cache.appending(path: "gdb-\(version)") }
  private var vendor: URL { folder.appending(path: "gdb_for_pwndbg/_vendor") }
  /// The program.
  var program: String { vendor.appending(path: "bin/gdb").path }
  /// The options by which GDB finds its files, wherever it was unpacked.
  var arguments: [String] { ["--data-directory=\(vendor.appending(path: "share/gdb").path)"] }

  /// Fetches GDB, and says so, unless an earlier command has done so.
  ///
  /// - Throws: `Failure` if GDB cannot be fetched or does not start.
  func prepare() async throws {
    try await Lock.holding("python-gdb") {
      if FileManager.default.isExecutableFile(atPath: program) { return }
      try await HostPackage.install([.pip])
      try await Progress.during("Fetching GDB \(version) from the Python Package Index") {
        try await fetch()
      }
    }
  }

  private func fetch() async throws {
    let files = FileManager.default
    let partial = Project.cache.appending(path: "gdb-\(version).partial")
    try? files.removeItem(at: partial)
    try files.createDirectory(at: partial, withIntermediateDirectories: true)
    do {
      // A wheel is an archive of files. It is only unpacked, so nothing else on the host changes.
      try await Child(
        "pip3",
        [
          "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check",
          "--python-version", "3.11", "--implementation", "cp", "--abi", "cp311",
          "--dest", partial.path, "\(Self.package)==\(version)",
        ]
      ).runQuietly()
      let names = try files.contentsOfDirectory(atPath: partial.path)
      guard let wheel = names.first(where: { $0.hasSuffix(".whl") }) else {
        throw Failure("pip3 has fetched no wheel of \(Self.package).")
      }
      let path = partial.appending(path: wheel).path
      try await Child("python3", ["-m", "zipfile", "-e", path, partial.path]).runQuietly()
      try files.removeItem(atPath: path)
    } catch let failure as Failure {
      throw Failure(
        "GDB \(version) could not be fetched: \(failure) The tests need it; check that pip3 works.")
    }
    try files.setAttributes(
      [.posixPermissions: 0o755],
      ofItemAtPath: partial.appending(path: "gdb_for_pwndbg/_vendor/bin/gdb").path)
    try? files.removeItem(at: folder)
    // Only a complete folder ever has this name, whatever interrupts the command.
    try files.moveItem(at: partial, to: folder)
    do {
      _ = try await Child(program, arguments + ["--version"]).output()
    } catch {
      try? files.removeItem(at: folder)
      throw Failure(
        "GDB \(version) does not start on this machine, as it says above; it needs libpython3.11, "
          + "which Debian's gdb-multiarch brings.")
    }
  }
}
