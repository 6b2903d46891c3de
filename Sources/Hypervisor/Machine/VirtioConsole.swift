internal import EL2Support
internal import RemoteProtocol

/// The debug link: port 1 of a virtio console (Virtual I/O Device 1.2, section 5.3), on a transport
/// that the guest does not see. The multiport control queue tells when a debugger comes and goes.
struct VirtioConsole: DebugLink, ~Copyable {
  /// What the other side did.
  enum Event {
    case opened
    case closed
  }

  private let transport: VirtioTransport
  private var receiveQueue: Virtqueue
  private var transmit: Virtqueue
  private var controlReceive: Virtqueue
  private var controlTransmit: Virtqueue
  /// The port that carries the debugger's bytes; 0, the console proper, cannot be one, because the
  /// device does not tell when its other side comes and goes.
  private static let port: UInt32 = 1
  private var portIsUp = false
  private(set) var isOpen = false
  /// How often ``send(_:)`` was called.
  private(set) var sends: UInt64 = 0

  private static let multiport: UInt32 = 1 &<< 1
  private static let version1: UInt32 = 1 &<< 0  // bit 32, in the second word

  /// Control messages (section 5.3.6.2).
  private enum Control {
    static let deviceReady: UInt16 = 0
    static let portAdd: UInt16 = 1
    static let portReady: UInt16 = 3
    static let portOpen: UInt16 = 6
  }

  /// Bytes of zeroed memory that ``init(_:memory:)`` wants on a page boundary.
  static let memoryNeeded: UInt = 4 &* Virtqueue.ringBytes &+ 8 &* (512 &+ 1024 &+ 64 &+ 16)

  @_optimize(size)
  init(_ transport: VirtioTransport, memory: UInt) {
    self.transport = transport
    var buffers = memory &+ 4 &* Virtqueue.ringBytes
    func queue(_ index: UInt32, _ slot: UInt, _ bufferSize: UInt32) -> Virtqueue {
      defer { buffers &+= UInt(Virtqueue.size) &* UInt(bufferSize) }
      return Virtqueue(
        index: index, rings: memory &+ slot &* Virtqueue.ringBytes, buffers: buffers,
        bufferSize: bufferSize)
    }
    // Port 0 has queues 0 and 1, control 2 and 3, port n from 2n + 2.
    receiveQueue = queue(4, 0, UInt32(Self.receiveSize))
    transmit = queue(5, 1, 1024)
    controlReceive = queue(2, 2, 64)
    controlTransmit = queue(3, 3, 16)
  }

  /// Resets the device and makes it ready.
  ///
  /// - Returns: false if it is not a console with several ports.
  @_optimize(size)
  mutating func start() -> Bool {
    typealias Status = VirtioTransport.Status
    transport.write(.status, 0)
    transport.write(.status, Status.acknowledge)
    transport.write(.status, Status.acknowledge | Status.driver)
    transport.write(.deviceFeaturesSelect, 0)
    guard transport.read(.deviceFeatures) & Self.multiport != 0 else { return false }
    transport.write(.driverFeaturesSelect, 0)
    transport.write(.driverFeatures, Self.multiport)
    var status = Status.acknowledge | Status.driver
    if transport.isLegacy {
      transport.write(.guestPageSize, 4096)
    } else {
      transport.write(.driverFeaturesSelect, 1)
      transport.write(.driverFeatures, Self.version1)
      status |= Status.featuresOK
      transport.write(.status, status)
      guard transport.read(.status) & Status.featuresOK != 0 else { return false }
    }
    guard receiveQueue.attach(to: transport), transmit.attach(to: transport),
      controlReceive.attach(to: transport), controlTransmit.attach(to: transport)
    else { return false }
    receiveQueue.offerAll()
    controlReceive.offerAll()
    transport.write(.status, status | Status.driverOK)
    receiveQueue.notify(transport)
    controlReceive.notify(transport)
    sendControl(port: 0, Control.deviceReady, 1)
    return true
  }

  /// Takes the interrupt back; what caused it is then polled for.
  func acknowledgeInterrupt() {
    transport.write(.interruptAcknowledge, transport.read(.interruptStatus))
  }

  /// The next thing that the other side did, or nil. Bytes come from ``receive(into:)``.
  @_optimize(size)
  mutating func nextEvent() -> Event? {
    while let (n, length) = controlReceive.takeUsed() {
      let message = controlReceive.buffer(n)
      let port = el2_mmio_read32(message)
      let event = el2_mmio_read16(message &+ 4)
      let value = el2_mmio_read16(message &+ 6)
      controlReceive.offer(n, length: controlReceive.bufferSize, deviceWrites: true)
      controlReceive.notify(transport)
      guard length >= 8 else { continue }
      switch event {
      case Control.portAdd:
        sendControl(port: port, Control.portReady, 1)
        if port == Self.port && !portIsUp {
          portIsUp = true
          sendControl(port: port, Control.portOpen, 1)
          // Buffers were offered before the port was open. Bytes that have waited for it on the
          // other side only move when they are offered again.
          receiveQueue.notify(transport)
        }
      case Control.portOpen where port == Self.port:
        guard isOpen != (value != 0) else { continue }
        isOpen = value != 0
        return isOpen ? .opened : .closed
      default:
        break
      }
    }
    return nil
  }

  /// The most bytes that ``receive(into:)`` hands over at once.
  static let receiveSize = 512

  /// Whether bytes have arrived.
  var hasReceived: Bool { receiveQueue.hasUsed }

  /// Takes bytes that have arrived.
  ///
  /// - Parameter bytes: room for ``receiveSize`` of them.
  /// - Returns: how many there were.
  @_optimize(size)
  mutating func receive(into bytes: inout MutableSpan<UInt8>) -> Int {
    guard let (n, length) = receiveQueue.takeUsed() else { return 0 }
    let count = min(Int(length), bytes.count)
    for offset in 0..<count {
      bytes[offset] = el2_mmio_read8(receiveQueue.buffer(n) &+ UInt(offset))
    }
    receiveQueue.offer(n, length: receiveQueue.bufferSize, deviceWrites: true)
    receiveQueue.notify(transport)
    return count
  }

  /// Sends `bytes`, waiting for buffers where it must. Bytes for nobody are dropped.
  @_optimize(size)
  mutating func send(_ bytes: Span<UInt8>) {
    sends &+= 1
    var sent = 0
    while sent < bytes.count && isOpen {
      while transmit.takeUsed() != nil {}
      guard transmit.outstanding < Virtqueue.size else { continue }
      let n = nextTransmit
      nextTransmit = (nextTransmit &+ 1) & (Virtqueue.size &- 1)
      let length = min(bytes.count &- sent, Int(transmit.bufferSize))
      for offset in 0..<length {
        el2_mmio_write8(transmit.buffer(n) &+ UInt(offset), bytes[sent &+ offset])
      }
      sent &+= length
      transmit.offer(n, length: UInt32(length), deviceWrites: false)
      transmit.notify(transport)
    }
  }

  /// Buffers are used in turn; the device returns them in order.
  private var nextTransmit: UInt16 = 0
  private var nextControl: UInt16 = 0

  @inline(never)
  @_optimize(size)
  private mutating func sendControl(port: UInt32, _ event: UInt16, _ value: UInt16) {
    while controlTransmit.outstanding >= Virtqueue.size {
      _ = controlTransmit.takeUsed()
    }
    let message = controlTransmit.buffer(nextControl)
    el2_mmio_write32(message, port)
    el2_mmio_write16(message &+ 4, event)
    el2_mmio_write16(message &+ 6, value)
    controlTransmit.offer(nextControl, length: 8, deviceWrites: false)
    nextControl = (nextControl &+ 1) & (Virtqueue.size &- 1)
    controlTransmit.notify(transport)
    while controlTransmit.takeUsed() != nil {}
  }
}
