internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("Exclusives between which a debugger comes", .plainAndSecure, .timeLimit(.minutes(2)))
  struct ProbeExclusiveTests {
    /// How many loops there are, each of one form.
    private static let forms = 12

    @Test(
      "Stepped, every form finishes the first time, and the guest reads what it does unstepped",
      arguments: ["cortex-a72", "max"])
    func stepped(cpu: String) async throws {
      guard Machine.Board.tested.works(with: cpu) else { return }
      let machine = ProbeMachine(topic: "exclusives-forms", cpu: cpu)
      let bare = try await machine.bareTranscript()
      // Without anybody in between no store fails that need not.
      #expect(bare.first == "rounds \(Self.forms)")
      let end = try await ProbeMachine.address(of: "exclusive_end")
      var steps = 0
      let transcript = try await machine.transcript(held: true) { _, link in
        let client = try await RemoteClient(link)
        try await client.attach()
        try await client.run(to: try await ProbeMachine.address(of: "exclusive_begin"))
        while try await client.readRegister(32) != end, steps < 200 {
          try #expect(await client.request("vCont;s:1").hasPrefix("T05"))
          steps += 1
        }
        try await client.request("D")
      }
      #expect(transcript == bare)
      // As many as there are instructions: not one was run twice.
      let begin = try await ProbeMachine.address(of: "exclusive_begin")
      #expect(UInt64(steps) == (end - begin) / 4)
    }

    @Test("A breakpoint in the middle, or on the store, is passed with a second stop at the most")
    func breakpoints() async throws {
      let machine = ProbeMachine(topic: "exclusives-forms")
      let bare = try await machine.bareTranscript()
      let transcript = try await machine.transcript(held: true) { _, link in
        let client = try await RemoteClient(link)
        try await client.attach()
        try await client.run(to: try await ProbeMachine.address(of: "exclusive_begin"))
        for form in 0..<Self.forms {
          let (middle, store, after) = try await Self.places(form, client)
          let place = form.isMultiple(of: 2) ? middle : store
          try await client.insert("1", place, 4)
          try await client.insert("1", after, 4)
          var stops: [UInt64] = []
          repeat {
            try #expect(await client.request("vCont;c").hasPrefix("T05"))
            stops.append(try await client.readRegister(32))
          } while stops.last != after && stops.count < 5
          #expect(stops == [place, place, after], "form \(form)")
          try await client.remove("1", place, 4)
          try await client.remove("1", after, 4)
        }
        try await client.request("D")
      }
      #expect(transcript.dropFirst() == bare.dropFirst())
    }

    @Test(
      "A watchpoint on the word stops before the load and before the store, and the store is made")
    func watchpoints() async throws {
      let machine = ProbeMachine(topic: "exclusives-forms")
      let bare = try await machine.bareTranscript()
      let words = try await ProbeMachine.address(of: "exclusive_words")
      let transcript = try await machine.transcript(held: true) { _, link in
        let client = try await RemoteClient(link)
        try await client.attach()
        try await client.run(to: try await ProbeMachine.address(of: "exclusive_begin"))
        for form in 0..<Self.forms {
          let (middle, store, after) = try await Self.places(form, client)
          let load = middle - 4
          let word = words + UInt64(form) * 16
          try await client.insert("1", after, 4)
          // Loads as well, so that EL2 has seen the load when the store is due.
          try await client.insert("4", word, 1)
          var stops: [UInt64] = []
          while true {
            let stop = try await client.request("vCont;c")
            stops.append(try await client.readRegister(32))
            guard stops.last != after, stops.count < 5 else { break }
            #expect(stop.contains("awatch:\(String(word, radix: 16));"), "\(stop)")
            // As GDB does it for every second form; the others are left to EL2.
            guard form.isMultiple(of: 2) else { continue }
            try await client.remove("4", word, 1)
            try #expect(await client.request("vCont;s:1").hasPrefix("T05"))
            try await client.insert("4", word, 1)
          }
          #expect(stops == [load, store, after], "form \(form)")
          try await client.remove("4", word, 1)
          try await client.remove("1", after, 4)
        }
        try await client.request("D")
      }
      #expect(transcript.dropFirst() == bare.dropFirst())
    }

    @Test("Events that the guest has masked do not keep its loops from finishing")
    func masked() async throws {
      func transcript(_ breakpoint: UInt64?) async throws -> [String] {
        try await ProbeMachine(topic: "exclusives-masked").transcript { console, link in
          try await console.wait(for: "gate masked")
          let client = try await RemoteClient(link)
          try await client.attach()
          // Anywhere: the mode is shared then.
          if let breakpoint { try await client.insert("1", breakpoint, 4) }
          try await client.openGate()
          if breakpoint != nil { try await console.wait(for: "probe: end") }
        }
      }
      let unshared = try await transcript(nil)
      let shared = try await transcript(try await ProbeMachine.address(of: "debugger_place"))
      #expect(unshared.count { $0.hasPrefix("rounds") } == 2)
      #expect(
        shared.filter { !$0.hasPrefix("rounds") } == unshared.filter { !$0.hasPrefix("rounds") })
      for line in shared where line.hasPrefix("rounds") {
        #expect(line == "rounds \(Self.forms)")
      }
    }

    @Test(
      "A stepped store takes the abort that the page tables hold for it, and makes a clean page dirty",
      arguments: ["cortex-a72", "max"])
    func pages(cpu: String) async throws {
      guard Machine.Board.tested.works(with: cpu) else { return }
      let machine = ProbeMachine(topic: "exclusives-pages", cpu: cpu)
      let bare = try await machine.bareTranscript()
      #expect(bare.contains("word 3, dirty") == (cpu == "max"))
      let vectors = try await ProbeMachine.address(of: "vectors")
      let transcript = try await machine.transcript(held: true) { _, link in
        let client = try await RemoteClient(link)
        try await client.attach()
        let begin = try await ProbeMachine.address(of: "exclusive_store")
        for page in 0..<2 {
          try await client.run(to: begin)
          for step in 1...4 {
            try #expect(await client.request("vCont;s:1").hasPrefix("T05"))
            let pc = try await client.readRegister(32)
            let aborts = step == 4 && (page == 0 || cpu != "max")
            #expect(pc == (aborts ? vectors + 0x200 : begin + UInt64(step) * 4))
          }
        }
        try await client.request("D")
      }
      #expect(transcript == bare)
    }

    @Test("While another core adds to the same word, not one addition is lost")
    func shared() async throws {
      let machine = ProbeMachine(topic: "exclusives-shared", cpus: 2)
      let transcript = try await machine.transcript(held: true) { _, link in
        let client = try await RemoteClient(link)
        try await client.attach()
        // The first of this core's own additions: the other runs then.
        try await client.run(to: try await ProbeMachine.address(of: "exclusive_add_own"))
        for _ in 0..<400 {
          let stop = try await client.request("vCont;s:1;c:2")
          #expect(stop.hasPrefix("T05"), "\(stop)")
        }
        try await client.request("D")
      }
      #expect(transcript == ["sum \(20000 + 64)"])
    }

    /// Between load and store, the store, and behind the loop.
    private static func places(
      _ form: Int, _ client: RemoteClient
    ) async throws -> (middle: UInt64, store: UInt64, after: UInt64) {
      let table = try await ProbeMachine.address(of: "exclusive_places") + UInt64(form) * 24
      return (
        try await client.readNumber(at: table), try await client.readNumber(at: table + 8),
        try await client.readNumber(at: table + 16)
      )
    }
  }
}

extension RemoteClient {
  fileprivate func insert(_ type: String, _ address: UInt64, _ length: Int) async throws {
    let answer = try await request("Z\(type),\(String(address, radix: 16)),\(length)")
    guard answer == "OK" else { throw Failure("Z\(type): \(answer)") }
  }

  fileprivate func remove(_ type: String, _ address: UInt64, _ length: Int) async throws {
    let answer = try await request("z\(type),\(String(address, radix: 16)),\(length)")
    guard answer == "OK" else { throw Failure("z\(type): \(answer)") }
  }
}
