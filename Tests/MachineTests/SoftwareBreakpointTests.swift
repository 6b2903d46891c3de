internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("Software breakpoints are not bytes in memory", .timeLimit(.minutes(2)))
  struct SoftwareBreakpointTests {
    @Test("The guest reads its code as it is while GDB has breakpoints in it, and stops at each")
    func codeIsUntouched() async throws {
      let machine = ProbeMachine(topic: "memory-code")
      var printed = ""
      let transcript = try await machine.transcript(held: true) { _, link in
        var commands = [
          "symbol-file \(try await ProbeMachine.executable)",
          "set breakpoint always-inserted on",
        ]
        for place in ["debugger_place", "checksum"] {
          commands += [
            "set $\(place) = 0", "break *\(place)", "commands", "silent",
            "set $\(place) = $\(place) + 1", "continue", "end",
          ]
        }
        commands += ["continue", "printf \"hits %d %d\\n\", $debugger_place, $checksum"]
        printed = try await GDB.run(link, commands)
      }
      #expect(printed.contains("hits 20 20"), "\(printed)")
      #expect(transcript.count == 20)
      #expect(transcript == (try await machine.bareTranscript()))
    }

    @Test("The debugger reads the code as it is, too, around and at its own breakpoints")
    func codeIsRead() async throws {
      let places = [
        try await ProbeMachine.address(of: "debugger_place"),
        try await ProbeMachine.address(of: "checksum"),
        try await ProbeMachine.address(of: "say"),
      ]
      _ = try await ProbeMachine(topic: "memory-code").transcript(held: true) { _, link in
        let client = try await RemoteClient(link)
        try await client.attach()
        // The probe is where it is linked once it runs.
        let first = "1,\(String(places[0], radix: 16)),4"
        try #expect(await client.request("Z\(first)") == "OK")
        try #expect(await client.request("vCont;c").contains("hwbreak:;"))
        try #expect(await client.request("z\(first)") == "OK")
        var before: [UInt64] = []
        for place in places { before.append(try await client.readNumber(at: place)) }
        for place in places {
          try #expect(await client.request("Z0,\(String(place, radix: 16)),4") == "OK")
        }
        try #expect(await client.request("vCont;c").contains("swbreak:;"))
        for (place, word) in zip(places, before) {
          try #expect(await client.readNumber(at: place) == word)
        }
        for place in places {
          try #expect(await client.request("z0,\(String(place, radix: 16)),4") == "OK")
        }
        try await client.send(packet: "vCont;c")
      }
    }
  }
}
