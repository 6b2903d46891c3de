internal import EL2Support
internal import RemoteProtocol

/// The debugger's server on the link core: it takes what arrives on the debug link to the protocol,
/// and tells the protocol when the machine stands still.
struct DebugServer: ~Copyable {
  private var server: RemoteServer<GuestTarget, VirtioConsole>
  private var target: GuestTarget

  /// - Parameter machineIsHeld: the guest does not run until a debugger continues it.
  init(link: consuming VirtioConsole, machineIsHeld: Bool) {
    server = RemoteServer(link: link)
    target = GuestTarget(isHeld: machineIsHeld)
  }

  /// Sees to everything that has happened since. Called on the link core: at the link's interrupt, and
  /// whenever it is woken while its vCPU waits.
  static func serve() { EL2.server.value.serve() }

  private mutating func serve() {
    server.withLink { $0.acknowledgeInterrupt() }
    var progress: Bool
    repeat {
      progress = takeConnectionEvents()
      progress = takeBytes() || progress
      progress = reportStandstill() || progress
    } while progress
  }

  @inline(never)
  private mutating func takeConnectionEvents() -> Bool {
    var progress = false
    while let event = server.withLink({ $0.nextEvent() }) {
      progress = true
      EL2.shared.value.packetClock.forget()
      switch event {
      case .opened: server.connectionOpened(target: &target)
      case .closed: server.connectionClosed(target: &target)
      }
    }
    return progress
  }

  private mutating func takeBytes() -> Bool {
    guard server.withLink({ $0.hasReceived }) else { return false }
    // A connection is announced before its bytes come, on a queue of its own. Looked at only now, that
    // queue has the announcement if these are the first of a new one: taken for the old one's, their
    // answer would go to nobody.
    _ = takeConnectionEvents()
    var buffer = InlineArray<512, UInt8>(repeating: 0)
    var bytes = buffer.mutableSpan
    let now = el2_read_cntpct_el0()
    let count = server.withLink { $0.receive(into: &bytes) }
    guard count > 0 else { return false }
    // Those of a debugger that has hung up meanwhile count too: its last word may be to continue.
    EL2.shared.value.packetClock.take(buffer.span.extracting(first: count), at: now)
    server.receive(buffer.span.extracting(first: count), target: &target)
    noticeAnswer()
    return true
  }

  @inline(never)
  private mutating func reportStandstill() -> Bool {
    guard !target.standstillIsReported, Standstill.isComplete else { return false }
    target.standstillIsReported = true
    EL2.shared.value.clock.stop(at: el2_read_cntpct_el0())
    server.targetDidStop(target.takeStop(), target: &target)
    noticeAnswer()
    return true
  }

  private mutating func noticeAnswer() {
    let sends = server.withLink { $0.sends }
    EL2.shared.value.packetClock.notice(sends: sends, at: el2_read_cntpct_el0())
  }

  /// The machine is about to be switched off or reset: the debugger is told so.
  static func machineEnds() { EL2.server.value.server.targetDidExit() }
}
