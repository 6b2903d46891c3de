internal import RemoteProtocol

/// A debug link on a serial line.
///
/// Nobody tells when a debugger comes or goes: a conversation begins with its first packet and ends with `D`, `k` or
/// the next debugger's first packet, all of which the server sees for itself (`RemoteServer`). So this port never
/// says ``PortEvent/opened`` or ``PortEvent/closed``.
///
/// What the device receives goes into a ring at once, whatever else there is to do: its FIFO is full after a few
/// characters' time. A character that came spoiled is left out, and so is one for which the ring has no room. Its
/// packet's checksum is then wrong, and the packet is asked for again.
struct SerialPort<Device: UART>: Port {
  private var device: Device
  private var incoming: ByteRing
  private var outgoing: ByteRing
  private(set) var sends: UInt64 = 0
  /// What has gone wrong on the line so far.
  private(set) var errors = ErrorCounts()

  /// How many characters the device has given since its FIFO was found empty.
  private var withoutPause = 0
  private var transmitInterruptIsOn = false
  private var isOff = false
  private var failureIsTold = false

  struct ErrorCounts: Equatable {
    var overruns: UInt32 = 0
    var framing: UInt32 = 0
    var parity: UInt32 = 0
    var breaks: UInt32 = 0
    /// Characters for which the ring had no room.
    var dropped: UInt32 = 0
  }

  /// More than any packet, so that one that comes while no answer can be sent is still there afterwards.
  private static var incomingCapacity: UInt { 0x4000 }
  /// Room for several answers.
  private static var outgoingCapacity: UInt { 0x1_0000 }
  /// Bytes of memory that ``init(_:memory:)`` wants.
  static var memoryNeeded: UInt { incomingCapacity &+ outgoingCapacity }

  /// EL2 empties a FIFO faster than a line can fill it, so no line gives so many characters on end. A device whose
  /// clock is off may answer every read with ones, and so with characters without end.
  private static var mostWithoutPause: Int { 0x1_0000 }

  /// - Parameter memory: ``memoryNeeded`` bytes, which nobody else uses.
  @unsafe
  init(_ device: Device, memory: UnsafeMutablePointer<UInt8>) {
    self.device = device
    incoming = unsafe ByteRing(memory, capacity: Self.incomingCapacity)
    outgoing = unsafe ByteRing(
      memory + Int(Self.incomingCapacity), capacity: Self.outgoingCapacity)
  }

  /// Takes the device over. It interrupts from now on.
  mutating func start() { device.start() }

  mutating func acknowledgeInterrupt() {
    guard !isOff else { return }
    device.acknowledge()
    drain()
  }

  /// Empties the device's receive FIFO into the ring.
  ///
  /// It is emptied in any case: below its level lies what it would raise no interrupt for, and a level interrupt
  /// that is left raised is taken for ever.
  private mutating func drain() {
    while !isOff, let reception = device.receive() {
      if !reception.errors.isEmpty { count(reception.errors) }
      if let character = reception.character, !incoming.append(character) {
        errors.dropped &+= 1
      }
      withoutPause &+= 1
      if withoutPause > Self.mostWithoutPause {
        isOff = true
        device.stop()
      }
    }
    withoutPause = 0
  }

  private mutating func count(_ new: LineErrors) {
    if new.contains(.overrun) { errors.overruns &+= 1 }
    if new.contains(.framing) { errors.framing &+= 1 }
    if new.contains(.parity) { errors.parity &+= 1 }
    if new.contains(.break) { errors.breaks &+= 1 }
  }

  mutating func nextEvent() -> PortEvent? {
    guard !isOff else {
      guard !failureIsTold else { return nil }
      failureIsTold = true
      return .failed
    }
    guard room >= longestAnswer, let byte = incoming.first else { return nil }
    incoming.removeFirst()
    return .received(byte)
  }

  var room: Int { outgoing.room }

  /// Bytes on a line that nothing arrives from are lost, and the server says so of the packets that they are of.
  var losesBytes: Bool { true }

  /// The caller must have looked at ``room``.
  mutating func send(_ bytes: Span<UInt8>) {
    sends &+= 1
    guard bytes.count <= room else { return }
    for index in bytes.indices { _ = outgoing.append(bytes[index]) }
  }

  var hasUnsent: Bool { !isOff && !outgoing.isEmpty }

  mutating func pump() -> Bool {
    guard !isOff else { return !failureIsTold }
    fill()
    setTransmitInterrupt(!outgoing.isEmpty)
    if !outgoing.isEmpty {
      // What became free before the interrupt was enabled may not raise it.
      fill()
      setTransmitInterrupt(!outgoing.isEmpty)
    }
    // One line carries both interrupts. Where it is an edge, a character that came while the transmitter still held
    // it raises none.
    drain()  // mutant: drainsBehindTransmitter
    return !incoming.isEmpty && room >= longestAnswer || isOff && !failureIsTold
  }

  private mutating func setTransmitInterrupt(_ isOn: Bool) {
    guard isOn != transmitInterruptIsOn else { return }
    transmitInterruptIsOn = isOn
    device.setTransmitInterrupt(isOn)
  }

  /// Hands the transmitter what it takes. A transmitter takes no more than its FIFO holds, and what it sends
  /// meanwhile.
  private mutating func fill() {
    while let byte = outgoing.first, device.transmit(byte) { outgoing.removeFirst() }
  }
}
