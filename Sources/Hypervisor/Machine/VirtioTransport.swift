internal import EL2Support

/// The registers of one virtio-mmio transport (Virtual I/O Device 1.2, section 4.2), version 2 and
/// the legacy version 1 that QEMU still offers by default.
struct VirtioTransport {
  /// Physical address of the registers.
  let base: UInt

  enum Register: UInt {
    case magicValue = 0x000
    case version = 0x004
    case deviceID = 0x008
    case deviceFeatures = 0x010
    case deviceFeaturesSelect = 0x014
    case driverFeatures = 0x020
    case driverFeaturesSelect = 0x024
    case guestPageSize = 0x028  // legacy
    case queueSelect = 0x030
    case queueSizeMaximum = 0x034
    case queueSize = 0x038
    case queueAlign = 0x03c  // legacy
    case queuePage = 0x040  // legacy
    case queueReady = 0x044
    case queueNotify = 0x050
    case interruptStatus = 0x060
    case interruptAcknowledge = 0x064
    case status = 0x070
    case queueDescriptorsLow = 0x080
    case queueDescriptorsHigh = 0x084
    case queueDriverLow = 0x090
    case queueDriverHigh = 0x094
    case queueDeviceLow = 0x0a0
    case queueDeviceHigh = 0x0a4
  }

  /// Device status bits (section 2.1).
  enum Status {
    static let acknowledge: UInt32 = 1
    static let driver: UInt32 = 2
    static let driverOK: UInt32 = 4
    static let featuresOK: UInt32 = 8
  }

  static let magic: UInt32 = 0x7472_6976  // "virt"
  static let console: UInt32 = 3

  func read(_ register: Register) -> UInt32 {
    el2_mmio_read32(base &+ register.rawValue)
  }

  func write(_ register: Register, _ value: UInt32) {
    // What the device is about to be told of must be in memory before it is told.
    el2_dsb_sy()
    el2_mmio_write32(base &+ register.rawValue, value)
  }

  /// Whether a virtio console sits on this transport.
  var isConsole: Bool {
    read(.magicValue) == Self.magic && read(.deviceID) == Self.console
  }

  var isLegacy: Bool { read(.version) == 1 }
}

/// One split virtqueue (section 2.7) in EL2's memory, with a buffer of its own behind each
/// descriptor: descriptor n always is buffer n.
struct Virtqueue {
  /// Entries; a power of two.
  static let size: UInt16 = 8
  /// Bytes of descriptors, rings and padding: the legacy layout puts the used ring on a page of its
  /// own, and the modern one does not mind.
  static let ringBytes: UInt = 8192

  private let index: UInt32
  private let rings: UInt
  private let buffers: UInt
  /// Bytes of each buffer.
  let bufferSize: UInt32
  private var available: UInt16 = 0
  private var used: UInt16 = 0

  private var descriptors: UInt { rings }
  private var availableRing: UInt { rings &+ 16 &* UInt(Self.size) }
  private var usedRing: UInt { rings &+ 4096 }

  /// - Parameters:
  ///   - index: the device's number of the queue.
  ///   - rings: ``ringBytes`` of zeroed memory on a page boundary.
  ///   - buffers: ``size`` times `bufferSize` bytes.
  init(index: UInt32, rings: UInt, buffers: UInt, bufferSize: UInt32) {
    self.index = index
    self.rings = rings
    self.buffers = buffers
    self.bufferSize = bufferSize
  }

  /// Tells the device where the queue is.
  ///
  /// - Returns: false if the device has no such queue or a smaller one.
  @inline(never)
  func attach(to transport: VirtioTransport) -> Bool {
    transport.write(.queueSelect, index)
    guard transport.read(.queueSizeMaximum) >= UInt32(Self.size) else { return false }
    transport.write(.queueSize, UInt32(Self.size))
    if transport.isLegacy {
      transport.write(.queueAlign, 4096)
      transport.write(.queuePage, UInt32(truncatingIfNeeded: rings / 4096))
    } else {
      transport.write(.queueDescriptorsLow, UInt32(truncatingIfNeeded: descriptors))
      transport.write(.queueDescriptorsHigh, UInt32(truncatingIfNeeded: descriptors &>> 32))
      transport.write(.queueDriverLow, UInt32(truncatingIfNeeded: availableRing))
      transport.write(.queueDriverHigh, UInt32(truncatingIfNeeded: availableRing &>> 32))
      transport.write(.queueDeviceLow, UInt32(truncatingIfNeeded: usedRing))
      transport.write(.queueDeviceHigh, UInt32(truncatingIfNeeded: usedRing &>> 32))
      transport.write(.queueReady, 1)
    }
    return true
  }

  func notify(_ transport: VirtioTransport) { transport.write(.queueNotify, index) }

  /// Address of the buffer behind descriptor `n`.
  func buffer(_ n: UInt16) -> UInt {
    buffers &+ UInt(n & (Self.size &- 1)) &* UInt(bufferSize)
  }

  /// Hands buffer `n` to the device: `length` bytes to read, or, with `deviceWrites`, to fill.
  @inline(never)
  mutating func offer(_ n: UInt16, length: UInt32, deviceWrites: Bool) {
    let descriptor = descriptors &+ 16 &* UInt(n)
    el2_mmio_write64(descriptor, UInt64(buffer(n)))
    el2_mmio_write32(descriptor &+ 8, length)
    el2_mmio_write32(descriptor &+ 12, deviceWrites ? 2 : 0)  // flags, no next
    el2_mmio_write16(availableRing &+ 4 &+ 2 &* UInt(available & (Self.size &- 1)), n)
    available &+= 1
    el2_dsb_sy()  // the entry before the index that makes it visible
    el2_mmio_write16(availableRing &+ 2, available)
  }

  /// Hands all buffers to the device, to fill.
  @inline(never)
  mutating func offerAll() {
    for n in 0..<Self.size { offer(n, length: bufferSize, deviceWrites: true) }
  }

  /// The next buffer that the device has finished with and how many bytes it wrote, or nil.
  @inline(never)
  mutating func takeUsed() -> (buffer: UInt16, length: UInt32)? {
    guard el2_mmio_read16(usedRing &+ 2) != used else { return nil }
    el2_dsb_sy()  // the index before the entry that it announces
    let element = usedRing &+ 4 &+ 8 &* UInt(used & (Self.size &- 1))
    used &+= 1
    let id = UInt16(truncatingIfNeeded: el2_mmio_read32(element)) & (Self.size &- 1)
    return (id, min(el2_mmio_read32(element &+ 4), bufferSize))
  }

  /// Whether ``takeUsed()`` has one to give.
  var hasUsed: Bool { el2_mmio_read16(usedRing &+ 2) != used }

  /// How many buffers are with the device.
  var outstanding: UInt16 { available &- used }
}
