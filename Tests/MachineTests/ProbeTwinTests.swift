internal import Testing

@testable internal import stepwell

extension MachineTests {
  /// What a guest observes must be the same bare and under Stepwell, whatever the debugger does.
  @Suite("Bare, and under a debugger that is never still", .plainAndSecure, .timeLimit(.minutes(5)))
  struct ProbeTwinTests {
    /// Topics that run one after the other, on one machine.
    struct Batch: CustomTestStringConvertible {
      var testDescription: String
      var topics: [String]
      var cpus = 1
      /// How often the guest is stopped at the least.
      var stops: Int
    }

    static let batches = [
      Batch(
        testDescription: "its own breakpoints and watchpoints",
        topics: [
          "nested-breakpoints", "nested-brk", "nested-watchpoints", "nested-watched-bytes",
          "nested-same", "nested-locked", "nested-full", "nested-accesses", "nested-contexts",
          "nested-locks", "nested-mapped",
        ], stops: 40),
      Batch(
        testDescription: "its own steps, and code that looks at what steps could change",
        topics: [
          "nested-steps", "steps-el1", "steps-el0", "stepped-instructions", "stepped-interrupted",
          "stepped-acknowledge", "aarch32-coprocessor",
          // Once more, for they are short.
          "nested-steps", "steps-el1", "steps-el0", "stepped-instructions", "stepped-interrupted",
          "stepped-acknowledge",
        ], stops: 40),
      Batch(
        testDescription: "its registers, interrupts and memory",
        topics: [
          "registers-values", "registers-modes", "registers-access", "interrupts-pending",
          "interrupts-nested", "interrupts-triggers", "interrupts-latch", "hidden-registers",
          "hidden-spin", "hidden-writes", "memory-bare", "psci-suspend",
        ], stops: 40),
      Batch(
        testDescription: "three vCPUs",
        topics: [
          "interrupts-sgi", "psci-calls", "psci-race", "psci-cycles",
          "nested-cpus",
        ], cpus: 3, stops: 40),
    ]

    @Test("The guest observes the same", arguments: batches, ["cortex-a72", "max"])
    func observes(batch: Batch, cpu: String) async throws {
      guard Machine.Board.tested.works(with: cpu) else { return }
      let machine = ProbeMachine(
        topic: "open " + batch.topics.joined(separator: " "), cpu: cpu, cpus: batch.cpus)
      let bare = Departure.without(try await machine.bareTranscript())
      #expect(bare.count { $0.hasPrefix("begin ") } == batch.topics.count - 1)
      let native = Departure.without(try await machine.transcript())
      expectSame(native, bare, "left alone")

      var debugger = try await BusyDebugger(probeOf: batch.cpus, seed: 1)
      let debugged = try await machine.transcript(held: true) { console, link in
        try await debugger.work(on: link) { console.output.contains("probe: done") }
      }
      expectSame(Departure.without(debugged), bare, "debugged")
      let tally = debugger.tally
      #expect(tally.stops >= batch.stops, "\(tally)")
      #expect(tally.sessions > 1 && tally.steps > 0 && tally.interruptions > 0, "\(tally)")
      // What several vCPUs do at once is mostly where no point is.
      #expect(batch.cpus > 1 || tally.breakpoints + tally.watchpoints > 0, "\(tally)")
    }

    /// Expects two transcripts to be equal, and shows where they begin not to be.
    private func expectSame(_ seen: [String], _ bare: [String], _ when: Comment) {
      guard seen != bare else { return }
      let place = zip(seen, bare).enumerated().first { $0.element.0 != $0.element.1 }?.offset
      let first = place ?? min(seen.count, bare.count)
      let topic =
        bare[..<min(first, bare.count)].last { $0.hasPrefix("begin ") } ?? "the first topic"
      Issue.record(
        """
        \(when): different in \(topic), line \(first) of \(seen.count) and \(bare.count)
        seen: \(seen.dropFirst(max(0, first - 2)).prefix(5))
        bare: \(bare.dropFirst(max(0, first - 2)).prefix(5))
        """)
    }

    @Test(
      "Under the OS Lock no debug exception of its own but BRK arrives, which QEMU does not know",
      arguments: ["cortex-a72", "max"])
    func locked(cpu: String) async throws {
      guard Machine.Board.tested.works(with: cpu) else { return }
      let machine = ProbeMachine(topic: "nested-locks", cpu: cpu)
      let transcript = try await machine.transcript(held: true) { _, link in
        let client = try await RemoteClient(link)
        try await client.attach()
        // In shared mode all the time.
        try #expect(await client.request("Z1,4cff0000,4") == "OK")
        try #expect(await client.request("vCont;c").hasPrefix("W"))
      }
      let locked = transcript.filter { $0.hasPrefix("OS Lock: ") }
      #expect(locked == Array(repeating: "OS Lock: nothing", count: 6 * 2 + 4 * 2 + 1))
      #expect(transcript.count { $0.hasPrefix("OS Double Lock: nothing") } >= 1 || cpu == "max")
    }
  }
}

extension BusyDebugger {
  /// For a machine with the probe, in whose code and data its points are.
  init(probeOf cpus: Int, seed: UInt64) async throws {
    // Functions and how many of their instructions; what a probe does most often is in them.
    let functions = [
      ("event_code", 3), ("event_code_el0", 3), ("event_steps", 22), ("event_steps_el0", 16),
      ("event_few_steps", 9), ("event_classes", 80), ("event_classes_el0", 40),
      ("event_brk_el0", 2),
      ("store_byte", 2), ("load_pair", 2), ("store_byte_el0", 3), ("exclusive", 4),
      ("stepped_begin", 60), ("interrupted_begin", 20), ("acknowledging_begin", 30),
      ("secondary_entry", 5), ("call_at_el0", 8), ("end_of_el0", 4), ("debugger_place", 1),
      ("save_frame", 10), ("wait_at_gate", 4), ("say", 8), ("hvc", 3), ("acknowledge", 4),
      ("take_exception", 8),
    ]
    var code: [UInt64] = []
    for (function, count) in functions {
      let address = try await ProbeMachine.address(of: function)
      code += (0..<UInt64(count)).map { address + 4 * $0 }
    }
    // Vectors: of EL1 with SP_EL1, synchronous and IRQ, and of EL0.
    let vectors = try await ProbeMachine.address(of: "vectors")
    code += [0x200, 0x204, 0x280, 0x400].map { vectors + $0 }
    var often: [UInt64] = []
    for function in [
      "say", "take_exception", "save_frame", "acknowledge", "debugger_place", "hvc", "send_sgi",
      "secondary_place",
    ] {
      often.append(try await ProbeMachine.address(of: function))
    }
    var words: [UInt64] = []
    for (variable, count) in [
      ("event_word", 16), ("debugger_word", 1), ("debugger_meetings", 1),
      ("events_of", 8), ("cpus", 8), ("gate", 1),
    ] {
      let address = try await ProbeMachine.address(of: variable)
      words += (0..<UInt64(count)).map { address + 8 * $0 }
    }
    self.init(
      seed: seed, cpus: cpus, code: code, often: often, words: words,
      start: try await ProbeMachine.address(of: "image_start"), image: try await ProbeMachine.image)
  }
}
