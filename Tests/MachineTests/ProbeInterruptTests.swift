internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("The guest's interrupts", .plainAndSecure, .timeLimit(.minutes(2)))
  struct ProbeInterruptTests {
    @Test(
      "48 interrupts pending at once are each taken once, in the order of their priorities",
      arguments: ["cortex-a72", "max"])
    func pending(cpu: String) async throws {
      guard Machine.Board.tested.works(with: cpu) else { return }
      let taken = try await ProbeMachine(topic: "interrupts-pending", cpu: cpu).transcript()
        .compactMap(Taken.init)
      let expected = (0..<48).map { place in
        Taken(
          number: place < 16 ? place : 200 + place - 16, priority: place * 11 % 15 * 16)
      }
      #expect(Set(taken) == Set(expected))
      #expect(taken.map(\.priority) == expected.map(\.priority).sorted())
    }

    @Test("A more urgent interrupt preempts, twelve deep; a less urgent one waits for the last end")
    func nested() async throws {
      let numbers = 200..<212
      let transcript = try await ProbeMachine(topic: "interrupts-nested").transcript()
      #expect(
        transcript == numbers.map { "enter \($0)" } + numbers.reversed().map { "leave \($0)" }
          + ["enter 212", "leave 212"])
    }

    @Test("Edge, level and a device's line: state and deliveries are those of the bare machine")
    func triggers() async throws {
      let machine = ProbeMachine(topic: "interrupts-triggers")
      let bare = try await machine.bareTranscript()
      #expect(bare.contains("taken until the device is told: 5"))
      #expect(try await machine.transcript() == bare)
    }

    @Test(
      "A level-sensitive interrupt that software has made pending stays so while it is disabled")
    func latch() async throws {
      let machine = ProbeMachine(topic: "interrupts-latch")
      #expect(
        try await machine.transcript() == [
          "disabled: enabled 0 pending 1 active 0", "taken once enabled: 1",
        ])
    }

    @Test("A level-sensitive interrupt whose line has fallen is not taken, masked or not")
    func late() async throws {
      let machine = ProbeMachine(topic: "interrupts-late")
      let bare = try await machine.bareTranscript()
      #expect(bare.contains("told after 0: taken 1 asserted 1"))
      #expect(bare.contains("masked for 100: taken 0"))
      #expect(try await machine.transcript() == bare)
    }

    @Test("A redistributor that nobody wakes forwards interrupts, as it does bare on an emulator")
    func unwoken() async throws {
      let machine = ProbeMachine(topic: "interrupts-unwoken")
      let bare = try await machine.bareTranscript()
      #expect(bare == ["taken: SGI 1, SPI 1"])
      #expect(try await machine.transcript() == bare)
    }

    @Test(
      "Control, groups and priorities read as bare, and are compared with the mask in the same view"
    )
    func views() async throws {
      let machine = ProbeMachine(topic: "interrupts-views")
      let bare = try await machine.bareTranscript()
      #expect(bare.count > 100)
      #expect(try await machine.transcript() == bare)
    }

    @Test("SGIs between four vCPUs, all at once: to each, to itself, and to all but the sender")
    func sgis() async throws {
      let transcript = try await ProbeMachine(topic: "interrupts-sgi", cpus: 4).transcript()
      var expected: [String] = []
      for vcpu in 0..<4 {
        for sender in 0..<4 { expected.append("vCPU \(vcpu) took SGI \(sender): 25") }
        for sender in 0..<4 where sender != vcpu {
          expected.append("vCPU \(vcpu) took SGI \(8 + sender): 25")
        }
      }
      #expect(transcript == expected)
    }

    @Test(
      "A tick of the virtual timer costs one exit, the interrupt's, and nothing else unless it is masked"
    )
    func ticks() async throws {
      var costs: [[String: Int]] = []
      let machine = ProbeMachine(topic: "interrupts-timer", cpus: 2)
      let transcript = try await machine.transcript { console, link in
        try await console.wait(for: "gate started")
        let client = try await RemoteClient(link)
        try await client.attach()
        var before = try await client.exits()
        for _ in 0..<4 {
          try await client.openGate()
          try await console.wait(for: "gate ticked")
          try await client.stop()
          let now = try await client.exits()
          // vCPU 1 takes the ticks; the debug link's interrupts go to vCPU 0.
          costs.append(
            now.mapValues { $0[1] }.merging(before.mapValues { -$0[1] }, uniquingKeysWith: +))
          before = now
        }
        try await client.openGate()
      }
      #expect(
        transcript.filter { $0.hasPrefix("ticks") } == [0, 0, 100, 500].map { "ticks \($0)" })
      // What the debugger's own stop and continue cost is the same each time.
      let ofDebugger = try #require(costs[1]["interrupt"])
      #expect(costs.map { $0["interrupt"] }.suffix(2) == [100 + ofDebugger, 500 + ofDebugger])
      // A tick that comes while the guest masks interrupts costs its acknowledge as well; that it does is
      // the host's doing, who keeps the emulator waiting for a millisecond.
      let acknowledge = "GIC CPU interface access"
      #expect(costs.allSatisfy { $0[acknowledge, default: 0] < 25 })
      #expect(
        costs.dropFirst().allSatisfy {
          $0.allSatisfy { $0.key == "interrupt" || $0.key == acknowledge || $0.value == 0 }
        })
    }
  }
}

/// One interrupt that the probe took.
private struct Taken: Hashable {
  var number, priority: Int

  init(number: Int, priority: Int) {
    self.number = number
    self.priority = priority
  }

  /// "taken 203 priority 4f": the priority is hexadecimal.
  init?(_ line: String) {
    let words = line.split(separator: " ")
    guard words.count == 4, words[0] == "taken", let number = Int(words[1]),
      let priority = Int(words[3], radix: 16)
    else { return nil }
    self.init(number: number, priority: priority)
  }
}
