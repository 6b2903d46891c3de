internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("The guest's debug registers", .timeLimit(.minutes(2)))
  struct ProbeRegisterTests {
    @Test(
      "In native mode they are the bare machine's, and numbers that the CPU lacks are UNDEFINED",
      arguments: ["cortex-a72", "max"])
    func native(cpu: String) async throws {
      let machine = ProbeMachine(topic: "registers-values", cpu: cpu)
      let bare = try await machine.bareTranscript()
      // 6 breakpoints and 4 watchpoints of 16 each, 2 registers each; 3 patterns written and read.
      #expect(bare.count { $0.hasPrefix("own ") && $0.hasSuffix("undefined") } == 44)
      #expect(bare.count { $0.hasPrefix("write dbg") } == 44 * 3)
      #expect(bare.contains("write oslsr_el1 undefined"))
      #expect(
        try await machine.transcript().map(DebugRegister.known) == bare.map(DebugRegister.known))
    }

    @Test(
      "In shared mode they are the same, with the architecture's fields alone",
      arguments: ["cortex-a72", "max"])
    func shared(cpu: String) async throws {
      let machine = ProbeMachine(topic: "registers-values", cpu: cpu)
      let bare = try await machine.bareTranscript()
      var printed = ""
      let shared = try await machine.transcript(held: true) { _, link in
        printed = try await GDB.run(link, ["hbreak *\(Self.elsewhere)", "continue"])
      }
      #expect(printed.contains("exited normally"))
      #expect(
        shared.map(DebugRegister.known)
          == bare.map { DebugRegister.known($0).map(DebugRegister.masked) })
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
      let found = transcript.filter { $0.hasPrefix("found") }.map(DebugRegister.masked)
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
          lines.append(n < count ? DebugRegister.masked(line) : "found \(name)\(n)_el1 undefined")
        }
      }
      let isEven = gate % 2 == 0
      return lines + [
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

/// What the probe says of one register: "ones dbgbcr3_el1 ffe1e6".
private enum DebugRegister {
  /// A line without what QEMU does not implement: its MDCCINT_EL1 cannot be read.
  static func known(_ line: String) -> String? { line.contains("mdccint") ? nil : line }

  /// The line as it is where RES0 bits, which QEMU stores, are 0.
  static func masked(_ line: String) -> String {
    let words = line.split(separator: " ")
    guard words.count == 3, let value = UInt64(words[2], radix: 16) else { return line }
    return "\(words[0]) \(words[1]) \(String(value & mask(of: words[1]), radix: 16))"
  }

  /// The fields in Arm ARM D24.3, for 6 breakpoints of which the last two compare contexts.
  private static func mask(of register: Substring) -> UInt64 {
    switch register.prefix(6) {
    case "dbgbvr": register.contains(/bvr[45]_/) ? .max : ~0b11
    case "dbgbcr": 0x00ff_e1e7
    case "dbgwvr": ~0b11
    case "dbgwcr": 0x1f1f_ffff
    // With OSLSR_EL1.OSLK = 0 the fields above MDE are an external debugger's.
    case "mdscr_": 0xb001
    default: .max
    }
  }
}
