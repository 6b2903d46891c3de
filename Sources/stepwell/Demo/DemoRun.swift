internal import Foundation

/// One boot of the demo: the guest in QEMU, and GDB attached to it, both until they end.
struct DemoRun {
  let machine: Machine
  let program: GuestProgram
  /// The folder for the output of guest and debugger.
  let logs: URL

  /// The result of a run.
  struct Outcome {
    var guest = DemoReport()
    var debugger = DemoReport()
    /// The guest reported its end and switched the machine off.
    var poweredOff = false
    /// The last lines of the guest, or of QEMU.
    var lastWords: [String] = []
    /// Guest or debugger had to be stopped.
    var timedOut = false
  }

  /// The limit of a run: a party that loses an event may wait for it for ever.
  private static let limit = Duration.seconds(300)
  /// The time in which one party must end when the other has ended.
  private static let grace = Duration.seconds(20)

  /// - Throws: `Failure` if QEMU or GDB cannot be started.
  func run() async throws -> Outcome {
    let console = try Transcript(logs.appending(path: "console.log"))
    let session = try Transcript(logs.appending(path: "gdb.log"))
    // A guest that crashes restarts its machine. That must end the demo and not begin it again.
    let guest = Child(Machine.emulator, machine.arguments + ["-no-reboot"])
    let debugger = Child(HostPackage.gdb.program, try await debuggerArguments())

    enum Event { case guestEnded(well: Bool), debuggerEnded, timeOut }
    return try await withThrowingTaskGroup(of: Event.self) { group in
      func timeOut(after duration: Duration) {
        group.addTask {
          try await Task.sleep(for: duration)
          return .timeOut
        }
      }
      group.addTask { .guestEnded(well: try await guest.run { try console.append($0) }) }
      group.addTask {
        _ = try await debugger.run { try session.append($0) }
        return .debuggerEnded
      }
      timeOut(after: Self.limit)

      var outcome = Outcome()
      var running = 2
      while running > 0, !outcome.timedOut, let event = try await group.next() {
        switch event {
        case .guestEnded(let well):
          running -= 1
          outcome.poweredOff = well && console.report["end"] != nil
          timeOut(after: Self.grace)
        case .debuggerEnded:
          running -= 1
          timeOut(after: Self.grace)
        case .timeOut:
          outcome.timedOut = true
        }
      }
      group.cancelAll()
      outcome.guest = console.report
      outcome.lastWords = console.lastLines
      outcome.debugger = session.report
      return outcome
    }
  }

  private func debuggerArguments() async throws -> [String] {
    let ready = try await program.address(of: "stepwell_ready")
    let finished = try await program.address(of: "stepwell_finished")
    let commands = [
      "set architecture aarch64", "set remotetimeout 30", "set $ready = \(ready)",
      "set $finished = \(finished)", "target remote \(machine.debugger.description)",
    ]
    let script = Project.guests.appending(path: "demo/debugger.py").path
    return ["-nx", "-batch"] + commands.flatMap { ["-ex", $0] } + ["-x", script]
  }
}
