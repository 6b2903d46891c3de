internal import DeviceTree

/// The registers with which a machine ends that has no firmware to do so.
protocol PowerRegisters: ~Copyable {
  /// Reads the 32-bit register at a physical address; nil if the access fails.
  mutating func read(_ address: UInt64) -> UInt32?
  mutating func write(_ address: UInt64, _ value: UInt32)
}

/// The power manager of a Raspberry Pi, whose watchdog resets the machine (Linux, drivers/watchdog/bcm2835_wdt.c). A
/// boot loader without PSCI leaves it to the operating system, and that leaves it to the PSCI which EL2 offers.
struct PowerManager: Equatable {
  /// The physical address of its registers.
  let base: UInt64

  /// The first operational one of a device tree; nil if there is none.
  init?(_ tree: DeviceTree) {
    let models: InlineArray<3, DeviceTree.Text> = [
      "brcm,bcm2835-pm-wdt", "brcm,bcm2835-pm", "brcm,bcm2711-pm",
    ]
    for index in models.indices {
      var nodes = tree.enabledNodes(compatibleWith: models[index])
      if let node = nodes.next(), let region = try? node.region(0) {
        base = region.address
        return
      }
    }
    return nil
  }

  init(base: UInt64) { self.base = base }

  /// Starts what resets the machine after some 150 microseconds.
  ///
  /// - Parameter isOff: whether it stays off then: the boot firmware finds partition 63 to boot from, which means that.
  func end<Registers: PowerRegisters & ~Copyable>(isOff: Bool, by registers: inout Registers) {
    if isOff, let status = registers.read(base &+ Self.status) {
      registers.write(base &+ Self.status, status | Self.password | Self.partition63)
    }
    // In ticks of 16 microseconds.
    registers.write(base &+ Self.timeout, Self.password | 10)
    let control = registers.read(base &+ Self.control) ?? 0
    registers.write(
      base &+ Self.control, control & ~Self.configuration | Self.password | Self.fullReset)
  }

  // PM_RSTC, PM_RSTS, PM_WDOG and their fields.
  private static let control: UInt64 = 0x1c
  private static let status: UInt64 = 0x20
  private static let timeout: UInt64 = 0x24
  /// Bits [31:24] of every write; they read as 0.
  private static let password: UInt32 = 0x5a00_0000
  private static let configuration: UInt32 = 0x30
  private static let fullReset: UInt32 = 0x20
  private static let partition63: UInt32 = 0x555
}

/// Those of the machine, on the link core.
struct CorePowerRegisters: PowerRegisters {
  mutating func read(_ address: UInt64) -> UInt32? {
    GuestDevices.access(PhysicalAddress(address), size: 4, writing: nil).map {
      UInt32(truncatingIfNeeded: $0)
    }
  }

  mutating func write(_ address: UInt64, _ value: UInt32) {
    _ = GuestDevices.access(PhysicalAddress(address), size: 4, writing: UInt64(value))
  }
}
