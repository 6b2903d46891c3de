internal import Foundation
internal import Testing

@testable internal import stepwell

extension MachineTests {
  /// With `STEPWELL_LINUX_SEEDS=<n>` in the environment all of the suite runs n times, each with another
  /// seed of what the debugger does, on each kind of processor and with one vCPU and with two.
  @Suite("Debuggers in Linux see the same, whatever is beneath them", .timeLimit(.minutes(30)))
  struct LinuxDebugTests {
    /// A machine, and the seed of what the debugger beneath it does.
    struct Trial: CustomTestStringConvertible, Sendable {
      var cpu: String
      var cpus: Int
      var seed: UInt64
      var testDescription: String { "\(cpu), \(cpus) vCPUs, seed \(seed)" }
    }

    private static let seeds =
      ProcessInfo.processInfo.environment["STEPWELL_LINUX_SEEDS"].flatMap(UInt64.init)

    /// How pointers are authenticated is no matter here, and QEMU is twice as fast with the simple way.
    private static let max = "max,pauth-impdef=on"

    static let trials: [Trial] = {
      guard let seeds else {
        return [Trial(cpu: "cortex-a72", cpus: 1, seed: 1), Trial(cpu: max, cpus: 2, seed: 2)]
      }
      return (1...Swift.max(1, seeds)).flatMap { seed in
        ["cortex-a72", max].flatMap { cpu in
          [1, 2].map { Trial(cpu: cpu, cpus: $0, seed: seed) }
        }
      }
    }()

    @Test("bare, beneath a debugger that is idle, and beneath one that is busy", arguments: trials)
    func transcripts(trial: Trial) async throws {
      let guest = LinuxDebugGuest(
        cpu: trial.cpu, cpus: trial.cpus, arguments: Self.seeds == nil ? ["brief"] : [],
        limit: .seconds(Self.seeds == nil ? 150 : 600))
      let bare = try await guest.run(on: .shim)

      if Self.seeds != nil || trial.cpus == 1 {
        let idle = try await guest.run(on: .stepwell) { endpoint in
          let client = try await RemoteClient(endpoint)
          try await client.attach()
          try await client.send(packet: "vCont;c")
          // The link stays open until the transcript is there.
          _ = try? await client.receive(within: .seconds(600))
        }.transcript
        Self.expectEqual(idle, bare, "idle")
      }

      let (busy, work) = try await guest.run(on: .stepwell) { endpoint in
        var debugger = RovingDebugger(endpoint, seed: trial.seed)
        return try await debugger.run()
      }
      Self.expectEqual(busy, bare, "busy")
      #expect(work.sessions > 5 && work.interruptions > 50, "\(work)")
      #expect(work.steps > 50 && work.breakpoints > 50 && work.watchpoints > 20, "\(work)")
    }

    /// Less what QEMU departs from the architecture. The first lines that differ are enough.
    static func expectEqual(_ transcript: [String], _ bare: [String], _ debugger: Comment) {
      #expect(transcript.count == bare.count, debugger)
      let pairs = zip(Departure.without(transcript), Departure.without(bare))
      let differences = pairs.filter { $0 != $1 }
      #expect(differences.isEmpty, debugger)
      for (line, bare) in differences.prefix(8) {
        Issue.record("\(debugger): \(line)\nbare: \(bare)")
      }
    }
  }
}
