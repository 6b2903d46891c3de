internal import RemoteProtocol

/// The debugger's server on the link core: it takes what arrives on the debug link to the protocol,
/// and tells the protocol when the machine stands still.
struct DebugServer<Machine: Platform, Link: Port & ~Copyable>: ~Copyable {
  private var server: RemoteServer<GuestTarget<Machine>, Link>
  private var target: GuestTarget<Machine>
  private let cores: Machine

  /// - Parameter machineIsHeld: the guest does not run until a debugger continues it.
  init(_ cores: Machine, link: consuming Link, machineIsHeld: Bool) {
    self.cores = cores
    server = RemoteServer(link: link)
    target = GuestTarget(cores, isHeld: machineIsHeld)
  }

  /// Sees to everything that has happened since. Called on the link core: at the link's interrupt, and
  /// whenever it is woken while its vCPU waits. Never waits for the debugger.
  mutating func serve() {
    server.withLink { $0.acknowledgeInterrupt() }
    var progress: Bool
    repeat {
      progress = takeEvents()
      progress = reportStandstill() || progress
      // At the end, so that an acknowledgment and the answer behind it leave as one.
      progress = server.withLink { $0.pump() } || progress
    } while progress
  }

  @inline(never)
  private mutating func takeEvents() -> Bool {
    var progress = false
    while let event = server.withLink({ $0.nextEvent() }) {
      progress = true
      switch event {
      case .opened:
        cores.packetClock.forget()
        server.connectionOpened(target: &target)
      case .closed:
        cores.packetClock.forget()
        server.connectionClosed(target: &target)
      case .received(let byte):
        cores.packetClock.take(byte) { cores.counter }
        server.receive(byte, target: &target)
        noticeAnswer()
      case .failed:
        cores.say(
          "Stepwell: the debug link's device is out of order; no debugger can attach any more.\n")
      }
    }
    return progress
  }

  @inline(never)
  private mutating func reportStandstill() -> Bool {
    // mutant: clockStopsLast
    guard !server.standsStill(&target), Standstill(cores).isComplete,
      // A debugger that does not read is told later: the machine stands still until then.
      server.withLink({ $0.room >= longestAnswer })
    else { return false }
    cores.clock.stop(at: cores.counter)
    server.targetDidStop(target.takeStop(), target: &target)
    noticeAnswer()
    return true
  }

  private mutating func noticeAnswer() {
    let sends = server.withLink { $0.sends }
    cores.packetClock.notice(sends: sends) { cores.counter }
  }

  /// The machine is about to be switched off or reset: the debugger is told so, if it reads it within
  /// a tenth of a second.
  mutating func machineEnds() {
    server.targetDidExit()
    let start = cores.counter
    let limit = cores.counterFrequency / 10
    repeat {
      // What has happened meanwhile is of no interest any more, but for whether the debugger is there.
      if server.withLink({ $0.pump() }) { _ = server.withLink { $0.nextEvent() } }
    } while server.withLink { $0.hasUnsent } && cores.counter &- start < limit
  }
}
