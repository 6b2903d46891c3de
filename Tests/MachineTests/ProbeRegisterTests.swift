internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("The guest's debug registers", .plainAndSecure, .timeLimit(.minutes(2)))
  struct ProbeRegisterTests {
    @Test(
      "In native mode they are the bare machine's, and numbers that the CPU lacks are UNDEFINED",
      arguments: ["cortex-a72", "max"])
    func native(cpu: String) async throws {
      guard Machine.Board.tested.works(with: cpu) else { return }
      let machine = ProbeMachine(topic: "registers-values", cpu: cpu)
      let bare = try await machine.bareTranscript()
      // 6 breakpoints and 4 watchpoints of 16 each, 2 registers each; 3 patterns written and read.
      #expect(bare.count { $0.hasPrefix("own ") && $0.hasSuffix("undefined") } == 44)
      #expect(bare.count { $0.hasPrefix("write dbg") } == 44 * 3)
      #expect(bare.contains("write oslsr_el1 undefined"))
      // Not even QEMU's own departures show: the same registers are the guest's.
      #expect(try await machine.transcript() == bare)
    }

    @Test(
      "In shared mode they are the same, with the architecture's fields alone",
      arguments: ["cortex-a72", "max"])
    func shared(cpu: String) async throws {
      guard Machine.Board.tested.works(with: cpu) else { return }
      let machine = ProbeMachine(topic: "registers-values", cpu: cpu)
      let bare = try await machine.bareTranscript()
      var printed = ""
      let shared = try await machine.transcript(held: true) { _, link in
        printed = try await GDB.run(link, ["hbreak *\(Self.elsewhere)", "continue"])
      }
      #expect(printed.contains("exited normally"))
      // What is in shared mode alone the architecture's is on the left as it is.
      #expect(shared.filter { !$0.contains("mdccint") } == Departure.without(bare))
      #expect(
        shared.filter { $0.contains("mdccint") }
          == ["ones mdccint_el1 60000000", "zeros mdccint_el1 0"])
    }

    @Test("They keep their values while the debugger comes to use debug hardware, and ceases to")
    func modes() async throws {
      let transcript = try await ProbeMachine(topic: "registers-modes").transcript {
        console, link in
        let client = try await RemoteClient(link)
        try await client.attach()
        try await client.send(packet: "vCont;c")
        let point = "1,\(Self.elsewhere.dropFirst(2)),4"
        for gate in 1...4 {
          try await console.wait(for: "gate changing")
          try await client.stop()
          let mode = try await client.monitor("debug").contains("shared") ? "shared" : "native"
          #expect(mode == (gate % 2 == 1 ? "native" : "shared"))
          let answer = try await client.request((gate % 2 == 1 ? "Z" : "z") + point)
          #expect(answer == "OK")
          try await client.openGate()
        }
      }
      let found = transcript.filter { $0.hasPrefix("found") }.compactMap(
        Departure.reservedBits.corrected)
      #expect(found == (0..<4).flatMap(Self.found))
    }

    /// What the probe finds at a gate: the numbers that it wrote at the one before.
    private static func found(gate: Int) -> [String] {
      var lines: [String] = []
      let banks = [("dbgbvr", 6), ("dbgbcr", 6), ("dbgwvr", 4), ("dbgwcr", 4)]
      for (bank, (name, count)) in banks.enumerated() {
        for n in 0..<16 {
          let value = 0x1234_0000_0000 | UInt64(gate + bank * 16 + n) << 13
          let line = "found \(name)\(n)_el1 \(String(value, radix: 16))"
          lines.append(n < count ? line : "found \(name)\(n)_el1 undefined")
        }
      }
      let isEven = gate % 2 == 0
      return lines.compactMap(Departure.reservedBits.corrected) + [
        "found mdscr_el1 \(isEven ? "1000" : "0")", "found oslsr_el1 \(isEven ? "8" : "a")",
      ]
    }

    @Test("Thousands of accesses cost no exit while the attached debugger asks for nothing")
    func cost() async throws {
      var exits: [[String: [Int]]] = []
      let transcript = try await ProbeMachine(topic: "registers-access").transcript {
        console, link in
        let client = try await RemoteClient(link)
        try await client.attach()
        try await client.send(packet: "vCont;c")
        try await console.wait(for: "gate native")
        try await client.stop()
        exits.append(try await client.exits())
        let answer = try await client.request("Z1,\(Self.elsewhere.dropFirst(2)),4")
        #expect(answer == "OK")
        try await client.openGate()
        try await console.wait(for: "gate shared")
        try await client.stop()
        exits.append(try await client.exits())
        try await client.openGate()
      }
      #expect(transcript.filter { $0.hasPrefix("wrong") } == ["wrong 0", "wrong 0"])
      #expect(exits[0]["debug register access"] == nil)
      // OSLAR_EL1 once; in each of 500 rounds 16 comparator registers written, read and written, and
      // MDSCR_EL1 written, read and written, and OSLSR_EL1 read.
      #expect(exits[1]["debug register access"] == [1 + 500 * (16 * 3 + 4)])
    }

    /// An address that the probe does not execute.
    private static let elsewhere = "0x4cff0000"
  }
}
