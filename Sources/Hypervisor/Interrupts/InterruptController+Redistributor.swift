internal import Synchronization

// The guest's accesses of the redistributors (IHI 0069, 12.11).

extension InterruptController where Hardware: ~Copyable {
  /// Completes an access of the redistributor of vCPU `processor` by the vCPU of `interface`, as
  /// `accessDistributor` does. The offset counts from RD_base.
  func accessRedistributor(
    of processor: Int, _ access: RegisterAccess, by interface: inout VirtualCPUInterface
  ) -> UInt64 {
    // Above the two frames are those of virtual LPIs, which are EL2's and stay unused.
    guard access.isAligned && access.offset < 0x2_0000,
      processor >= 0 && processor < processorCount
    else { return 0 }
    let frame = InterruptFrame.redistributor(processor)
    if let field = InterruptRegister.field(inRedistributorAt: access.offset) {
      return accessField(field, in: frame, access, by: &interface)
    }
    switch access.offset {
    case RedistributorOffset.type..<RedistributorOffset.type &+ 8:
      guard access.value == nil, access.size >= 4 else { return 0 }
      let type = RedistributorType.guests(
        hardware.read64(frame, RedistributorOffset.type),
        isLast: lastProcessors >> UInt32(processor) & 1 != 0)
      return Self.part(of: type, access)
    case RedistributorOffset.waker where access.size == 4:
      return accessWaker(of: processor, access, by: interface.processor)
    case RedistributorOffset.control where access.size == 4:
      guard let word = access.word else {
        let value = hardware.read32(frame, access.offset)
        let waits = processor != interface.processor && isRevalidationPending(on: processor)
        return UInt64(waits ? value | RedistributorOffset.writePending : value)
      }
      writeControl(of: processor, word)
      return 0
    case RedistributorOffset.propertyBase..<RedistributorOffset.pendingBase &+ 8
    where access.value != nil:
      writeTableBase(of: processor, access)
      return 0
    case RedistributorOffset.setLPI..<RedistributorOffset.clearLPI &+ 8,
      RedistributorOffset.propertyBase..<RedistributorOffset.pendingBase &+ 8,
      RedistributorOffset.invalidateLPI..<RedistributorOffset.invalidateLPI &+ 8,
      RedistributorOffset.invalidateAll..<RedistributorOffset.invalidateAll &+ 8:
      return passThrough(frame, access)
    default:
      // As in the distributor: the rest may be read.
      return access.value == nil ? passThrough(frame, access) : 0
    }
  }

  /// Completes an access of the redistributor of a core that has no vCPU: it is there to be passed by,
  /// and nothing can be changed. The offset counts from RD_base.
  ///
  /// - Parameters:
  ///   - isLast: whether it is the last of its region that the guest finds.
  ///   - read32: reads a register of the hardware's.
  static func accessUnusedRedistributor(
    _ access: RegisterAccess, isLast: Bool, read32: (_ offset: Int) -> UInt32
  ) -> UInt64 {
    guard access.isAligned, access.value == nil, access.size >= 4 else { return 0 }
    switch access.offset {
    case RedistributorOffset.type..<RedistributorOffset.type &+ 8:
      let type =
        UInt64(read32(RedistributorOffset.type))
        | UInt64(read32(RedistributorOffset.type &+ 4)) << 32
      return part(of: RedistributorType.guests(type, isLast: isLast), access)
    case RedistributorOffset.implementer, RedistributorOffset.identification:
      return access.size == 4 ? UInt64(read32(access.offset)) : 0
    default:
      return 0
    }
  }

  /// What a read of 4 or 8 bytes has of a register of 64 bits.
  private static func part(of value: UInt64, _ access: RegisterAccess) -> UInt64 {
    access.size == 8 ? value : value >> (UInt64(access.offset & 4) &* 8) & 0xffff_ffff
  }

  /// GICR_WAKER. In hardware the redistributor is awake as long as EL2 needs it; the guest's own
  /// bit says whether its vCPU gets anything, and takes effect at once.
  private func accessWaker(
    of processor: Int, _ access: RegisterAccess, by author: Int
  ) -> UInt64 {
    guard distributor.hasSingleSecurityState else { return 0 }
    if let word = access.word {
      redistributors[processor].setAsleep(word & RedistributorOffset.processorSleep != 0)
      changed(for: processor, by: author)
      return 0
    }
    let asleep = RedistributorOffset.processorSleep | RedistributorOffset.childrenAsleep
    return redistributors[processor].isAsleep ? UInt64(asleep) : 0
  }

  // MARK: LPI tables

  // The redistributor reads and writes memory where GICR_PROPBASER and GICR_PENDBASER say, past stage 2.
  // It does so while GICR_CTLR.EnableLPIs is 1. So LPIs stay off where a table would be in EL2's memory,
  // and no table moves there while they are on. With LPIs off a register holds anything: a guest may
  // write an address in two halves. A core's registers are any vCPU's to write, hence the lock.

  private func writeControl(of processor: Int, _ word: UInt32) {
    lockTables()
    defer { unlockTables() }
    let frame = InterruptFrame.redistributor(processor)
    let isAllowed =
      isAllowedTable(properties: hardware.read64(frame, RedistributorOffset.propertyBase))
      && isAllowedTable(pending: hardware.read64(frame, RedistributorOffset.pendingBase))
    let refused = isAllowed ? 0 : RedistributorOffset.enableLPIs
    hardware.write32(frame, RedistributorOffset.control, word & ~refused)
  }

  /// A write of GICR_PROPBASER or GICR_PENDBASER.
  private func writeTableBase(of processor: Int, _ access: RegisterAccess) {
    guard let value = access.value, access.size >= 4 else { return }
    lockTables()
    defer { unlockTables() }
    let frame = InterruptFrame.redistributor(processor)
    let base = access.offset & ~7
    var merged = value
    if access.size == 4 {
      let shift = UInt64(access.offset & 4) &* 8
      merged = hardware.read64(frame, base) & ~(0xffff_ffff << shift)
      merged |= (value & 0xffff_ffff) << shift
    }
    if base == RedistributorOffset.propertyBase {
      // IDbits, [4:0]: LPIs that EL2 could not queue must not be delivered.
      merged = merged & ~0x1f | min(merged & 0x1f, Self.mostNumberBits &- 1)
      guard isAllowedTable(properties: merged) || !usesLPIs else { return }
    } else {
      guard isAllowedTable(pending: merged) || !usesLPIs else { return }
    }
    hardware.write64(frame, base, merged)
  }

  /// The INTIDs of LPIs have so many bits at most.
  private static var mostNumberBits: UInt64 { 16 }

  /// Whether the table that a GICR_PROPBASER names, a byte for each LPI, is clear of EL2's memory.
  private func isAllowedTable(properties: UInt64) -> Bool {
    // Physical_Address, [51:12]. IDbits, [4:0], is the number of bits less one.
    let ids: UInt64 = 1 << (min(properties & 0x1f, Self.mostNumberBits &- 1) &+ 1)
    return isAllowedTable(
      at: properties & 0x000f_ffff_ffff_f000, size: ids > 8192 ? ids &- 8192 : 0)
  }

  /// Whether the table that a GICR_PENDBASER names, a bit for each INTID, is clear of EL2's memory.
  private func isAllowedTable(pending: UInt64) -> Bool {
    // Physical_Address, [51:16]. GICR_PROPBASER may still be written: its largest IDbits counts.
    isAllowedTable(at: pending & 0x000f_ffff_ffff_0000, size: (1 << Self.mostNumberBits) / 8)
  }

  private func isAllowedTable(at address: UInt64, size: UInt64) -> Bool {
    !hardware.hypervisorMemory.overlaps(address..<address &+ size)
  }

  /// Whether any redistributor may use its tables: several may have one GICR_PROPBASER in common
  /// (GICR_TYPER.CommonLPIAff), and one that is switched off still does until RWP is clear.
  private var usesLPIs: Bool {
    for processor in 0..<processorCount {
      let control = hardware.read32(
        .redistributor(processor), RedistributorOffset.control)
      if control & (RedistributorOffset.enableLPIs | RedistributorOffset.writePending) != 0 {
        return true
      }
    }
    return false
  }

  /// For a few accesses of registers; the others spin.
  private func lockTables() {
    while lpiTables.exchange(true, ordering: .acquiring) {}
  }

  private func unlockTables() { lpiTables.store(false, ordering: .releasing) }

  @discardableResult
  private func passThrough(_ frame: InterruptFrame, _ access: RegisterAccess) -> UInt64 {
    switch (access.size, access.value) {
    case (4, let value?):
      hardware.write32(frame, access.offset, UInt32(truncatingIfNeeded: value))
    case (8, let value?):
      hardware.write64(frame, access.offset, value)
    case (4, nil):
      return UInt64(hardware.read32(frame, access.offset))
    case (8, nil):
      return hardware.read64(frame, access.offset)
    default:
      break
    }
    return 0
  }
}
