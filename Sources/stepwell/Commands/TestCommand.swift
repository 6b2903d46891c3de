internal import ArgumentParser
internal import Foundation

struct TestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test",
    abstract: "Run every test, on this machine and in QEMU.",
    discussion: """
      Formatting, the hypervisor's build and what must not be in it, the proof (see prove) with its \
      customary programs and with each mistake that it has to notice (see mutate), the tests of every module, and the tests that boot the hypervisor in QEMU \
      and drive it with GDB. The first failure ends it.
      """)

  func run() async throws {
    let toolchain = try await Toolchain.find()
    let root = Project.root.path
    try await HostPackage.install([.qemu, .gdb])

    try await check("formatting") {
      try await toolchain.child(
        "swift",
        ["format", "lint", "--strict", "--recursive", "Package.swift", "Sources", "Tests"],
        in: root
      ).runVisibly()
    }
    try await check("the hypervisor's build, without warnings") {
      try await Hypervisor.build().audit()
    }
    try await check("the proof") {
      try await Child(OptimisedCommand.build(), ["prove"]).runVisibly()
    }
    try await check("the proof of the proof") {
      try await Child(OptimisedCommand.build(), ["mutate", "--compared"]).runVisibly()
    }
    try await check("the guest's packages") { _ = try await GuestPackages.prepare() }
    try await check("the build of the tests, without warnings") {
      try await Progress.during("Building the tests") {
        try await toolchain.child("swift", ["build", "--build-tests"], in: root).runQuietly()
      }
    }
    try await check("the tests") {
      try await toolchain.child("swift", ["test", "--skip-build"], in: root).runVisibly()
    }
    print("stepwell test: all passed")
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
