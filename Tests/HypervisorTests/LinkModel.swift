@testable import Hypervisor

/// A virtio console with one serial port, as QEMU has it, and the debuggers that connect to it.
///
/// Written from the Virtual I/O Device specification and from what QEMU 7.2's hw/char does at the edges:
/// it reads no byte and notices no orderly end of a connection while it has no receive buffer; at the end
/// it returns what it was given unread, except for the buffer that its reader hung up on, which it
/// forgets; what it has no control buffer for, it does not say.
final class LinkModel: VirtioHardware {
  /// A debugger's end.
  final class Connection {
    let id: Int
    /// What it has sent and the device has not read.
    var unread: [UInt8] = []
    /// It has sent its last.
    var isFinished = false
    /// What has reached it.
    var received: [UInt8] = []
    /// How many bytes more it reads.
    var appetite = Int.max
    init(id: Int) { self.id = id }
  }

  private struct Queue {
    var size: UInt32 = 0
    var descriptors: UInt = 0
    var available: UInt = 0
    var used: UInt = 0
    var taken: UInt16 = 0
    var returned: UInt16 = 0
    var isReady: Bool { size != 0 && used != 0 }
  }

  private struct Element {
    var id: UInt16
    var address: UInt
    var length: Int
    var sent = 0
  }

  static let base: UInt = 0x4000_0000
  private var memory = [UInt8](repeating: 0xa5, count: Int(VirtioConsole<LinkModel>.memoryNeeded))

  let isLegacy: Bool
  private var registers: [VirtioRegister: UInt32] = [:]
  private var queues = [Queue](repeating: Queue(), count: 6)
  private var status: UInt32 = 0
  private var interruptStatus: UInt32 = 0
  private var portIsOpen = false

  /// Those that have called and were not taken yet.
  var callers: [Connection] = []
  private(set) var connection: Connection?
  private var isThrottled = false
  private var element: Element?

  /// Called at each access of the driver's: what happens at the same time.
  var meanwhile: () -> Void = {}
  private var isMeanwhile = false

  /// What the driver had it transmit at a time, in bytes.
  private(set) var transmitted: [Int] = []
  private(set) var notifications: [UInt32: Int] = [:]
  private(set) var resets = 0
  var maximumQueueSize: UInt32 = 32
  var returnsNothing = false

  init(isLegacy: Bool = false) { self.isLegacy = isLegacy }

  /// Whether the device holds its interrupt line.
  var isInterrupting: Bool { interruptStatus != 0 }

  // MARK: The debuggers

  /// A debugger connects; it is taken as soon as the one before it has gone.
  @discardableResult
  func call(_ connection: Connection) -> Connection {
    callers.append(connection)
    return connection
  }

  /// QEMU's main loop: takes a caller, bytes, or the end of a connection.
  func poll() {
    guard let connection else {
      guard !callers.isEmpty else { return }
      self.connection = callers.removeFirst()
      say(event: 6, value: 1)
      return
    }
    guard canReceive else { return }
    if !connection.unread.isEmpty {
      while !connection.unread.isEmpty, let element = take(4) {
        let count = min(element.length, connection.unread.count)
        for n in 0..<count { memory[Int(element.address - Self.base) + n] = connection.unread[n] }
        connection.unread.removeFirst(count)
        giveBack(4, element.id, count)
      }
    } else if connection.isFinished {
      disconnect()
    }
  }

  /// The debugger's connection ends in order, behind its bytes.
  func finish() { (connection ?? callers.last)?.isFinished = true }

  /// The debugger's connection is reset: at once, and what it sent last is lost.
  func disconnect() {
    guard connection != nil else { return }
    connection = nil
    isThrottled = false
    element = nil
    discard()
    say(event: 6, value: 0)
  }

  /// The debugger reads `count` bytes more.
  func read(_ count: Int) {
    guard let connection else { return }
    connection.appetite = connection.appetite &+ count
    isThrottled = false
    transmit()
  }

  private var canReceive: Bool { portIsOpen && queues[4].isReady && queues[4].taken != offered(4) }

  // MARK: Queues

  private func offered(_ n: Int) -> UInt16 { raw16(queues[n].available + 2) }

  private func take(_ n: Int) -> Element? {
    guard status & 4 != 0, queues[n].isReady, offered(n) != queues[n].taken else { return nil }
    let place = UInt(queues[n].taken & UInt16(queues[n].size - 1))
    let id = raw16(queues[n].available + 4 + 2 * place)
    let descriptor = queues[n].descriptors + 16 * UInt(id)
    queues[n].taken &+= 1
    return Element(
      id: id, address: UInt(raw32(descriptor)), length: Int(raw32(descriptor + 8)))
  }

  private func giveBack(_ n: Int, _ id: UInt16, _ length: Int) {
    let place = UInt(queues[n].returned & UInt16(queues[n].size - 1))
    setRaw32(queues[n].used + 4 + 8 * place, UInt32(id))
    setRaw32(queues[n].used + 8 + 8 * place, UInt32(length))
    queues[n].returned &+= 1
    setRaw16(queues[n].used + 2, queues[n].returned)
    interruptStatus |= 1
  }

  private func discard() {
    while let element = take(5) { giveBack(5, element.id, 0) }
  }

  private func transmit() {
    guard !returnsNothing else { return }
    guard let connection else { return discard() }
    while !isThrottled {
      if element == nil {
        element = take(5)
        if let element { transmitted.append(element.length) }
      }
      guard var piece = element else { return }
      while piece.sent < piece.length && connection.appetite > 0 {
        connection.received.append(memory[Int(piece.address - Self.base) + piece.sent])
        piece.sent += 1
        connection.appetite -= 1
      }
      element = piece
      if piece.sent < piece.length {
        isThrottled = true
      } else {
        element = nil
        giveBack(5, piece.id, 0)
      }
    }
  }

  private func say(port: UInt32 = 1, event: UInt16, value: UInt16) {
    guard let element = take(2) else { return }
    setRaw32(element.address, port)
    setRaw16(element.address + 4, event)
    setRaw16(element.address + 6, value)
    giveBack(2, element.id, 8)
  }

  private func control() {
    while let element = take(3) {
      let event = raw16(element.address + 4)
      switch event {
      case 0: say(event: 1, value: 1)
      case 3:
        // The port's name comes first.
        say(event: 7, value: 1)
        if connection != nil { say(event: 6, value: 1) }
      case 6: portIsOpen = raw16(element.address + 6) != 0
      default: break
      }
      giveBack(3, element.id, 0)
    }
  }

  // MARK: Nonsense

  /// Writes over the used ring of a queue, as a device out of its mind.
  func corrupt(queue n: Int, index: UInt16? = nil, id: UInt32? = nil, length: UInt32? = nil) {
    guard queues[n].isReady else { return }
    let place = UInt(queues[n].returned & UInt16(queues[n].size - 1))
    if let id { setRaw32(queues[n].used + 4 + 8 * place, id) }
    if let length { setRaw32(queues[n].used + 8 + 8 * place, length) }
    queues[n].returned = index ?? queues[n].returned &+ 1
    setRaw16(queues[n].used + 2, queues[n].returned)
  }

  /// A buffer of the queue that the device has, or nil.
  func takeBuffer(queue n: Int) -> UInt16? { take(n)?.id }

  // MARK: VirtioHardware

  private func happen() {
    guard !isMeanwhile else { return }
    isMeanwhile = true
    meanwhile()
    isMeanwhile = false
  }

  func read(_ register: VirtioRegister) -> UInt32 {
    happen()
    switch register {
    case .version: return isLegacy ? 1 : 2
    case .deviceFeatures: return registers[.deviceFeaturesSelect] == 0 ? 2 : 1
    case .queueSizeMaximum: return maximumQueueSize
    case .interruptStatus: return interruptStatus
    case .status: return status
    default: return registers[register] ?? 0
    }
  }

  func write(_ register: VirtioRegister, _ value: UInt32) {
    happen()
    let n = Int(registers[.queueSelect] ?? 0)
    switch register {
    case .status:
      status = value
      if value == 0 {
        resets += 1
        queues = [Queue](repeating: Queue(), count: 6)
        portIsOpen = false
        interruptStatus = 0
        element = nil
      }
    case .queueSize: queues[n].size = value
    case .queuePage:
      queues[n].descriptors = UInt(value) * 4096
      queues[n].available = queues[n].descriptors + 16 * UInt(queues[n].size)
      queues[n].used = queues[n].descriptors + 4096
    case .queueDescriptorsLow: queues[n].descriptors = UInt(value)
    case .queueDriverLow: queues[n].available = UInt(value)
    case .queueDeviceLow: queues[n].used = UInt(value)
    case .interruptAcknowledge: interruptStatus &= ~value
    case .queueNotify:
      notifications[value, default: 0] += 1
      switch value {
      case 3: control()
      case 5: transmit()
      default: break
      }
    default: registers[register] = value
    }
  }

  private func offset(_ address: UInt, _ size: UInt) -> Int {
    precondition(
      address % size == 0 && address >= Self.base, "outside of the memory that was given")
    let offset = Int(address - Self.base)
    precondition(offset + Int(size) <= memory.count, "outside of the memory that was given")
    return offset
  }

  func load8(_ address: UInt) -> UInt8 {
    happen()
    return memory[offset(address, 1)]
  }
  func load16(_ address: UInt) -> UInt16 {
    happen()
    return raw16(address)
  }
  func load32(_ address: UInt) -> UInt32 {
    happen()
    return raw32(address)
  }
  func store8(_ address: UInt, _ value: UInt8) {
    happen()
    memory[offset(address, 1)] = value
  }
  func store16(_ address: UInt, _ value: UInt16) {
    happen()
    setRaw16(address, value)
  }
  func store32(_ address: UInt, _ value: UInt32) {
    happen()
    setRaw32(address, value)
  }
  func store64(_ address: UInt, _ value: UInt64) {
    happen()
    _ = offset(address, 8)
    setRaw32(address, UInt32(truncatingIfNeeded: value))
    setRaw32(address + 4, UInt32(value >> 32))
  }
  func barrier() { happen() }
  func pause() { happen() }

  private func raw16(_ address: UInt) -> UInt16 {
    let n = offset(address, 2)
    return UInt16(memory[n]) | UInt16(memory[n + 1]) << 8
  }
  private func raw32(_ address: UInt) -> UInt32 {
    UInt32(raw16(address)) | UInt32(raw16(address + 2)) << 16
  }
  private func setRaw16(_ address: UInt, _ value: UInt16) {
    let n = offset(address, 2)
    memory[n] = UInt8(truncatingIfNeeded: value)
    memory[n + 1] = UInt8(value >> 8)
  }
  private func setRaw32(_ address: UInt, _ value: UInt32) {
    setRaw16(address, UInt16(truncatingIfNeeded: value))
    setRaw16(address + 2, UInt16(value >> 16))
  }
}
