internal import SeededRandom
internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("Whatever bytes come over the debug link")
  struct DebuggerNoiseTests {
    /// What no debugger would send, and whether the guest goes on running through it.
    struct Noise: CustomTestStringConvertible {
      var testDescription: String
      /// A whole packet stops the machine, whatever is in it, until a debugger lets it go.
      var guestRuns: Bool
      var bytes: [UInt8]
    }

    static let noises: [Noise] = {
      var generator = SplitMix64(state: 2)
      let random = (0..<200_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
      func packet(_ payload: [UInt8], wrongBy error: UInt8 = 0) -> [UInt8] {
        let checksum = payload.reduce(error, &+)
        return [0x24] + payload
          + Array("#\(String(0x100 + Int(checksum), radix: 16).dropFirst())".utf8)
      }
      let long = [UInt8](repeating: UInt8(ascii: "g"), count: 100_000)
      return [
        // No packet begins in it.
        Noise(
          testDescription: "random bytes without a $", guestRuns: true,
          bytes: random.filter { $0 != 0x24 }),
        Noise(
          testDescription: "wrong checksums", guestRuns: true,
          bytes: (0..<500).flatMap { _ in packet(Array("g".utf8), wrongBy: 1) }),
        Noise(
          testDescription: "a flood of Ctrl-C that nobody waits for", guestRuns: true,
          bytes: [UInt8](repeating: 0x03, count: 100_000)),
        Noise(
          testDescription: "a flood of acknowledgments", guestRuns: true,
          bytes: [UInt8](repeating: UInt8(ascii: "+"), count: 100_000)),
        Noise(
          testDescription: "the beginning of a packet", guestRuns: true,
          bytes: Array("$m40200000,10".utf8)),
        Noise(
          testDescription: "the beginning of a packet that never ends", guestRuns: true,
          bytes: [0x24] + long),
        Noise(testDescription: "any random bytes", guestRuns: false, bytes: random),
        Noise(
          testDescription: "a packet of 100,000 bytes", guestRuns: false, bytes: packet(long)),
        Noise(
          testDescription: "a flood of packets whose answers nobody reads", guestRuns: false,
          bytes: (0..<5000).flatMap { _ in packet(Array("g".utf8)) }),
        Noise(
          testDescription: "each byte as a packet", guestRuns: false,
          // But for k, which a debugger kills its target with.
          bytes: (0...255).filter { $0 != UInt8(ascii: "k") && $0 != 0x23 && $0 != 0x24 }
            .flatMap { packet([$0]) }),
      ]
    }()

    @Test(
      "the guest runs on where nobody stopped it, and the next debugger attaches",
      .timeLimit(.minutes(2)))
    func noise() async throws {
      let machine = try await LinuxGuest.machine(cpus: 2)
      try await LinuxGuest.boot(machine) { guest in
        for noise in Self.noises {
          let sender = try await RemoteClient(machine.debugger)
          // A machine that has been stopped may not take all of it.
          try? await sender.send(noise.bytes, within: .seconds(2))
          if noise.guestRuns {
            #expect(
              try await guest.run("echo runs", within: .seconds(10)) == "runs",
              "\(noise), while the sender is there")
          }
          // The connection ends in the midst of it.
          sender.close()

          let session = try await GDB.run(
            machine.debugger, ["info threads", "p/x $VBAR_EL1", "detach"])
          #expect(session.contains("Thread 1.2 "), "\(noise): \(session)")
          #expect(session.contains("$1 = 0xffff"), "\(noise): \(session)")
          #expect(
            try await guest.run("echo runs", within: .seconds(10)) == "runs", "\(noise), afterwards"
          )
        }
        // Debuggers that hang up in the midst of their first packet.
        for _ in 1...50 {
          let sender = try await RemoteClient(machine.debugger)
          try await sender.send("+$qSupported:swbreak+;hwb".utf8)
          sender.close()
        }
        #expect(try await guest.run("echo runs", within: .seconds(10)) == "runs")
        _ = try await GDB.run(machine.debugger, ["detach"])
        guest.powerOff()
        try #expect(await guest.console.end() == 0)
      }
    }
  }
}
