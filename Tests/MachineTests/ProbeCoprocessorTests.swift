internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite(
    "Programs at AArch32 EL0 that name the debug registers", .plainAndSecure,
    .timeLimit(.minutes(2)))
  struct ProbeCoprocessorTests {
    @Test(
      "They find the bare machine's, in native mode, in shared mode, and stepped",
      arguments: ["cortex-a72", "max"])
    func coprocessor(cpu: String) async throws {
      guard Machine.Board.tested.works(with: cpu) else { return }
      let machine = ProbeMachine(topic: "aarch32-coprocessor", cpu: cpu)
      let bare = try await machine.bareTranscript()
      #expect(bare.count == 22)
      // What QEMU lets EL0 read, and what a condition keeps from being read.
      for line in [
        "mrc dbgdsar: class 11 at 12: r0 0 r1 1 r2 5a5a0002 r3 5a5a0003",
        "mrrc dbgdrar: class 11 at 12: r0 0 r1 0 r2 5a5a0002 r3 5a5a0003",
        "mrc dbgdsar if equal: class 11 at 20: r0 5a5a0000 r1 1 r2 0 r3 5a5a0003",
        "t32 mrc dbgdsar in an it block: class 11 at 20: r0 5a5a0000 r1 7 r2 0 r3 5a5a0003",
      ] {
        #expect(bare.contains { $0.hasPrefix(line + " ") })
      }
      #expect(try await machine.transcript() == bare)

      var printed = ""
      let shared = try await machine.transcript(held: true) { _, link in
        printed = try await GDB.run(link, ["hbreak *0x4cff0000", "continue"])
      }
      #expect(printed.contains("exited normally"))
      #expect(Departure.without(shared) == Departure.without(bare))

      // From the EL0 program's first instruction to its last, and again for the next program.
      let enter = try await ProbeMachine.address(of: "call_at_el0")
      let stepped = try await machine.transcript(held: true) { _, link in
        let client = try await RemoteClient(link)
        try await client.attach()
        #expect(try await client.request("Z1,\(String(enter, radix: 16)),4") == "OK")
        try await client.send(packet: "vCont;c")
        for _ in 0..<22 {
          _ = try await client.receive()
          for _ in 0..<25 {
            let answer = try await client.request("vCont;s:1")
            #expect(answer.hasPrefix("T05"))
          }
          try await client.send(packet: "vCont;c")
        }
      }
      #expect(Departure.without(stepped) == Departure.without(bare))
    }
  }
}
