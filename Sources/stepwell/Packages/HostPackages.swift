internal import Foundation
internal import Glibc

/// A program that Stepwell needs on the host and that Debian has a package of.
struct HostPackage {
  let program: String
  let package: String
  let purpose: String

  static let qemu = HostPackage(
    program: "qemu-system-aarch64", package: "qemu-system-arm", purpose: "the machine to boot")
  static let gdb = HostPackage(
    program: "gdb-multiarch", package: "gdb-multiarch", purpose: "a debugger for arm64")
  /// The program that fetches ``PythonGDB``.
  static let pip = HostPackage(
    program: "pip3", package: "python3-pip", purpose: "to fetch a newer GDB for the tests")

  /// The file for the output of the package manager, which is long and matters only when it fails.
  static var log: URL { Project.products.appending(path: "packages.log") }

  /// Installs those of `packages` whose program is not on the path, and says in one line which and why. The output of
  /// the package manager goes into ``log``.
  ///
  /// - Throws: `Failure` if this user may not install packages, or apt-get fails.
  static func install(_ packages: [HostPackage]) async throws {
    let missing = packages.filter { find($0.program) == nil }
    if missing.isEmpty { return }

    let list = missing.map { "\($0.package) (\($0.purpose))" }.joined(separator: ", ")
    let names = missing.map(\.package)
    guard find("apt-get") != nil else {
      throw Failure("This needs \(list), and this machine has no apt-get; install it by hand.")
    }
    let isRoot = geteuid() == 0
    guard isRoot || find("sudo") != nil else {
      throw Failure(
        "This needs \(list); as root, run: apt-get install \(names.joined(separator: " "))")
    }
    // sudo asks for its password here, once. The rest needs no terminal.
    if !isRoot {
      Progress.note("Installing \(names.joined(separator: " ")) needs root's rights.\n")
      try await Child("sudo", ["-v"]).runVisibly(input: true)
    }

    try await Progress.during("Installing from Debian: \(list)") {
      let environment = ["DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"]
      // A new machine has no package lists, and old lists will do. A failing source of other packages must not stop the
      // installation.
      let update = try await aptGet(["update"], asRoot: isRoot, environment).completion()
      let arguments = ["install", "-y", "--no-install-recommends"] + names
      let install = try await aptGet(arguments, asRoot: isRoot, environment).completion()
      try write("apt-get update\n\(update.output)\napt-get install\n\(install.output)")
      guard install.isSuccess else {
        let update =
          update.isSuccess ? "" : ", perhaps because the package lists could not be fetched"
        throw Failure(
          "apt-get could not install \(list)\(update); what it said is in \(log.path). Install it by hand: "
            + "apt-get install \(names.joined(separator: " "))")
      }
    }
  }

  private static func write(_ text: String) throws {
    try FileManager.default.createDirectory(
      at: log.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: log)
  }

  private static func aptGet(
    _ arguments: [String], asRoot isRoot: Bool, _ environment: [String: String]
  ) -> Child {
    // sudo passes on the named variables, and not the environment.
    let settings = environment.map { "\($0)=\($1)" }
    return isRoot
      ? Child("apt-get", arguments, environment: environment)
      : Child("sudo", ["-n"] + settings + ["apt-get"] + arguments)
  }

  /// The place of a program on the path.
  static func find(_ program: String) -> String? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    return path.split(separator: ":")
      .map { "\($0)/\(program)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }
}
