/// One split virtqueue (Virtual I/O Device 1.2, section 2.7) in memory that the driver shares with the
/// device. Each buffer is one descriptor.
///
/// The device may write anything into that memory. What it returns is therefore checked against what it
/// was offered: only buffers that it has, and no more bytes than there was room for.
struct Virtqueue {
  /// How many entries a queue has; a power of two. QEMU's control queues have no more.
  static var size: UInt16 { 32 }
  /// Bytes of descriptors, rings and padding: the legacy layout puts the used ring on a page of its
  /// own, and the modern one does not mind.
  static var ringBytes: UInt { 8192 }

  /// What the device has done with its buffers.
  enum Returned: Equatable {
    case nothing
    /// It is done with buffer `n`, in which it wrote `length` bytes.
    case buffer(n: UInt16, length: UInt32)
    /// It returned a buffer that it did not have. Nothing else in the queue means anything then.
    case garbage
  }

  private let index: UInt32
  private let rings: UInt
  private var available: UInt16 = 0
  private var used: UInt16 = 0
  /// The buffers that are with the device, a bit each.
  private var withDevice: UInt32 = 0
  private var lengths = InlineArray<32, UInt32>(repeating: 0)

  /// virtq_desc (section 2.7.5).
  private enum Descriptor {
    static var size: UInt { 16 }
    static var address: UInt { 0 }
    static var length: UInt { 8 }
    /// The flags, and in the upper half the next descriptor, which there never is.
    static var flags: UInt { 12 }
    /// VIRTQ_DESC_F_WRITE: the device writes the buffer.
    static var write: UInt32 { 1 << 1 }
  }

  /// virtq_avail (section 2.7.6).
  private enum Available {
    /// The flags, and in the upper half the index.
    static var flags: UInt { 0 }
    static var index: UInt { 2 }
    static func entry(_ n: UInt16) -> UInt { 4 &+ 2 &* UInt(n & (size &- 1)) }
  }

  /// virtq_used (section 2.7.8). The index is the upper half of the first word, as in the other ring.
  private enum Used {
    static var flags: UInt { 0 }
    static var index: UInt { 2 }
    static func id(_ n: UInt16) -> UInt { 4 &+ 8 &* UInt(n & (size &- 1)) }
    static func length(_ n: UInt16) -> UInt { id(n) &+ 4 }
  }

  private var descriptors: UInt { rings }
  private var availableRing: UInt { rings &+ Descriptor.size &* UInt(Self.size) }
  private var usedRing: UInt { rings &+ Self.ringBytes / 2 }

  /// - Parameters:
  ///   - index: the device's number of the queue.
  ///   - rings: ``ringBytes`` of memory on a page boundary.
  init(index: UInt32, rings: UInt) {
    self.index = index
    self.rings = rings
  }

  /// Tells the device where the queue is. The device must have been reset, so that it has no buffer.
  ///
  /// - Returns: false if the device has no such queue or a smaller one.
  mutating func attach(to hardware: borrowing some VirtioHardware & ~Copyable) -> Bool {
    available = 0
    used = 0
    withDevice = 0
    hardware.store32(availableRing &+ Available.flags, 0)
    hardware.store32(usedRing &+ Used.flags, 0)
    hardware.write(.queueSelect, index)
    guard hardware.read(.queueSizeMaximum) >= UInt32(Self.size) else { return false }
    hardware.write(.queueSize, UInt32(Self.size))
    if hardware.isLegacy {
      hardware.write(.queueAlign, 4096)
      hardware.write(.queuePage, UInt32(truncatingIfNeeded: rings / 4096))
    } else {
      hardware.write(.queueDescriptorsLow, UInt32(truncatingIfNeeded: descriptors))
      hardware.write(.queueDescriptorsHigh, UInt32(truncatingIfNeeded: descriptors &>> 32))
      hardware.write(.queueDriverLow, UInt32(truncatingIfNeeded: availableRing))
      hardware.write(.queueDriverHigh, UInt32(truncatingIfNeeded: availableRing &>> 32))
      hardware.write(.queueDeviceLow, UInt32(truncatingIfNeeded: usedRing))
      hardware.write(.queueDeviceHigh, UInt32(truncatingIfNeeded: usedRing &>> 32))
      hardware.write(.queueReady, 1)
    }
    return true
  }

  /// Has the device look at what it was offered.
  func notify(_ hardware: borrowing some VirtioHardware & ~Copyable) {
    hardware.write(.queueNotify, index)
  }

  /// Hands the `length` bytes at `address` to the device as buffer `n`, which must not be with it. The device
  /// reads them, or with `deviceWrites` fills them.
  mutating func offer(
    _ n: UInt16, _ address: UInt, length: UInt32, deviceWrites: Bool,
    _ hardware: borrowing some VirtioHardware & ~Copyable
  ) {
    let n = n & (Self.size &- 1)
    withDevice |= 1 &<< UInt32(n)
    lengths[Int(n)] = length
    let descriptor = descriptors &+ Descriptor.size &* UInt(n)
    hardware.store64(descriptor &+ Descriptor.address, UInt64(address))
    hardware.store32(descriptor &+ Descriptor.length, length)
    hardware.store32(descriptor &+ Descriptor.flags, deviceWrites ? Descriptor.write : 0)
    hardware.store16(availableRing &+ Available.entry(available), n)
    available &+= 1
    hardware.barrier()  // the entry before the index that makes it visible
    hardware.store16(availableRing &+ Available.index, available)
  }

  /// Takes back the next buffer that the device is done with.
  mutating func takeReturned(_ hardware: borrowing some VirtioHardware & ~Copyable) -> Returned {
    let announced = hardware.load16(usedRing &+ Used.index)
    guard announced != used else { return .nothing }
    guard announced &- used <= outstanding else { return .garbage }
    hardware.barrier()  // the index before the entry that it announces
    let id = hardware.load32(usedRing &+ Used.id(used))
    guard id < UInt32(Self.size), isWithDevice(UInt16(id)) else { return .garbage }
    let length = hardware.load32(usedRing &+ Used.length(used))
    used &+= 1
    withDevice &= ~(1 &<< id)
    return .buffer(n: UInt16(id), length: min(length, lengths[Int(id)]))
  }

  /// Whether ``takeReturned(_:)`` would return something.
  func hasReturned(_ hardware: borrowing some VirtioHardware & ~Copyable) -> Bool {
    hardware.load16(usedRing &+ Used.index) != used
  }

  /// Whether the device has returned every buffer that it had, and may have wanted another.
  func isExhausted(_ hardware: borrowing some VirtioHardware & ~Copyable) -> Bool {
    hardware.load16(usedRing &+ Used.index) &- used == outstanding
  }

  /// Whether buffer `n` is with the device.
  func isWithDevice(_ n: UInt16) -> Bool { withDevice & 1 &<< UInt32(n & (Self.size &- 1)) != 0 }

  /// How many buffers are with the device.
  var outstanding: UInt16 { UInt16(truncatingIfNeeded: withDevice.nonzeroBitCount) }
}
