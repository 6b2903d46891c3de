internal import EL2Support
internal import RemoteProtocol

/// The debugger's server on the link core: it takes what arrives on the debug link to the protocol,
/// and tells the protocol when the machine stands still.
struct DebugServer: ~Copyable {
  /// The driver of the debug link.
  typealias Link = VirtioConsole<VirtioTransport>

  private var server: RemoteServer<GuestTarget, Link>
  private var target: GuestTarget

  /// - Parameter machineIsHeld: the guest does not run until a debugger continues it.
  init(link: consuming Link, machineIsHeld: Bool) {
    server = RemoteServer(link: link)
    target = GuestTarget(isHeld: machineIsHeld)
  }

  /// Sees to everything that has happened since. Called on the link core: at the link's interrupt, and
  /// whenever it is woken while its vCPU waits. Never waits for the debugger.
  static func serve() { EL2.server.value.serve() }

  private mutating func serve() {
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
        EL2.shared.value.packetClock.forget()
        server.connectionOpened(target: &target)
      case .closed:
        EL2.shared.value.packetClock.forget()
        server.connectionClosed(target: &target)
      case .received(let byte):
        EL2.shared.value.packetClock.take(byte) { el2_read_cntpct_el0() }
        server.receive(byte, target: &target)
        noticeAnswer()
      case .failed:
        var console = FaultConsole.current
        console.write(
          "Stepwell: the debug link's device is out of order; no debugger can attach any more.\n")
      }
    }
    return progress
  }

  @inline(never)
  private mutating func reportStandstill() -> Bool {
    guard !target.standstillIsReported, Standstill.isComplete,
      // A debugger that does not read is told later: the machine stands still until then.
      server.withLink({ $0.room >= longestAnswer })
    else { return false }
    target.standstillIsReported = true
    EL2.shared.value.clock.stop(at: el2_read_cntpct_el0())
    server.targetDidStop(target.takeStop(), target: &target)
    noticeAnswer()
    return true
  }

  private mutating func noticeAnswer() {
    let sends = server.withLink { $0.sends }
    EL2.shared.value.packetClock.notice(sends: sends) { el2_read_cntpct_el0() }
  }

  /// The machine is about to be switched off or reset: the debugger is told so, if it reads it within
  /// a tenth of a second.
  static func machineEnds() { EL2.server.value.machineEnds() }

  private mutating func machineEnds() {
    server.targetDidExit()
    let start = el2_read_cntpct_el0()
    let limit = el2_read_cntfrq_el0() / 10
    repeat {
      // What has happened meanwhile is of no interest any more, but for whether the debugger is there.
      if server.withLink({ $0.pump() }) { _ = server.withLink { $0.nextEvent() } }
    } while server.withLink { $0.hasUnsent } && el2_read_cntpct_el0() &- start < limit
  }
}
