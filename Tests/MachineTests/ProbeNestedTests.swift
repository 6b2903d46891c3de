internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("The guest debugs itself while it is debugged", .plainAndSecure, .timeLimit(.minutes(2)))
  struct ProbeNestedTests {
    /// A topic, and how often the probe meets the debugger in it.
    struct Topic: CustomTestStringConvertible {
      var name: String
      var meetings: Int
      var testDescription: String { name }
    }

    static let topics = [
      Topic(name: "nested-breakpoints", meetings: 33),
      Topic(name: "nested-brk", meetings: 5),
      Topic(name: "nested-steps", meetings: 4),
      Topic(name: "nested-watched-bytes", meetings: 58),
      Topic(name: "nested-watchpoints", meetings: 47),
    ]

    @Test(
      "Every exception that it takes is the bare machine's, and the debugger misses nothing",
      arguments: topics, ["cortex-a72", "max"])
    func nested(topic: Topic, cpu: String) async throws {
      guard Machine.Board.tested.works(with: cpu) else { return }
      let machine = ProbeMachine(topic: topic.name, cpu: cpu)
      let bare = try await machine.bareTranscript()
      var counts: [Int] = []
      let nested = try await machine.transcript(held: true) { _, link in
        counts = try await Self.count(link, "hbreak debugger_place", "watch debugger_word")
      }
      #expect(Departure.without(nested) == Departure.without(bare))
      #expect(counts == [topic.meetings, topic.meetings])
    }

    @Test(
      "The debugger's points are in the code that the guest steps itself",
      arguments: [
        ("hbreak *((char *) &event_steps + 0x20)", "rwatch *(long *) &event_word", [2, 7]),
        ("hbreak *((char *) &event_steps_el0 + 0x18)", "watch *(long *) &event_word", [2, 4]),
      ])
    func points(first: String, second: String, expected: [Int]) async throws {
      let machine = ProbeMachine(topic: "nested-steps")
      var counts: [Int] = []
      let nested = try await machine.transcript(held: true) { _, link in
        counts = try await Self.count(link, first, second)
      }
      let bare = try await machine.bareTranscript()
      #expect(Departure.without(nested) == Departure.without(bare))
      #expect(counts == expected)
    }

    @Test("Debugger and guest step the same code: each of the guest's steps arrives, unchanged")
    func steps() async throws {
      let machine = ProbeMachine(topic: "nested-steps")
      var steps: [String] = []
      let nested = try await machine.transcript(held: true) { _, link in
        steps = try await GDB.steps(link, from: "event_steps", to: "event_steps + 0x58")
      }
      let bare = try await machine.bareTranscript()
      #expect(Departure.without(nested) == Departure.without(bare))
      // The debugger's step comes first; the guest's, of the same instruction, is the next to be
      // taken, and leads to its vector before anything else is executed.
      #expect(
        steps == [
          "brk #0x5e0: vector 200", "nop: next", "mrs x1, daif: vector 200",
          "msr spsel, #0x1: next", "adr x2,: vector 200", "ldr x3, [x2]: next",
          "add x3, x3, #0x1: vector 200", "str x3, [x2]: next", "svc #0x7: vector 200",
          "ldxr x4, [x2]: next", "clrex: vector 200", "cbz xzr,: +8", "brk #0x8: vector 200",
          "nop: next", "udf #0: vector 200", "mrs x1, mdscr_el1: next",
          "msr daifset, #0x8: vector 200", "nop: next", "msr daifclr, #0x8: next",
          "nop: vector 200", "brk #0x5e1: vector 200",
        ])
    }

    @Test("On the same address and the same byte both get their own, the debugger first")
    func same() async throws {
      var counts: [Int] = []
      let transcript = try await ProbeMachine(topic: "nested-same").transcript(held: true) {
        _, link in
        counts = try await Self.count(
          link, "hbreak *((char *) event_code + 4) if events_of[0].count == 0",
          "watch *(unsigned char *) &event_word")
      }
      #expect(transcript == ["breakpoints 20", "watchpoints 40"])
      #expect(counts == [20, 40])
    }

    @Test(
      "An interrupt in its step past its own breakpoint makes it meet that once more, as it does bare",
      arguments: ["cortex-a72", "max"])
    func interrupted(cpu: String) async throws {
      let machine = ProbeMachine(topic: "nested-interrupted", cpu: cpu)
      let bare = try await machine.bareTranscript()
      #expect(bare.last == "calls 8 breakpoints 12 steps 12 interrupts 4")
      #expect(try await machine.transcript() == bare)
      let nested = try await machine.transcript(held: true) { _, link in
        let client = try await RemoteClient(link)
        try await client.attach()
        try #expect(await client.request(Self.neverMet) == "OK")
        try #expect(await client.request("vCont;c").hasPrefix("W"))
      }
      #expect(nested == bare)
    }

    @Test(
      "What its own debugger executes between two steps costs nothing native, an exit each beside a debugger",
      arguments: ["cortex-a72", "max"])
    func conversations(cpu: String) async throws {
      // Three steps, and a thousand instructions in the handler of each.
      let executed = 3 * 1000
      let bare = try await ProbeMachine(topic: "open nested-conversations", cpu: cpu)
        .bareTranscript()
      for isHeld in [false, true] {
        var steps: [Int] = []
        let transcript = try await ProbeMachine(topic: "nested-conversations", cpu: cpu).transcript
        { console, link in
          try await console.wait(for: "gate short")
          let client = try await RemoteClient(link)
          try await client.attach()
          if isHeld { try #expect(await client.request(Self.neverMet) == "OK") }
          for gate in ["long", "done"] {
            try await client.openGate()
            try await console.wait(for: "gate \(gate)")
            try await client.stop()
            steps.append(try await client.exits()["software step"]?[0] ?? 0)
          }
          try await client.openGate()
        }
        #expect(transcript == bare)
        // The second round has the handlers' instructions, and is otherwise like the first.
        let added = steps[1] - 2 * steps[0]
        #expect(isHeld ? (0...executed + 20).contains(added) : steps == [0, 0], "\(steps)")
      }
    }

    /// A breakpoint at an address that nothing executes: it makes the guest's debug registers shared.
    private static let neverMet = "Z1,4cff0000,4"

    @Test("A debugger's breakpoints and watchpoints work while the guest has the OS Lock set")
    func locked() async throws {
      var counts: [Int] = []
      let transcript = try await ProbeMachine(topic: "nested-locked").transcript(held: true) {
        _, link in
        counts = try await Self.count(link, "hbreak debugger_place", "watch debugger_word")
      }
      #expect(transcript == ["events 20", "locked a"])
      #expect(counts == [20, 20])
    }

    @Test("The debugger's breakpoint makes way for each that the guest enables, as long as it can")
    func full() async throws {
      let place = try await ProbeMachine.address(of: "debugger_place")
      let transcript = try await ProbeMachine(topic: "nested-full").transcript(held: true) {
        console, link in
        let client = try await RemoteClient(link)
        try await client.attach()
        let point = "1,\(String(place, radix: 16)),4"
        try #expect(await client.request("Z\(point)") == "OK")
        for _ in 0..<6 {
          try #expect(await client.request("vCont;c").contains("hwbreak:;"))
          try await client.pass(place, thread: 1)
        }
        try await client.send(packet: "vCont;c")
        // All six are the guest's now.
        try await console.wait(for: "gate full")
        try await client.stop()
        // Told at the stop, without being asked, and once.
        let notice =
          "The breakpoint at 0x\(String(place, radix: 16)) is not in force on vCPU 0: "
          + "the guest uses the hardware breakpoints itself.\n"
        #expect(client.console == notice)
        let report = try await client.monitor("debug")
        for n in 0..<6 { #expect(report.contains("breakpoint \(n): the guest's")) }
        for n in 0..<4 { #expect(report.contains("watchpoint \(n): the guest's")) }
        #expect(report.contains("free breakpoints: 0") && report.contains("free watchpoints: 0"))
        #expect(report.contains("NOT IN FORCE"))
        // Another is accepted, and is not in force either; it can wait as well as the first.
        try #expect(await client.request("Z1,4cff0000,4") == "OK")
        try #expect(await client.monitor("debug").contains("breakpoint 0 breakpoint 1 (in force"))
        try #expect(await client.request("z1,4cff0000,4") == "OK")
        try await client.openGate()
        // The guest's event disabled them.
        try #expect(await client.receive().contains("hwbreak:;"))
        try #expect(await client.request("z\(point)") == "OK")
        try await client.send(packet: "vCont;c")
        // The other breakpoint has come and gone since: the plan was made anew, and the first was still without.
        #expect(
          client.console
            == notice
            + "The breakpoint at 0x\(String(place, radix: 16)) was not in force for a while on vCPU 0: "
            + "the guest used the hardware breakpoints itself.\n")
      }
      #expect(
        transcript.filter { $0.hasPrefix("breakpoints") }
          == (0...6).map { "breakpoints in use \($0) events \($0 == 0 ? 0 : 1)" })
    }

    @Test("GDB goes on, steps and stops with points for which the guest has left no comparator")
    func waiting() async throws {
      var printed = ""
      let transcript = try await ProbeMachine(topic: "nested-full").transcript { console, link in
        try await console.wait(for: "gate full")
        printed = try await GDB.run(
          link,
          [
            "symbol-file \(try await ProbeMachine.executable)", "hbreak debugger_place",
            "watch debugger_word", "stepi", "monitor debug", "set var gate = 1", "continue",
            "delete", "continue",
          ])
      }
      #expect(!printed.contains("Cannot insert") && !printed.contains("Could not insert"))
      #expect(printed.contains("is not in force on vCPU 0"))
      #expect(printed.contains("NOT IN FORCE"))
      // As soon as the guest's event has disabled its own.
      #expect(printed.contains("Breakpoint 1, "))
      #expect(printed.contains("exited normally"))
      #expect(transcript.last == "breakpoints in use 6 events 1")
    }

    /// Runs the held guest to its end under GDB, with two points.
    ///
    /// - Returns: how often each stopped the guest.
    private static func count(
      _ link: DebugEndpoint, _ first: String, _ second: String
    ) async throws -> [Int] {
      var commands = ["symbol-file \(try await ProbeMachine.executable)"]
      for (name, point) in [("$first", first), ("$second", second)] {
        commands += [
          "set \(name) = 0", point, "commands", "silent", "set \(name) = \(name) + 1", "continue",
          "end",
        ]
      }
      commands += ["continue", "printf \"counts %d %d\\n\", $first, $second"]
      let printed = try await GDB.run(link, commands)
      guard let counts = printed.firstMatch(of: /counts ([0-9]+) ([0-9]+)/) else {
        throw Failure("GDB did not come to its end: \(printed)")
      }
      return [counts.1, counts.2].compactMap { Int($0) }
    }
  }
}
