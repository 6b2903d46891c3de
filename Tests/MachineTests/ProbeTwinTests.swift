internal import Testing

@testable internal import stepwell

extension MachineTests {
  /// What a guest observes must be the same bare and under Stepwell.
  @Suite("Bare, and under Stepwell", .timeLimit(.minutes(5)))
  struct ProbeTwinTests {
    /// Topics that run one after the other, on one machine.
    struct Batch: CustomTestStringConvertible {
      var testDescription: String
      var topics: [String]
      var cpus = 1
    }

    static let batches = [
      Batch(
        testDescription: "its own breakpoints and watchpoints",
        topics: [
          "nested-breakpoints", "nested-brk", "nested-watchpoints", "nested-watched-bytes",
          "nested-same", "nested-locked", "nested-full", "nested-accesses", "nested-contexts",
          "nested-locks", "nested-mapped",
        ]),
      Batch(
        testDescription: "its own steps, and code that looks at what steps could change",
        topics: [
          "nested-steps", "steps-el1", "steps-el0", "stepped-instructions", "stepped-interrupted",
          "stepped-acknowledge", "aarch32-coprocessor",
        ]),
      Batch(
        testDescription: "its registers, interrupts and memory",
        topics: [
          "registers-values", "registers-modes", "registers-access", "interrupts-pending",
          "interrupts-nested", "interrupts-triggers", "interrupts-latch", "hidden-registers",
          "hidden-spin", "hidden-writes", "memory-bare", "psci-suspend",
        ]),
      Batch(
        testDescription: "three vCPUs",
        topics: [
          "interrupts-sgi", "psci-calls", "psci-race", "psci-cycles",
          "nested-cpus",
        ], cpus: 3),
    ]

    @Test("The guest observes the same", arguments: batches, ["cortex-a72", "max"])
    func observes(batch: Batch, cpu: String) async throws {
      let machine = ProbeMachine(
        topic: "open " + batch.topics.joined(separator: " "), cpu: cpu, cpus: batch.cpus)
      let bare = Departure.without(try await machine.bareTranscript())
      #expect(bare.count { $0.hasPrefix("begin ") } == batch.topics.count - 1)
      let native = Departure.without(try await machine.transcript())
      expectSame(native, bare, "left alone")
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
