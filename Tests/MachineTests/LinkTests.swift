internal import Foundation
internal import SeededRandom
internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("Debuggers that come and go")
  struct LinkTests {
    /// A packet, framed.
    private static func packet(_ payload: String) -> [UInt8] {
      let checksum = payload.utf8.reduce(0) { $0 &+ $1 }
      return Array("$\(payload)#\(String(0x100 + Int(checksum), radix: 16).dropFirst())".utf8)
    }

    /// What one that will hang up sends. Nothing in it writes to the guest.
    private static func bytes(using generator: inout SplitMix64) -> [UInt8] {
      switch Int.random(in: 0..<7, using: &generator) {
      case 0: packet("?")
      case 1: packet("g")
      case 2: (0..<Int.random(in: 1...200, using: &generator)).flatMap { _ in packet("g") }
      case 3: Array("+$qSupported:swbreak+;hwb".utf8)
      case 4: []
      case 5: packet("?") + packet("vCont;c") + [0x03]
      default:
        (0..<Int.random(in: 0...300, using: &generator)).map { _ in
          // No packet begins.
          let byte = UInt8.random(in: 0...255, using: &generator)
          return byte == UInt8(ascii: "$") ? 0 : byte
        }
      }
    }

    private static func pause(_ milliseconds: ClosedRange<Int>, _ generator: inout SplitMix64) async
    {
      let time = Int.random(in: milliseconds, using: &generator)
      try? await Task.sleep(for: .milliseconds(time))
    }

    /// One to five debuggers that hang up somewhere.
    private static func hangUps(
      _ endpoint: DebugEndpoint, using generator: inout SplitMix64
    ) async throws {
      for _ in 0..<([1, 1, 1, 2, 5].randomElement(using: &generator) ?? 1) {
        let client = try await RemoteClient(endpoint)
        try? await client.send(bytes(using: &generator), within: .milliseconds(100))
        if Bool.random(using: &generator) { await pause(0...20, &generator) }
        client.close()
        if Bool.random(using: &generator) { await pause(0...20, &generator) }
      }
    }

    /// One that stays gets its own answers, and nobody else's.
    private static func check(_ endpoint: DebugEndpoint, _ round: Int) async throws {
      let client = try await RemoteClient(endpoint)
      var answer: String?
      // As GDB does, it sends its first packet again if it is not acknowledged: what comes right behind
      // another's end may be lost.
      for _ in 1...5 where answer == nil {
        try await client.send("+".utf8)
        try await client.send(packet: "qSupported:swbreak+")
        answer = try? await client.receive(within: .seconds(2))
      }
      let features = try #require(answer, "nobody answers in round \(round)")
      #expect(features.hasPrefix("PacketSize="), "round \(round)")
      #expect(try await client.request("QStartNoAckMode") == "OK", "round \(round)")
      #expect(try await client.request("?").hasPrefix("T"), "round \(round)")
      #expect(try await client.request("qC").hasPrefix("QC"), "round \(round)")
      #expect(try await client.request("D") == "OK", "round \(round)")
    }

    /// How many rounds: `STEPWELL_FUZZ_ROUNDS` in the environment, or what fits into half a minute.
    private static var rounds: Int {
      ProcessInfo.processInfo.environment["STEPWELL_FUZZ_ROUNDS"].flatMap { Int($0) } ?? 200
    }

    @Test("Whoever hangs up wherever: the next debugger is served, and the guest goes on")
    func fuzz() async throws {
      var generator = SplitMix64(state: 11)
      var round = 0
      let isShort = Self.rounds <= 200
      while round < Self.rounds {
        let machine = try await LinuxGuest.machine(cpus: 2)
        try await LinuxGuest.boot(machine) { guest in
          // No machine of a test lives longer than four minutes.
          let end = ContinuousClock.now + .seconds(isShort ? 40 : 120)
          repeat {
            try await Self.hangUps(machine.debugger, using: &generator)
            try await Self.check(machine.debugger, round)
            round += 1
          } while round < Self.rounds && ContinuousClock.now < end
          #expect(try await guest.run("echo runs") == "runs")
        }
        // On a slow machine fewer have to do.
        if isShort { break }
      }
      #expect(round >= 50)
    }

    @Test(
      "A packet, a hang-up, a moment: the issue's own way to freeze the link",
      .timeLimit(.minutes(2)), arguments: ["?", "g"])
    func shortConnections(_ payload: String) async throws {
      let machine = try await LinuxGuest.machine(cpus: 2)
      try await LinuxGuest.boot(machine) { guest in
        for round in 1...80 {
          let client = try await RemoteClient(machine.debugger)
          try await client.send(packet: payload)
          client.close()
          if payload == "?" { try await Task.sleep(for: .milliseconds(100)) }
          if round % 20 == 0 { try await Self.check(machine.debugger, round) }
        }
        #expect(try await guest.run("echo runs") == "runs")
      }
    }

    @Test(
      "An answer leaves whole: none waits for the debugger's host to acknowledge its first part",
      .timeLimit(.minutes(2)))
    func nagle() async throws {
      var machine = try await LinuxGuest.machine()
      // QEMU as one starts it by hand, without the option that hides it.
      machine.hasNoDelay = false
      try await LinuxGuest.boot(machine) { guest in
        let client = try await RemoteClient(machine.debugger)
        try await client.attach()
        let address = try await client.readRegister(32) & ~0xfff
        let start = ContinuousClock.now
        for _ in 1...40 {
          let answer = try await client.request("x\(String(address, radix: 16)),400")
          #expect(answer.unicodeScalars.count >= 1024)
        }
        // It was 44 ms each.
        #expect(ContinuousClock.now - start < .seconds(1))
      }
    }
  }
}
