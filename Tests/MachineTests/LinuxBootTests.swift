internal import Foundation
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

    /// Where Linux says that it and its memory are.
    private struct Layout: Equatable {
      /// "Kernel code", "Kernel data".
      var kernel: [String]
      /// Where the initrd begins and ends, as the device tree has it.
      var initrd: String
      /// "System RAM".
      var memory: [String]

      init(_ guest: LinuxGuest) async throws {
        let map = try await guest.run("grep -e Kernel -e System /proc/iomem")
        let lines = map.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        kernel = lines.filter { $0.contains("Kernel") }
        memory = lines.filter { $0.contains("System RAM") }
        let chosen = "/proc/device-tree/chosen/linux,initrd"
        initrd = try await guest.run("hexdump -C \(chosen)-start; hexdump -C \(chosen)-end")
      }
    }

    @Test(
      "The kernel and what is loaded with it lie where they lie bare, and memory only ends earlier",
      .timeLimit(.minutes(3)),
      arguments: [("cortex-a72", "512M", "5fbfffff"), ("max", "5G", "17fbfffff")])
    func layout(cpu: String, size: String, end: String) async throws {
      let machine = try await LinuxGuest.machine(cpu: cpu, memory: size)
      let bare = try await LinuxGuest.bootBare(machine, virtualization: false) {
        try await Layout($0)
      }
      try #require(bare.kernel.count == 2 && !bare.initrd.isEmpty)
      try await LinuxGuest.boot(machine) { guest in
        let layout = try await Layout(guest)
        #expect(layout.kernel == bare.kernel)
        #expect(layout.initrd == bare.initrd)
        #expect(layout.memory == ["40000000-\(end) : System RAM"])
      }
    }
  }
}
