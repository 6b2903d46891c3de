/// A server of the GDB remote serial protocol (GDB manual, appendix "GDB Remote Serial Protocol"),
/// with the extensions that LLDB needs.
///
/// Bytes from the debugger go in through ``receive(_:target:)``, packets for it come out through the
/// link, and ``targetDidStop(_:target:)`` tells that the machine stands still. No call waits: the
/// server is driven by events and may be called while the machine runs.
///
/// The server answers while the machine stands still, and only then. A packet that arrives while it
/// runs comes from a debugger that has just attached, for one that resumed the machine sends nothing
/// but 0x03 until it is told of the stop. So the machine is stopped first, and the packet is
/// answered then.
///
/// A value of this type is some 9 KiB large. The caller must make it where it stays.
public struct RemoteServer<Machine: Target & ~Copyable, Link: DebugLink & ~Copyable>: ~Copyable {
  var receiver = PacketReceiver()
  var sender: PacketSender<Link>
  var session = Session()

  /// The last stop. It means something only while everything stands still.
  var stop = StopEvent(vcpu: 0, cause: .interrupted)

  /// On a link that loses bytes: the last packet that was accepted, and that the debugger has acknowledged nothing
  /// since.
  private var lastFingerprint: UInt64 = 0
  private var isAnswerAwaited = false

  /// A debugger went while the machine did not stand still, and left its points.
  private var hasStalePoints = false

  /// Room for a register or a piece of memory on its way between target and packet.
  var scratch = Scratch(repeating: 0)

  /// A server for a machine that runs, or is about to be reported as ``StopEvent/Cause/held``, on a
  /// link that no debugger has used yet.
  public init(link: consuming Link) {
    sender = PacketSender(link: link)
  }

  /// Gives access to the link that the server sends on.
  public mutating func withLink<Result>(_ body: (inout Link) -> Result) -> Result {
    body(&sender.link)
  }

  // MARK: Events

  /// Takes bytes from the debugger, in order.
  @inline(never)
  public mutating func receive(_ bytes: Span<UInt8>, target: inout Machine) {
    for index in bytes.indices { receive(bytes[index], target: &target) }
  }

  /// Takes one byte from the debugger.
  public mutating func receive(_ byte: UInt8, target: inout Machine) {
    // The packet that waits for the stop would be overwritten. Its debugger has nothing to say
    // before it is answered, but for 0x03; if it grows impatient and sends the packet again, one answer
    // will do.
    switch receiver.receive(byte, keepsPacket: session.holdsPacket) {
    case .none: break
    case .acknowledgment: isAnswerAwaited = false
    case .retransmission:
      if session.agreed.acknowledges, !session.holdsPacket { sender.resend() }
    case .interrupt: takeInterrupt(&target)
    case .corruptPacket:
      if session.agreed.acknowledges {
        sender.acknowledge(false)
      } else {
        accept(corrupt: true, target: &target)
      }
    case .packet:
      if isRepetition() { return repeatAnswer() }
      if beginsNewSession() { forgetDebugger(&target) }
      if session.agreed.acknowledges { sender.acknowledge(true) }
      accept(corrupt: false, target: &target)
    }
  }

  // MARK: Links that lose bytes

  /// Whether the packet is the last one once more, because its acknowledgment or its answer was lost. To do twice what
  /// it says would be wrong: a step would be two.
  ///
  /// A debugger acknowledges the answer to one packet before it sends the next. So the packet is a repetition if it
  /// is the same as the last one and nothing was acknowledged in between.
  private mutating func isRepetition() -> Bool {
    guard sender.link.losesBytes else { return false }
    let sum = receiver.packet.fingerprint()
    if isAnswerAwaited, sum == lastFingerprint { return true }
    isAnswerAwaited = true
    lastFingerprint = sum
    return false
  }

  /// Acknowledges the repetition and sends the answer again, where there is one by now.
  private mutating func repeatAnswer() {
    sender.acknowledge(true)
    if !session.holdsPacket, !session.owesStopReply { sender.resend() }
  }

  /// 0x03: the debugger wants the machine stopped.
  ///
  /// A debugger that waits for a stop gets one. Any other time is the time between a stop and the next
  /// resumption, which a debugger that judges a breakpoint's condition never lets the user see: the
  /// next resumption is then answered at once. So is one after a stop for another reason that came
  /// before this could take effect.
  private mutating func takeInterrupt(_ target: inout Machine) {
    if session.holdsPacket {
      session.interruptFollowsPacket = true
    } else if standsStill(&target) {
      if sender.link.losesBytes, isAnswerAwaited {
        // The debugger has not had the stop reply, and waits for it.
        sender.resend()
      } else {
        session.keepsInterrupt = session.isOpen
      }
    } else if session.owesStopReply {
      session.keepsInterrupt = true
      stopMachine(&target)
    }
    // Otherwise nobody waits: it is noise, or the last word of a debugger that has left.
  }

  /// Takes notice that the machine has come to stand still, every vCPU of it.
  ///
  /// The caller must do this each time that happens, whatever the reason, and before any vCPU runs again.
  /// The server may call ``Target/resume()`` in it.
  public mutating func targetDidStop(_ stop: StopEvent, target: inout Machine) {
    let last = session.owesStopReply ? self.stop.vcpu : 0
    self.stop = stop
    if stop.cause == .interrupted { self.stop.vcpu = interruptedThread(last: last, &target) }
    noteStandstill(&target)
    if hasStalePoints {
      hasStalePoints = false
      target.removeAllPoints()
    }

    if session.holdsPacket {
      session.holdsPacket = false
      answer(&target)
      if session.interruptFollowsPacket {
        session.interruptFollowsPacket = false
        takeInterrupt(&target)
      }
      if session.hasLetGo, standsStill(&target) {
        session.isOpen = false
        resumeAll(&target)
      }
    } else if session.owesStopReply {
      session.owesStopReply = false
      session.generalThread = nil
      session.continueThread = nil
      if stop.cause == .interrupted { session.keepsInterrupt = false }
      writeNotices(&target)
      appendStopReply(for: self.stop, target: &target)
      sender.send()
    } else if !session.isOpen, stop.cause != .held {
      // The debugger that this stop was for has gone.
      resumeAll(&target)
    }
  }

  /// Takes notice that the machine's power goes off.
  public mutating func targetDidExit() {
    guard session.owesStopReply else { return }
    session.owesStopReply = false
    sender.begin()
    sender.write("W00")
    if session.agreed.namesProcesses { sender.write(";process:1") }
    sender.send()
  }

  /// Takes notice that a debugger connected to the link. Links that cannot tell need not call it.
  public mutating func connectionOpened(target: inout Machine) {
    receiver.reset()
    forgetDebugger(&target)
  }

  /// Takes notice that the debugger is gone.
  ///
  /// Its points go with it. A machine that stands still stands still until a debugger resumes it. One
  /// that runs is stopped for as long as it takes to remove the points, and then runs as a whole,
  /// with the vCPUs that the debugger held.
  public mutating func connectionClosed(target: inout Machine) {
    receiver.reset()
    forgetDebugger(&target)
  }

  // MARK: Packets

  /// Whether the packet opens a conversation while one is going on: on a link that cannot tell, its
  /// debugger must have disappeared.
  ///
  /// GDB opens with `qSupported`, LLDB with `QStartNoAckMode`. Both send a `+` before it and, once
  /// nothing is acknowledged any more, before no other packet of that kind.
  private mutating func beginsNewSession() -> Bool {
    guard receiver.packetFollowsAcknowledgment else { return false }
    return !session.agreed.acknowledges && receiver.packet.isNext("QStartNoAckMode")
      || session.agreed.knowsFeatures && receiver.packet.isNext("qSupported")
  }

  private mutating func accept(corrupt: Bool, target: inout Machine) {
    if !corrupt, !receiver.packet.isTooLong, obeyWithoutAnswer(&target) { return }
    session.isOpen = true
    session.packetIsCorrupt = corrupt
    if standsStill(&target) {
      answer(&target)
    } else {
      session.owesStopReply = false
      session.holdsPacket = true
      stopMachine(&target)
    }
  }

  /// What the user has to know before the stop: console output is allowed while the debugger waits for
  /// a stop, and no later.
  private mutating func writeNotices(_ target: inout Machine) {
    sender.beginConsole()
    if session.couldNotReset {
      session.couldNotReset = false
      sender.write(
        "The machine was not reset: it has no firmware that does it. It goes on as it was.\n")
    }
    target.writeNotice(beside: stop, to: &sender)
    sender.endConsole()
  }

  /// Answers the packet that was received.
  @inline(never)
  private mutating func answer(_ target: inout Machine) {
    sender.begin()
    do throws(RemoteError) {
      if session.packetIsCorrupt { throw .corrupt }
      if receiver.packet.isTooLong { throw .tooLong }
      if try dispatch(&target) == .later { return }
    } catch {
      sender.begin()
      sender.append(error)
    }
    sender.send()
  }

  /// Forgets everything that was agreed with a debugger, and what it asked of the machine.
  @inline(never)
  mutating func forgetDebugger(_ target: inout Machine) {
    let hadDebugger = session.isOpen
    session = Session()
    sender.errorForm = .code
    sender.begin()
    if standsStill(&target) {
      target.removeAllPoints()
    } else if hadDebugger {
      hasStalePoints = true
      stopMachine(&target)
    }
  }
}
