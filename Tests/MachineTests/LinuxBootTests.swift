internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("Linux at EL1, beneath EL2")
  struct LinuxBootTests {
    @Test(
      "Debian's kernel boots to its first process on every vCPU, and switches itself off",
      .timeLimit(.minutes(2)),
      arguments: [("cortex-a72", 1), ("cortex-a72", 4), ("cortex-a72", 8), ("max", 1), ("max", 4)])
    func boots(cpu: String, cpus: Int) async throws {
      try await LinuxGuest.boot(try await LinuxGuest.machine(cpu: cpu, cpus: cpus)) { guest in
        try #expect(await guest.run("nproc") == "\(cpus)")
        guest.powerOff()
        try #expect(await guest.console.end() == 0)
      }
    }
  }
}
