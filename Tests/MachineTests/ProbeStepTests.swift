internal import Foundation
internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("The debugger steps the guest", .plainAndSecure, .timeLimit(.minutes(2)))
  struct ProbeStepTests {
    @Test(
      "Over every kind of instruction, and the guest reads and takes what it does unstepped",
      arguments: ["cortex-a72", "max"])
    func instructions(cpu: String) async throws {
      guard Machine.Board.tested.works(with: cpu) else { return }
      let steps = try await compare("stepped-instructions", code: "stepped", cpu: cpu, skipped: 1)
      // Exceptions to EL1 lead to their vector, a return and a branch to their target …
      #expect(
        steps.filter { !$0.hasSuffix(": next") } == [
          "svc #0x1: vector 200",
          "brk #0x2: vector 200",
          "udf #0: vector 200",
          "ldar x0, [x1]: vector 200",
          "eret: +8",
        ])
      // … and all else to the next instruction: what EL2 completes, a wait, and accesses of DAIF.
      let completed = [
        "hvc #0x0", "smc #0x0", "msr mdscr_el1, x0", "mrs x0, mdscr_el1", "msr dbgbvr3_el1, x0",
        "mrs x0, dbgbvr3_el1", "mrs x0, oslsr_el1", "ldr w0, [x20, #4]", "str w0, [x20, #260]",
        "wfi", "wfe", "mrs x0, daif", "msr daif, x0", "msr daifset, #0x9", "msr daifclr, #0x9",
      ]
      for instruction in completed {
        #expect(steps.contains("\(instruction): next"))
      }
    }

    @Test(
      "With an interrupt pending: it waits, the step stays on the code, and DAIF does not show it",
      arguments: ["cortex-a72", "max"])
    func interrupted(cpu: String) async throws {
      guard Machine.Board.tested.works(with: cpu) else { return }
      let steps = try await compare(
        "stepped-interrupted", code: "interrupted", cpu: cpu, skipped: 1)
      #expect(
        steps.filter { !$0.hasSuffix(": next") } == ["svc #0x3: vector 200", "b: +8"])
    }

    /// Runs a topic bare, and under Stepwell while GDB steps through `code`, and expects the same
    /// transcript.
    ///
    /// - Parameter skipped: how many instructions of the code are branched over.
    /// - Returns: each instruction that was stepped, and where that led.
    private func compare(
      _ topic: String, code: String, cpu: String, skipped: UInt64
    ) async throws -> [String] {
      let machine = ProbeMachine(topic: topic, cpu: cpu)
      let bare = try await machine.bareTranscript()
      let begin = try await ProbeMachine.address(of: "\(code)_begin")
      let end = try await ProbeMachine.address(of: "\(code)_end")
      var steps: [String] = []
      let stepped = try await machine.transcript(held: true) { _, link in
        steps = try await GDB.steps(link, from: "\(code)_begin", to: "\(code)_end")
      }
      #expect(Departure.without(stepped) == Departure.without(bare))
      #expect(UInt64(steps.count) == (end - begin) / 4 - skipped)
      return steps
    }
  }
}

extension GDB {
  /// Steps the held guest from one place in the probe's code to another, and lets it come to its end.
  ///
  /// - Returns: each instruction that was stepped, and where that led.
  static func steps(
    _ link: DebugEndpoint, from begin: String, to end: String
  ) async throws -> [String] {
    let printed = try await run(
      link,
      [
        "symbol-file \(try await ProbeMachine.executable)",
        "set $begin = (unsigned long) &\(begin)", "set $end = (unsigned long) &\(end)",
        "source \(Project.guests.path)/probe/steps.py",
      ])
    guard printed.contains("exited normally") else {
      throw Failure("The guest does not come to its end: \(printed)")
    }
    return printed.split(whereSeparator: \.isNewline).compactMap { line in
      line.firstRange(of: "STEP ").map { String(line[$0.upperBound...]) }
    }
  }
}
