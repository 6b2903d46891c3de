internal import RemoteProtocol

/// The debug link: port 1 of a virtio console (Virtual I/O Device 1.2, section 5.3), on a transport
/// that the guest does not see. The multiport control queue tells when a debugger comes and goes.
///
/// Bytes and connections come in queues of their own, so the driver must find out their order:
/// - The device has one receive buffer at a time. It gets the next only after the driver has seen that the
///   debugger that sent the last bytes was still there. The end of a connection therefore comes after its
///   bytes: while they have not been looked at, the device has no room to read further. Only a reset of the
///   connection comes earlier; see ``belongToNext(_:)``.
/// - The driver puts bytes into the queue first, then looks whether the debugger is still there, and only then
///   notifies the device. QEMU drops what it has not been notified of when a connection ends.
struct VirtioConsole<Hardware: VirtioHardware & ~Copyable>: Port, ~Copyable {
  private enum Phase {
    /// No debugger is there.
    case closed
    case open
    /// The debugger is gone, and has left bytes.
    case closing
    /// The device is switched off.
    case failed
  }

  /// Bytes that the device has written, from `next` to `end`.
  private struct Received {
    var n: UInt16
    var next: UInt32 = 0
    var end: UInt32
  }

  private let hardware: Hardware
  private let receiveBuffers: UInt
  private let controlBuffers: UInt
  private var receiveQueue: Virtqueue
  private var transmit: Virtqueue
  private var controlReceive: Virtqueue
  private var controlTransmit: Virtqueue

  private var phase = Phase.closed
  /// A debugger is there, as the device said last.
  private var isConnected = false
  /// The device has said since ``phase`` last changed that a debugger has gone.
  private var hasDisconnected = false
  private var portIsUp = false

  /// The bytes that are being taken, and those that came after them.
  private var current = Received(n: 0, end: 0)
  private var following: Received?
  /// Bytes that belong to the debugger that is still to be announced.
  private var held: Received?

  private var outgoing: TransmitQueue
  /// The queue has bytes that the device has not been notified of.
  private var hasUnannounced = false
  private(set) var sends: UInt64 = 0

  /// The device has broken the protocol, or could not say all it had to: it must be reset.
  private var needsRestart = false
  /// How often it may still break the protocol before it is switched off.
  private var patience = 8
  private var failureIsTold = false

  /// The port that carries the debugger's bytes; 0, the console proper, cannot be one, because the
  /// device does not tell when its other side comes and goes.
  private static var port: UInt32 { 1 }
  /// Room for nearly every packet of the debugger's as a whole.
  private static var receiveSize: UInt32 { 4096 }
  private static var controlSize: UInt32 { 64 }
  /// `Virtqueue.size` buffers for reading, and as many for writing.
  private static var controlMemory: UInt { 2 &* UInt(Virtqueue.size) &* UInt(controlSize) }

  /// Control messages (section 5.3.6.2): the events, and where the fields of a message are.
  private enum Control {
    static var deviceReady: UInt16 { 0 }
    static var portAdd: UInt16 { 1 }
    static var portReady: UInt16 { 3 }
    static var portOpen: UInt16 { 6 }

    static var id: UInt { 0 }
    static var event: UInt { 4 }
    static var value: UInt { 6 }
    static var size: UInt32 { 8 }
  }

  /// Bytes of memory that ``init(_:memory:)`` wants on a page boundary.
  static var memoryNeeded: UInt {
    4 &* Virtqueue.ringBytes &+ 2 &* UInt(receiveSize) &+ TransmitQueue.memoryNeeded
      &+ controlMemory
  }

  init(_ hardware: consuming Hardware, memory: UInt) {
    self.hardware = hardware
    // Port 0 has queues 0 and 1, control 2 and 3, port n from 2n + 2.
    func queue(_ index: UInt32, _ slot: UInt) -> Virtqueue {
      Virtqueue(index: index, rings: memory &+ slot &* Virtqueue.ringBytes)
    }
    receiveQueue = queue(4, 0)
    transmit = queue(5, 1)
    controlReceive = queue(2, 2)
    controlTransmit = queue(3, 3)
    receiveBuffers = memory &+ 4 &* Virtqueue.ringBytes
    outgoing = TransmitQueue(memory: receiveBuffers &+ 2 &* UInt(Self.receiveSize))
    controlBuffers = receiveBuffers &+ 2 &* UInt(Self.receiveSize) &+ TransmitQueue.memoryNeeded
  }

  // MARK: Starting

  /// Resets the device and makes it ready. Afterwards it has no buffers but those that it is given here.
  ///
  /// - Returns: false if it is not a console with several ports.
  mutating func start() -> Bool {
    isConnected = false
    hasDisconnected = false
    portIsUp = false
    hasUnannounced = false
    outgoing.removeAll()
    // Attached again, the queues forget what was with the device.
    guard reset() else { return false }
    var status = VirtioStatus.acknowledge
    hardware.write(.status, status.rawValue)
    status.insert(.driver)
    hardware.write(.status, status.rawValue)
    hardware.write(.deviceFeaturesSelect, 0)
    guard hardware.read(.deviceFeatures) & VirtioFeatures.multiport != 0 else { return false }
    hardware.write(.driverFeaturesSelect, 0)
    hardware.write(.driverFeatures, VirtioFeatures.multiport)
    if hardware.isLegacy {
      hardware.write(.guestPageSize, 4096)
    } else {
      hardware.write(.driverFeaturesSelect, 1)
      hardware.write(.driverFeatures, VirtioFeatures.version1)
      status.insert(.featuresOK)
      hardware.write(.status, status.rawValue)
      guard VirtioStatus(rawValue: hardware.read(.status)).contains(.featuresOK) else {
        return false
      }
    }
    guard receiveQueue.attach(to: hardware), transmit.attach(to: hardware),
      controlReceive.attach(to: hardware), controlTransmit.attach(to: hardware)
    else { return false }
    status.insert(.driverOK)
    hardware.write(.status, status.rawValue)
    for n in 0..<Virtqueue.size { offerControl(n) }
    controlReceive.notify(hardware)
    offerReceive(held.map { 1 &- $0.n } ?? 0)
    return sendControl(port: 0, Control.deviceReady, 1)
  }

  /// Has the device give up every buffer, which may take a moment (section 4.2.3.1).
  private func reset() -> Bool {
    hardware.write(.status, 0)
    for _ in 0..<10_000 where hardware.read(.status) == 0 { return true }
    return false
  }

  /// Begins anew, with a device that has no buffer.
  private mutating func restart() {
    let isOrderly = !needsRestart
    needsRestart = false
    current.end = current.next
    following = nil
    guard patience > 0, reset() else { return fail() }
    // mutant: keepsLast
    if isOrderly { keepLast() } else { held = nil }
    if !start() { fail() }
  }

  /// Takes what the device wrote between the driver's last look and the reset, behind which it writes nothing:
  /// the next debugger may have called meanwhile, and does not send its first packet twice.
  private mutating func keepLast() {
    for _ in 0..<Virtqueue.size {
      guard case .buffer(let n, let length) = controlReceive.takeReturned(hardware) else { break }
      let message = message(n)
      guard length >= Control.size, message.port == Self.port, message.event == Control.portOpen
      else { continue }
      isConnected = message.value != 0
      if !isConnected { held = nil }
    }
    if held == nil, case .buffer(let n, let length) = receiveQueue.takeReturned(hardware) {
      let bytes = Received(n: n & 1, end: length)
      if areOpening(bytes) { held = bytes }
    }
    if !isConnected { held = nil }
  }

  private mutating func fail() {
    _ = reset()
    phase = .failed
    isConnected = false
    outgoing.removeAll()
  }

  /// The device returned a buffer that it did not have.
  private mutating func takeGarbage() {
    patience &-= 1
    needsRestart = true
  }

  // MARK: What happens

  mutating func acknowledgeInterrupt() {
    hardware.write(.interruptAcknowledge, hardware.read(.interruptStatus))
  }

  mutating func nextEvent() -> PortEvent? {
    takeSent()
    var restarts = 0
    while true {
      switch phase {
      case .open:
        if needsRestart {
          current.end = current.next
          following = nil
          beginClosing()
          continue
        }
        if current.next == current.end, let bytes = following {
          following = nil
          current = bytes
          offerReceive(1 &- bytes.n)
        }
        if current.next < current.end && room >= longestAnswer { return .received(takeByte()) }
        guard look() else { return nil }
      case .closing:
        if current.next == current.end, let bytes = following {
          following = nil
          current = bytes
        }
        if current.next < current.end { return .received(takeByte()) }
        endClosing()
        return .closed
      case .closed:
        if needsRestart {
          // A device that breaks the protocol again is looked at when it next interrupts.
          guard restarts < 2 else { return nil }
          restarts &+= 1
          restart()
        }
        readControl()
        if needsRestart || phase == .failed { continue }
        // A debugger that has come and gone may have sent something too.
        guard isConnected || hasDisconnected else {
          // After a reset the device has said by now whether the debugger whose bytes these are is still there.
          if portIsUp { held = nil }
          return nil
        }
        phase = .open
        if let bytes = held {
          held = nil
          following = bytes
        }
        return .opened
      case .failed:
        guard !failureIsTold else { return nil }
        failureIsTold = true
        return .failed
      }
    }
  }

  /// Looks for bytes, and for the end of their connection.
  ///
  /// - Returns: false if nothing has happened.
  private mutating func look() -> Bool {
    let returned = following == nil ? receiveQueue.takeReturned(hardware) : .nothing
    // After the bytes: if no end is announced now, their connection had not ended.
    readControl()
    switch returned {
    case .nothing:
      if hasDisconnected { beginClosing() }
      return phase != .open || needsRestart
    case .garbage:
      takeGarbage()
    case .buffer(let n, let length):
      let bytes = Received(n: n & 1, end: length)
      if !hasDisconnected {
        following = bytes
      } else if !isConnected {
        following = bytes
        beginClosing()
      } else {
        if belongToNext(bytes) { held = bytes }
        beginClosing()
      }
    }
    return true
  }

  /// Whether `bytes`, which came while one connection ended and another began, are the new one's.
  ///
  /// They are if the old one ended in order: its end could not be seen while its bytes lay in the only
  /// buffer. A connection that is reset ends at once, and the answer to its last packet must not go to the
  /// next. So bytes that begin as conversations do are the new connection's. Any others are too, unless the
  /// new one turns out to have sent something else: a debugger sends nothing more before its first answer.
  private mutating func belongToNext(_ bytes: Received) -> Bool {
    if areOpening(bytes) { return true }
    guard current.next == current.end else { return false }
    offerReceive(1 &- bytes.n)
    for _ in 0..<5000 {
      if receiveQueue.hasReturned(hardware) { return false }
      hardware.pause()
    }
    return true
  }

  private func areOpening(_ bytes: Received) -> Bool {
    var opening = OpeningBytes()
    for offset in bytes.next..<bytes.end {
      opening.take(hardware.load8(address(of: bytes, offset)))
    }
    return opening.mayOpenConversation
  }

  private mutating func beginClosing() {
    guard phase == .open else { return }
    phase = .closing
    hasDisconnected = false
  }

  private mutating func endClosing() {
    phase = .closed
    takeSent()
    // QEMU drops the buffer that its reader hung up on, and never returns it. After a reset the device
    // has no buffer (section 2.1), but connections that come and go meanwhile are not announced, so nobody
    // could say whose bytes those are that come after the last announcement. So the device is reset only
    // when there is no next connection, when memory is short, and when the queue still has what the device
    // was not notified of, which would go to the next connection.
    let hasMemory = outgoing.abandon()
    let mustReset = !hasMemory || hasUnannounced && outgoing.hasAbandoned
    hasUnannounced = false
    if needsRestart || mustReset || outgoing.hasAbandoned && !isConnected {
      restart()
    } else if held == nil {
      offerReceive(0)
    }
  }

  private func address(of bytes: Received, _ offset: UInt32) -> UInt {
    receiveBuffers &+ UInt(bytes.n) &* UInt(Self.receiveSize) &+ UInt(offset)
  }

  private mutating func takeByte() -> UInt8 {
    let byte = hardware.load8(address(of: current, current.next))
    current.next &+= 1
    return byte
  }

  /// Gives the device a buffer, 0 or 1, for the debugger's bytes: the only one.
  private mutating func offerReceive(_ n: UInt16) {
    guard receiveQueue.outstanding == 0 else { return }
    receiveQueue.offer(
      n, receiveBuffers &+ UInt(n) &* UInt(Self.receiveSize), length: Self.receiveSize,
      deviceWrites: true, hardware)
    receiveQueue.notify(hardware)
  }

  // MARK: Control messages

  /// Takes note of what the device says about its port.
  private mutating func readControl() {
    // A message that found no buffer is lost.
    if controlReceive.isExhausted(hardware) { needsRestart = true }
    // The device gets each buffer back at once, so the loop needs a bound of its own.
    for _ in 0..<4 &* Virtqueue.size {
      guard !needsRestart else { return }
      switch controlReceive.takeReturned(hardware) {
      case .nothing: return
      case .garbage: return takeGarbage()
      case .buffer(let n, let length):
        let message = message(n)
        offerControl(n)
        controlReceive.notify(hardware)
        if length >= Control.size { take(message.event, message.value, port: message.port) }
      }
    }
    needsRestart = true
  }

  /// The fields of the message in control buffer `n`.
  private func message(_ n: UInt16) -> (port: UInt32, event: UInt16, value: UInt16) {
    let message = controlBuffers &+ UInt(n) &* UInt(Self.controlSize)
    return (
      hardware.load32(message &+ Control.id), hardware.load16(message &+ Control.event),
      hardware.load16(message &+ Control.value)
    )
  }

  private mutating func take(_ event: UInt16, _ value: UInt16, port: UInt32) {
    switch event {
    case Control.portAdd:
      guard sendControl(port: port, Control.portReady, 1) else { return takeGarbage() }
      guard port == Self.port, !portIsUp else { return }
      portIsUp = true
      guard sendControl(port: port, Control.portOpen, 1) else { return takeGarbage() }
      // A buffer was offered before the port was open. Bytes that wait for it on the other side move only
      // when the device is notified again.
      receiveQueue.notify(hardware)
    case Control.portOpen where port == Self.port:
      if isConnected && value == 0 { hasDisconnected = true }
      isConnected = value != 0
    default: break
    }
  }

  private mutating func offerControl(_ n: UInt16) {
    controlReceive.offer(
      n, controlBuffers &+ UInt(n) &* UInt(Self.controlSize), length: Self.controlSize,
      deviceWrites: true, hardware)
  }

  /// Tells the device something about a port.
  ///
  /// - Returns: false if the device has not taken the last ones.
  private mutating func sendControl(port: UInt32, _ event: UInt16, _ value: UInt16) -> Bool {
    for _ in 0..<Virtqueue.size {
      guard case .buffer = controlTransmit.takeReturned(hardware) else { break }
    }
    var n: UInt16 = 0
    while n < Virtqueue.size && controlTransmit.isWithDevice(n) { n &+= 1 }
    guard n < Virtqueue.size else { return false }
    let message = controlBuffers &+ UInt(Virtqueue.size &+ n) &* UInt(Self.controlSize)
    hardware.store32(message &+ Control.id, port)
    hardware.store16(message &+ Control.event, event)
    hardware.store16(message &+ Control.value, value)
    controlTransmit.offer(n, message, length: Control.size, deviceWrites: false, hardware)
    controlTransmit.notify(hardware)
    return true
  }

  // MARK: Sending

  var room: Int { outgoing.room }

  /// Bytes are dropped while no debugger is there, and when there is no ``room`` for them, at which the
  /// caller must have looked.
  mutating func send(_ bytes: Span<UInt8>) {
    sends &+= 1
    guard phase == .open, bytes.count <= room else { return }
    outgoing.append(bytes, hardware)
  }

  var hasUnsent: Bool { phase == .open && !outgoing.isEmpty }

  mutating func pump() -> Bool {
    takeSent()
    guard phase == .open else { return false }
    guard !needsRestart else { return true }
    for n in 0..<Virtqueue.size where !transmit.isWithDevice(n) {
      guard let piece = outgoing.takePiece(as: n) else { break }
      transmit.offer(n, piece.address, length: piece.length, deviceWrites: false, hardware)
      hasUnannounced = true
    }
    guard hasUnannounced else { return false }
    // The device does nothing else while it answers this read. If it was about to end the connection when
    // the bytes came to it, it has announced the end by then; if the connection ends later, the bytes go
    // with it.
    _ = hardware.read(.interruptStatus)
    guard !controlReceive.hasReturned(hardware) else { return true }
    hasUnannounced = false
    transmit.notify(hardware)
    takeSent()
    return false
  }

  /// Takes back what the device has sent.
  private mutating func takeSent() {
    guard !needsRestart, phase != .failed else { return }
    // No more than the device has: what it does meanwhile comes with an interrupt.
    for _ in 0..<Virtqueue.size {
      switch transmit.takeReturned(hardware) {
      case .nothing: return
      case .buffer(let n, _): outgoing.takeReturned(n)
      case .garbage: return takeGarbage()
      }
    }
  }
}
