internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("EL2's own interrupts", .plainAndSecure, .timeLimit(.minutes(2)))
  struct ProbeHiddenTests {
    @Test("Their fields read as 0 whatever is written; all others are those of the bare machine")
    func registers() async throws {
      let machine = ProbeMachine(topic: "hidden-registers")
      let bare = try await machine.bareTranscript()
      #expect(bare.contains("ISENABLER 32 ffffffff"))
      // On the left as Stepwell shows them: what is to be hidden is hidden there already.
      #expect(try await machine.transcript() == Departure.without(bare))
    }

    @Test("Ctrl-C stops a guest that has disabled, masked and silenced every interrupt")
    func spin() async throws {
      try await interruptTenTimes("hidden-spin", onceItSays: "gate silent")
    }

    @Test("Ctrl-C stops a guest while it does nothing but disable every interrupt")
    func writes() async throws {
      try await interruptTenTimes("hidden-writes", onceItSays: "gate writing")
    }

    private func interruptTenTimes(_ topic: String, onceItSays text: String) async throws {
      var stops: [String] = []
      _ = try await ProbeMachine(topic: topic).transcript { console, link in
        try await console.wait(for: text)
        let client = try await RemoteClient(link)
        try await client.attach()
        for _ in 0..<10 {
          try await client.send(packet: "vCont;c")
          try await client.interrupt()
          stops.append(try await client.receive())
        }
        try await client.openGate()
      }
      #expect(stops.count == 10)
      #expect(stops.allSatisfy { $0.hasPrefix("T02") })
    }
  }
}
