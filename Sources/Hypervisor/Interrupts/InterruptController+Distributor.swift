// The guest's accesses of the distributor (IHI 0069, 12.9).

/// Offsets in the distributor.
enum DistributorOffset {
  static var control: Int { 0x0000 }
  static var type: Int { 0x0004 }
  static var type2: Int { 0x000c }

  /// GICD_SETSPI_NSR, GICD_CLRSPI_NSR and the Secure two: the INTID that is written becomes
  /// pending, or not pending.
  static func isMessage(_ offset: Int) -> Bool {
    offset == 0x40 || offset == 0x48 || offset == 0x50 || offset == 0x58
  }
}

extension InterruptController where Hardware: ~Copyable {
  /// Completes an access of the distributor by the vCPU of `interface`. Returns what is read, and 0
  /// for a write. What the architecture gives no meaning (an unaligned access, a size that a
  /// register does not have) reads as 0 and is ignored when written.
  ///
  /// Whoever calls this calls `synchronize` before the guest goes on.
  func accessDistributor(
    _ access: RegisterAccess, by interface: inout VirtualCPUInterface
  ) -> UInt64 {
    guard access.isAligned && access.offset < 0x1_0000 else { return 0 }
    if let field = InterruptRegister.field(inDistributorAt: access.offset) {
      return accessField(field, in: .distributor, access, by: &interface)
    }
    switch (access.offset, access.word) {
    case (DistributorOffset.control, let word) where access.size == 4:
      guard let word else { return UInt64(guestControl(interface.processor)) }
      if distributor.enableGroups(control: word) { changedForAll(by: interface.processor) }
      return 0
    case (DistributorOffset.type, nil) where access.size == 4:
      return UInt64(guestType)
    case (let offset, let word?)
    where DistributorOffset.isMessage(offset) && (access.size == 4 || access.size == 2):
      let number = InterruptNumber(word & 0x1fff)
      if number.kind == .spi && !own.contains(number) {
        hardware.write32(.distributor, access.offset, number.rawValue)
      }
      return 0
    case (DistributorOffset.type2, nil):
      // Virtual PEs, and SGIs without an active state, which the guest's virtual ones have.
      return 0
    case (_, nil) where access.size == 4:
      // Identification and the like is the hardware's own.
      return UInt64(hardware.read32(.distributor, access.offset))
    default:
      // What is IMPLEMENTATION DEFINED may turn the controller off under EL2: not to be written.
      return 0
    }
  }

  /// GICD_CTLR as the guest has it. RWP also stands for the vCPUs that have not yet looked at what
  /// changed: until they have, one may still take an interrupt that was disabled.
  private func guestControl(_ reader: Int) -> UInt32 {
    let control = hardware.read32(.distributor, DistributorOffset.control)
    var value =
      control & ~(DistributorControl.enableGroup0 | DistributorControl.enableGroup1)
      | distributor.enabledGroups.rawValue
    for processor in 0..<processorCount
    where processor != reader && isRevalidationPending(on: processor) {
      value |= DistributorControl.writePending
    }
    return value
  }

  /// GICD_TYPER without what cannot be given to the guest: more than 16 bits of INTID (there would
  /// be no place for such an LPI to wait), routing to one of many (EL2 would acknowledge an
  /// interrupt for a vCPU that does not take it), direct injection of virtual LPIs (DVIS) and
  /// non-maskable interrupts.
  private var guestType: UInt32 {
    let value = hardware.read32(.distributor, DistributorOffset.type)
    let numberBits = min(value >> 19 & 0x1f, 15)
    return value & ~(0x1f << 19 | 1 << 18 | 1 << 9) | numberBits << 19 | 1 << 25
  }
}
