/// The registers of a GICv2, one access at a time. The real ones are `GICv2Hardware`; the tests have a model.
/// `GICv2+VirtualInterface.swift` and `GICv2+DistributorHardware.swift` make of them what the policy asks for, so
/// that this half is tested on the host as well.
///
/// All of them are memory. GICC, GICH and the registers of SGIs and PPIs in GICD are banked: an access reaches
/// those of the core that makes it, and there is no way to another core's.
protocol GICv2Access: VirtualInterface, DistributorHardware, ~Copyable {
  /// One access. `offset` is within the frame and aligned to the size. Reading GICC_IAR acknowledges.
  func read8(_ frame: GICv2Frame, _ offset: Int) -> UInt8
  func read32(_ frame: GICv2Frame, _ offset: Int) -> UInt32
  func write8(_ frame: GICv2Frame, _ offset: Int, _ value: UInt8)
  func write32(_ frame: GICv2Frame, _ offset: Int, _ value: UInt32)

  /// Waits until the accesses before are complete: DSB. What was written has an effect on the instructions
  /// behind it only then; an ISB alone orders nothing in memory.
  func complete()

  /// The number of a core's CPU interface, as the one bit of a target list that is its; 0 before the core has
  /// come up, because only the core itself can read it.
  func interfaceBit(of processor: Int) -> UInt8
  func setInterfaceBit(of processor: Int, _ value: UInt8)

  /// With two Security states the guest is Non-secure software and has group 1 only, which it enables by bit 0
  /// of GICC_CTLR. The virtual CPU interface knows no Security: there that bit is group 0's, and a disabled FIQEn
  /// makes an IRQ of it. So what is group 1 to the guest, and to the policy, is offered as group 0.
  var guestHasGroup1Only: Bool { get }
}

/// A block of memory-mapped registers.
enum GICv2Frame: Equatable, Sendable {
  /// GICD.
  case distributor
  /// GICC of the executing core.
  case cpuInterface
  /// GICH of the executing core.
  case virtualControl
}
