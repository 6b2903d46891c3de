/// One split virtqueue (Virtual I/O Device 1.2, section 2.7) in memory that the driver shares with the
/// device. Each buffer is one descriptor.
///
/// The device may write anything into that memory. What it says is therefore checked against what it
/// was offered: it can return only what it has, and no more bytes than there was room for.
struct Virtqueue {
  /// Entries; a power of two. QEMU's control queues have no more.
  static var size: UInt16 { 32 }
  /// Bytes of descriptors, rings and padding: the legacy layout puts the used ring on a page of its
  /// own, and the modern one does not mind.
  static var ringBytes: UInt { 8192 }

  /// What the device has done with its buffers.
  enum Returned: Equatable {
    case nothing
    /// It is done with buffer `n`, in which it wrote `length` bytes.
    case buffer(n: UInt16, length: UInt32)
    /// It returned what it was never given. Nothing that it says means anything any more.
    case garbage
  }

  private let index: UInt32
  private let rings: UInt
  private var available: UInt16 = 0
  private var used: UInt16 = 0
  /// The buffers that are with the device, a bit each.
  private var withDevice: UInt32 = 0
  private var lengths = InlineArray<32, UInt32>(repeating: 0)

  private var descriptors: UInt { rings }
  private var availableRing: UInt { rings &+ 16 &* UInt(Self.size) }
  private var usedRing: UInt { rings &+ 4096 }

  /// - Parameters:
  ///   - index: the device's number of the queue.
  ///   - rings: ``ringBytes`` of memory on a page boundary.
  init(index: UInt32, rings: UInt) {
    self.index = index
    self.rings = rings
  }

  /// Tells the device, which has been reset and has no buffer of the driver's any more, where the
  /// queue is.
  ///
  /// - Returns: false if the device has no such queue or a smaller one.
  mutating func attach(to hardware: borrowing some VirtioHardware & ~Copyable) -> Bool {
    available = 0
    used = 0
    withDevice = 0
    hardware.store32(availableRing, 0)  // flags and index
    hardware.store32(usedRing, 0)
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

  /// Hands the `length` bytes at `address` to the device as buffer `n`, which must not be with it:
  /// to be read, or, with `deviceWrites`, to be filled.
  mutating func offer(
    _ n: UInt16, _ address: UInt, length: UInt32, deviceWrites: Bool,
    _ hardware: borrowing some VirtioHardware & ~Copyable
  ) {
    let n = n & (Self.size &- 1)
    withDevice |= 1 &<< UInt32(n)
    lengths[Int(n)] = length
    let descriptor = descriptors &+ 16 &* UInt(n)
    hardware.store64(descriptor, UInt64(address))
    hardware.store32(descriptor &+ 8, length)
    hardware.store32(descriptor &+ 12, deviceWrites ? 2 : 0)  // flags, no next
    hardware.store16(availableRing &+ 4 &+ 2 &* UInt(available & (Self.size &- 1)), n)
    available &+= 1
    hardware.barrier()  // the entry before the index that makes it visible
    hardware.store16(availableRing &+ 2, available)
  }

  /// Takes back the next buffer that the device is done with.
  mutating func takeReturned(_ hardware: borrowing some VirtioHardware & ~Copyable) -> Returned {
    let announced = hardware.load16(usedRing &+ 2)
    guard announced != used else { return .nothing }
    guard announced &- used <= outstanding else { return .garbage }
    hardware.barrier()  // the index before the entry that it announces
    let element = usedRing &+ 4 &+ 8 &* UInt(used & (Self.size &- 1))
    let id = hardware.load32(element)
    guard id < UInt32(Self.size), isWithDevice(UInt16(id)) else { return .garbage }
    used &+= 1
    withDevice &= ~(1 &<< id)
    return .buffer(n: UInt16(id), length: min(hardware.load32(element &+ 4), lengths[Int(id)]))
  }

  /// Whether ``takeReturned(_:)`` has something to say.
  func hasReturned(_ hardware: borrowing some VirtioHardware & ~Copyable) -> Bool {
    hardware.load16(usedRing &+ 2) != used
  }

  /// Whether the device has returned every buffer that it had, and may have wanted another.
  func isExhausted(_ hardware: borrowing some VirtioHardware & ~Copyable) -> Bool {
    hardware.load16(usedRing &+ 2) &- used == outstanding
  }

  /// Whether buffer `n` is with the device.
  func isWithDevice(_ n: UInt16) -> Bool { withDevice & 1 &<< UInt32(n & (Self.size &- 1)) != 0 }

  /// How many buffers are with the device.
  var outstanding: UInt16 { UInt16(truncatingIfNeeded: withDevice.nonzeroBitCount) }
}
