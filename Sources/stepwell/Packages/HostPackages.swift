internal import Foundation
internal import Glibc

/// A program that Stepwell needs on the host and that Debian packages.
struct HostPackage {
  let program: String
  let package: String
  let purpose: String

  static let qemu = HostPackage(
    program: "qemu-system-aarch64", package: "qemu-system-arm", purpose: "the machine to boot")
  static let gdb = HostPackage(
    program: "gdb-multiarch", package: "gdb-multiarch", purpose: "a debugger for arm64")

  /// Installs those of `packages` whose program is not on the path, after saying which, and why.
  ///
  /// - Throws: `Failure` if that needs rights this user does not have, or apt-get fails.
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

    Progress.note("Installing from Debian: \(list)\n")
    let install = ["install", "-y", "--no-install-recommends"] + names
    let environment = ["DEBIAN_FRONTEND": "noninteractive"]
    // A machine that has just been set up has no package lists; one that has them can do without
    // fresh ones. A failing source that has nothing to do with these packages must not stop this.
    do {
      try await aptGet(["update"], asRoot: isRoot, environment).runVisibly(input: true)
    } catch is Failure {
      Progress.note("Some package lists could not be fetched; going on with those there are.\n")
    }
    do {
      try await aptGet(install, asRoot: isRoot, environment).runVisibly(input: true)
    } catch is Failure {
      throw Failure("apt-get could not install \(list), as it says above; install it by hand.")
    }
  }

  private static func aptGet(
    _ arguments: [String], asRoot isRoot: Bool, _ environment: [String: String]
  ) -> Child {
    isRoot
      ? Child("apt-get", arguments, environment: environment)
      : Child("sudo", ["apt-get"] + arguments, environment: environment)
  }

  /// Where the path has a program.
  static func find(_ program: String) -> String? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    return path.split(separator: ":")
      .map { "\($0)/\(program)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }
}
