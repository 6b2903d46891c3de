internal import EL2Support

/// A virtio device as its driver sees it: the registers of its transport, and the memory that driver
/// and device share. The real one is `VirtioTransport`; the tests have a model of a device.
///
/// Addresses are physical ones, which EL2 maps one to one, and aligned to the size of the access. The
/// device is coherent: neither side maintains caches.
protocol VirtioHardware: ~Copyable {
  func read(_ register: VirtioRegister) -> UInt32

  /// Writes a register, after everything that was stored before is visible to the device.
  func write(_ register: VirtioRegister, _ value: UInt32)

  // The queues lie in the storage that the linker script sets aside for them (`__link_storage_start`).
  func load8(_ address: UInt) -> UInt8
  func load16(_ address: UInt) -> UInt16
  func load32(_ address: UInt) -> UInt32
  func store8(_ address: UInt, _ value: UInt8)
  func store16(_ address: UInt, _ value: UInt16)
  func store32(_ address: UInt, _ value: UInt32)
  func store64(_ address: UInt, _ value: UInt64)

  /// Orders the loads and stores before it and those after it, as the device sees them.
  func barrier()

  /// Lets a microsecond pass.
  func pause()
}

extension VirtioHardware where Self: ~Copyable {
  /// Whether the transport has the legacy layout of version 1.
  var isLegacy: Bool { read(.version) == 1 }
}

/// The registers of a virtio-mmio transport (Virtual I/O Device 1.2, section 4.2), version 2 and the
/// legacy version 1 that QEMU still offers by default: the raw value is the offset.
enum VirtioRegister: UInt {
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

/// Device status (section 2.1).
struct VirtioStatus: FlagSet {
  var rawValue: UInt32

  /// ACKNOWLEDGE: the driver has found the device.
  static var acknowledge: Self { Self(rawValue: 1 << 0) }
  /// DRIVER: it knows how to drive it.
  static var driver: Self { Self(rawValue: 1 << 1) }
  /// DRIVER_OK: the device may work.
  static var driverOK: Self { Self(rawValue: 1 << 2) }
  /// FEATURES_OK: the features are chosen.
  static var featuresOK: Self { Self(rawValue: 1 << 3) }
}

/// The features of a console that EL2 uses (sections 5.3.3 and 6), as the two words that are selected one at a
/// time.
enum VirtioFeatures {
  /// VIRTIO_CONSOLE_F_MULTIPORT, in word 0.
  static var multiport: UInt32 { 1 << 1 }
  /// VIRTIO_F_VERSION_1, bit 32, in word 1.
  static var version1: UInt32 { 1 << 0 }
}

/// One virtio-mmio transport of the machine.
struct VirtioTransport: VirtioHardware {
  /// Physical address of the registers.
  let base: UInt

  static let magic: UInt32 = 0x7472_6976  // "virt"
  static let console: UInt32 = 3

  func read(_ register: VirtioRegister) -> UInt32 {
    // The base is that of the transport which the device tree names, and its page is mapped.
    unsafe el2_mmio_read32(base &+ register.rawValue)
  }

  func write(_ register: VirtioRegister, _ value: UInt32) {
    // What a write announces must be in memory before the device sees the write.
    el2_dsb_sy()
    // As in the read.
    unsafe el2_mmio_write32(base &+ register.rawValue, value)
  }

  /// Whether a virtio console sits on this transport.
  var isConsole: Bool {
    read(.magicValue) == Self.magic && read(.deviceID) == Self.console
  }

  func load8(_ address: UInt) -> UInt8 { unsafe el2_mmio_read8(address) }
  func load16(_ address: UInt) -> UInt16 { unsafe el2_mmio_read16(address) }
  func load32(_ address: UInt) -> UInt32 { unsafe el2_mmio_read32(address) }
  func store8(_ address: UInt, _ value: UInt8) { unsafe el2_mmio_write8(address, value) }
  func store16(_ address: UInt, _ value: UInt16) { unsafe el2_mmio_write16(address, value) }
  func store32(_ address: UInt, _ value: UInt32) { unsafe el2_mmio_write32(address, value) }
  func store64(_ address: UInt, _ value: UInt64) { unsafe el2_mmio_write64(address, value) }

  func barrier() { el2_dsb_sy() }

  func pause() {
    let start = el2_read_cntpct_el0()
    let ticks = el2_read_cntfrq_el0() / 1_000_000
    while el2_read_cntpct_el0() &- start < ticks {}
  }
}
