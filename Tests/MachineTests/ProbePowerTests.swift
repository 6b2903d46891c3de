internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("PSCI", .plainAndSecure, .timeLimit(.minutes(2)))
  struct ProbePowerTests {
    @Test("Each function answers as PSCI 1.1 says, by HVC and by SMC")
    func calls() async throws {
      let answers = [
        "VERSION 10001",
        // PSCI_FEATURES of each.
        "VERSION 0", "CPU_SUSPEND 0", "CPU_SUSPEND, 32 bits 0", "CPU_OFF 0", "CPU_ON 0",
        "AFFINITY_INFO 0", "SYSTEM_OFF 0", "SYSTEM_RESET 0", "FEATURES 0",
        "CPU_OFF, 64 bits -1", "no function -1",
        "a PSCI function that there is not -1",
        "a function of nobody's -1",
        "AFFINITY_INFO of itself 0",
        "AFFINITY_INFO of one that is off 1",
        "AFFINITY_INFO of one that is not there -2",
        "CPU_ON of itself -4",
        "CPU_ON of one that is not there -2",
        "CPU_ON 0",
        "AFFINITY_INFO of one that is on 0",
        "CPU_ON of one that is on -4",
        "it is 1",
        "AFFINITY_INFO of one that went off 1",
      ]
      #expect(
        try await ProbeMachine(topic: "psci-calls", cpus: 2).transcript()
          == ["HVC"] + answers + ["SMC"] + answers
          + ["CPU_ON at an odd address -9", "CPU_ON at a device's address -9"])
    }

    @Test(
      "Each argument that a guest may give is answered as by firmware, and the guest goes on",
      arguments: ["cortex-a72", "max"])
    func arguments(cpu: String) async throws {
      let machine = ProbeMachine(topic: "psci-arguments", cpu: cpu, cpus: 2)
      let bare = try await machine.bareTranscript()
      let seen = try await machine.transcript()
      #expect(seen == bare)
      // The shim and the hypervisor could be wrong together.
      let expected = [
        "SYSTEM_RESET2 -1", "SYSTEM_RESET2 of nobody -1", "CPU_ON, MPIDR's bit 31 -2",
        "CPU_ON at an odd address -9", "CPU_ON of nobody at an odd address -2",
        "AFFINITY_INFO, 32 bits, other halves 1", "CPU_SUSPEND, reserved bit 17 -2",
        "CPU_SUSPEND, power-down to no memory -9", "CPU_OFF of the last -3",
        "FEATURES of 1: 0, 64 bits 0", "FEATURES of 18: ffffffff, 64 bits ffffffff",
        "x1 deadbeef00000001 x2 deadbeef00000000 x3 deadbeef33333333",
      ]
      for line in expected { #expect(seen.count { $0 == line } == 2, "\(line)") }
    }

    /// QEMU answers PSCI in firmware's place and knows nothing else; that what passes reaches firmware
    /// stands in docs/not-seen-on-hardware.md.
    @Test(
      "What firmware would do to its caller, and what no caller may say, is an unknown function")
    func firmware() async throws {
      let answers = [
        "VERSION 10001", "VERSION, no live SVE state 10001", "VERSION, bit 17 -1",
        "CPU_ON at no memory, no live SVE state -9", "a yielding call -1", "SDEI_VERSION -1",
        "FFA_VERSION -1", "DRTM_VERSION -1", "a hypervisor's UID -1", "a trusted OS's UID -1",
        "SMCCC_ARCH_FEATURES of FFA_VERSION -1", "SMCCC_VERSION is as discovered",
      ]
      #expect(
        try await ProbeMachine(topic: "firmware-calls").transcript()
          == ["HVC"] + answers + ["SMC"] + answers + ["SMC #1 -1"])
    }

    /// QEMU's own debugger, which sees EL2, refuses in firmware's place.
    @Test("What firmware does not do is said on the console, answered, and the guest goes on")
    func refused() async throws {
      let stub = try DebugEndpoint.unused()
      let machine = ProbeMachine(
        topic: "psci-refused", cpus: 2, others: ["-S", "-gdb", "tcp:\(stub.description)"])
      // EL2 has moved to the end of the probe's 256 MiB; the SMC is the fourteenth instruction.
      let call =
        try await GuestProgram(executable: MachineTests.hypervisor.executable)
        .address(of: "el2_smc") + 0x4fc0_0000 + 13 * 4
      var said = 0
      let transcript = try await machine.transcript { console, _ in
        let outside = try await RemoteClient(stub)
        try await outside.attach()
        try await outside.request("qXfer:features:read:target.xml:0,ffb")
        let place = "1,\(String(call, radix: 16)),4"
        try #expect(await outside.request("Z\(place)") == "OK")
        for (function, status) in [(0x8400_0008 as UInt64, -3 as Int64), (0x8400_0009, -6)] {
          // Other calls of firmware come by too: what it can do, and a core that is started.
          while true {
            try await outside.send(packet: "vCont;c")
            let stop = try await outside.receive()
            let thread = try #require(stop.split(separator: "thread:").last?.prefix { $0 != ";" })
            try #expect(await outside.request("Hg\(thread)") == "OK")
            try #expect(await outside.readRegister(32) == call)
            if try await outside.readRegister(0) == function { break }
            try #expect(await outside.request("z\(place)") == "OK")
            _ = try await outside.request("vCont;s:\(thread)")
            try #expect(await outside.request("Z\(place)") == "OK")
          }
          try await outside.writeRegister(0, UInt64(bitPattern: status))
          try await outside.writeRegister(32, call + 4)
        }
        try #expect(await outside.request("z\(place)") == "OK")
        try #expect(await outside.request("D") == "OK")
        try await console.wait(for: "probe: done")
        said =
          console.output.split(separator: "Stepwell: the firmware does not switch off").count - 1
      }
      #expect(
        transcript == ["SYSTEM_OFF -3", "SYSTEM_RESET by another -6"])
      #expect(said == 2)
    }

    @Test("Of two vCPUs that turn the same one on, one succeeds")
    func race() async throws {
      let transcript = try await ProbeMachine(topic: "psci-race", cpus: 3).transcript()
      #expect(transcript == ["successes 50", "refusals 50", "it came up 50 times"])
    }

    @Test("Seven vCPUs go off and on again twenty times")
    func cycles() async throws {
      #expect(
        try await ProbeMachine(topic: "psci-cycles", cpus: 8).transcript()
          == (1...7).map { "vCPU \($0) came up 20 times" })
    }

    @Test("A hardware breakpoint of the debugger's is hit each time that a vCPU comes up again")
    func breakpoint() async throws {
      let machine = ProbeMachine(topic: "psci-cycles", cpus: 8)
      var hits = Array(repeating: 0, count: 8)
      let transcript = try await machine.transcript(held: true) { _, link in
        let client = try await RemoteClient(link)
        try await client.attach()
        let place = try await ProbeMachine.address(of: "secondary_place")
        let answer = try await client.request("Z1,\(String(place, radix: 16)),4")
        #expect(answer == "OK")
        for _ in 0..<140 {
          let stop = try await client.request("vCont;c")
          let vcpu = try #require(thread(ofStop: stop)) - 1
          hits[vcpu] += 1
          #expect(try await client.readRegister(32) == place)
          try await client.pass(place, thread: vcpu + 1)
        }
        try await client.send(packet: "vCont;c")
      }
      #expect(hits == [0] + Array(repeating: 20, count: 7))
      #expect(transcript == (1...7).map { "vCPU \($0) came up 20 times" })
    }

    @Test("CPU_SUSPEND returns once an interrupt is pending, masked or not")
    func suspend() async throws {
      #expect(
        try await ProbeMachine(topic: "psci-suspend").transcript() == [
          "CPU_SUSPEND with an interrupt pending 0", "highest pending 3", "CPU_SUSPEND 0",
          "CPU_SUSPEND, interrupts masked 0", "wakes 3",
        ])
    }
  }
}

/// The thread that a stop reply names: the vCPU's index and one.
private func thread(ofStop packet: String) -> Int? {
  packet.firstMatch(of: /thread:([0-9a-f]+);/).flatMap { Int($0.1, radix: 16) }
}
