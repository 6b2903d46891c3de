internal import Foundation
internal import Testing

@testable internal import stepwell

extension MachineTests {
  /// `stepwell run` as a person uses it, on a pseudo-terminal that script(1) makes.
  @Suite("stepwell run on a terminal")
  struct CommandRunTests {
    private static func run(_ body: (RunningProgram) async throws -> Void) async throws {
      let command = Project.root.appending(path: ".build/debug/stepwell").path
      let port = try DebugEndpoint.unused().description
      try await RunningProgram.run(
        "script", ["-qec", "\(command) run --cpus 2 --gdb \(port)", "/dev/null"]
      ) { terminal in
        try await terminal.wait(for: "gdb-multiarch -ex 'target remote \(port)'")
        try await terminal.wait(for: "on 2 CPUs. 'exit' switches the machine off.")
        try await terminal.wait(for: "# ")
        try await body(terminal)
      }
    }

    @Test("boots to a shell that answers, and exits with 0 when it ends", .timeLimit(.minutes(2)))
    func shell() async throws {
      try await Self.run { terminal in
        terminal.write("echo $((6 * 7))\n")
        try await terminal.wait(for: "\n42\r")
        terminal.write("exit\n")
        try #expect(await terminal.end() == 0)
      }
    }

    @Test("poweroff in the guest ends it with 0", .timeLimit(.minutes(2)))
    func poweroff() async throws {
      try await Self.run { terminal in
        terminal.write("poweroff\n")
        try #expect(await terminal.end() == 0)
      }
    }

    @Test("Ctrl-A x ends it", .timeLimit(.minutes(2)))
    func escape() async throws {
      try await Self.run { terminal in
        terminal.write("\u{1}x")
        try await terminal.wait(for: "QEMU: Terminated")
        try #expect(await terminal.end() == 0)
      }
    }
  }
}
