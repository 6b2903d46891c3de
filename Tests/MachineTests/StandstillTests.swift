internal import Foundation
internal import Glibc
internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("While vCPUs stand still", .timeLimit(.minutes(2)))
  struct StandstillTests {
    /// The processor time that the emulator of `machine` has used.
    private static func processorTime(of machine: Machine) throws -> Duration {
      let files = FileManager.default
      for name in try files.contentsOfDirectory(atPath: "/proc") where Int(name) != nil {
        guard let line = try? Data(contentsOf: URL(filePath: "/proc/\(name)/cmdline")),
          line.starts(with: Machine.emulator.utf8)
            || String(decoding: line, as: UTF8.self).contains("/\(Machine.emulator)\0"),
          String(decoding: line, as: UTF8.self).contains("port=\(machine.debugger.port),"),
          let status = try? String(contentsOf: URL(filePath: "/proc/\(name)/stat"), encoding: .utf8)
        else { continue }
        // proc(5): the name in parentheses is the second field; utime and stime are the 14th and 15th.
        let fields = status.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Int(fields[11]), let system = Int(fields[12]) else {
          break
        }
        return .milliseconds((user + system) * 1000 / sysconf(Int32(_SC_CLK_TCK)))
      }
      throw Failure("The emulator is not found in /proc.")
    }

    @Test("a machine that was stopped in the midst of work costs next to nothing")
    func cost() async throws {
      let machine = try await LinuxGuest.machine(cpus: 4)
      try await LinuxGuest.boot(machine) { guest in
        for _ in 1...4 { guest.start("dd if=/dev/zero of=/dev/null bs=1 2>/dev/null &") }
        #expect(try await guest.run("echo runs") == "runs")
        for stop in 1...12 {
          let client = try await RemoteClient(machine.debugger)
          try await client.attach()
          try await Task.sleep(for: .milliseconds(100))
          let before = try Self.processorTime(of: machine)
          try await Task.sleep(for: .seconds(1))
          let used = try Self.processorTime(of: machine) - before
          #expect(used < .milliseconds(100), "stop \(stop)")
          #expect(try await client.request("D") == "OK")
          client.close()
          try await Task.sleep(for: .milliseconds(130 + 30 * stop))
        }
        #expect(try await guest.run("echo runs") == "runs")
      }
    }

    @Test(
      "the machine ends though the core that serves the debugger is off", arguments: [false, true])
    func powerOff(resets: Bool) async throws {
      let machine = try await LinuxGuest.machine(cpus: 2)
      try await LinuxGuest.boot(machine) { guest in
        #expect(
          try await guest.run(
            "echo 0 > /sys/devices/system/cpu/cpu0/online; cat /sys/devices/system/cpu/online"
          )
          .hasSuffix("1"))
        guest.start(resets ? "reboot -f" : "poweroff -f")
        try #expect(await guest.console.end() == 0)
      }
    }

    @Test(
      "the machine ends though the debugger holds the core that serves it, and it is told so",
      arguments: [0x8400_0008 as UInt64, 0x8400_0009])
    func heldCore(_ function: UInt64) async throws {
      let machine = try await LinuxGuest.machine(cpus: 2)
      try await LinuxGuest.boot(machine) { guest in
        // `__arm_smccc_smc` begins with its SMC, or with a landing pad before that.
        let call = try await guest.address(of: "__arm_smccc_smc")
        let client = try await RemoteClient(machine.debugger)
        try await client.attach()
        #expect(try await client.request("Hg2") == "OK")
        try await client.writeRegister(0, function)
        try await client.writeRegister(32, call)
        #expect(try await client.request("vCont;c:2") == "W00")
        try #expect(await guest.console.end() == 0)
      }
    }
  }
}
