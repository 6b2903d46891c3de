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
