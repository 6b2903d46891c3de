// The guest's accesses of a GICv3's redistributors (IHI 0069, 12.11).

extension InterruptController where Hardware: GICv3Access & ~Copyable {
  /// Completes an access of the redistributor of vCPU `processor` by the vCPU of `interface`, as
  /// `accessDistributor` does. The offset counts from RD_base.
  func accessRedistributor(
    of processor: Int, _ access: RegisterAccess, by interface: inout VirtualCPUInterface
  ) -> UInt64 {
    // Above the two frames are those of virtual LPIs, which are EL2's and stay unused.
    guard access.isAligned && access.offset < GICR.size,
      processor >= 0 && processor < processorCount
    else { return 0 }
    let frame = GICv3Frame.redistributor(processor)
    if let field = InterruptRegister.field(inRedistributorAt: access.offset) {
      return accessField(field, ofProcessor: processor, access, by: &interface)
    }
    switch access.offset {
    case GICR.wide(GICR.typer):
      guard access.value == nil, access.size >= 4 else { return 0 }
      let type = GICR_TYPER(rawValue: hardware.read64(frame, GICR.typer))
      return Self.part(
        of: type.guests(isLast: hardware.isLastRedistributor(processor)).rawValue, access)
    case GICR.waker where access.size == 4:
      return accessWaker(of: processor, access, by: interface.processor)
    case GICR.ctlr where access.size == 4:
      guard let word = access.word else {
        var control = GICR_CTLR(rawValue: hardware.read32(frame, GICR.ctlr))
        if processor != interface.processor && isRevalidationPending(on: processor) {
          control.insert(.rwp)
        }
        return UInt64(control.rawValue)
      }
      writeControl(of: processor, GICR_CTLR(rawValue: word))
      return 0
    case GICR.wide(GICR.propbaser), GICR.wide(GICR.pendbaser):
      guard access.value != nil else { return passThrough(frame, access) }
      writeTableBase(of: processor, access)
      return 0
    case GICR.wide(GICR.setlpir), GICR.wide(GICR.clrlpir), GICR.wide(GICR.invlpir),
      GICR.wide(GICR.invallr):
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
    case GICR.wide(GICR.typer):
      let type = GICR_TYPER(
        rawValue: UInt64(read32(GICR.typer)) | UInt64(read32(GICR.typer &+ 4)) << 32)
      return part(of: type.guests(isLast: isLast).rawValue, access)
    case GICR.iidr, GICR.identification:
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
    guard sharedInterrupts.hasSingleSecurityState else { return 0 }
    var waker = GICR_WAKER.none
    if let word = access.word {
      privateInterrupts[processor].setAsleep(GICR_WAKER(rawValue: word).contains(.processorSleep))
      changed(for: processor, by: author)
    } else if privateInterrupts[processor].isAsleep {
      waker.insert(.processorSleep)
      waker.insert(.childrenAsleep)
    }
    return UInt64(waker.rawValue)
  }

  // MARK: LPI tables

  // The redistributor reads and writes memory where GICR_PROPBASER and GICR_PENDBASER say, past stage 2.
  // It does so while GICR_CTLR.EnableLPIs is 1. So LPIs stay off where a table would be in EL2's memory,
  // and no table moves there while they are on. With LPIs off a register holds anything: a guest may
  // write an address in two halves. Any vCPU may write the registers of any other, hence the lock.

  private func writeControl(of processor: Int, _ control: GICR_CTLR) {
    hardware.lockLPITables()
    defer { hardware.unlockLPITables() }
    let frame = GICv3Frame.redistributor(processor)
    var control = control
    if !isAllowed(GICR_PROPBASER(rawValue: hardware.read64(frame, GICR.propbaser)))
      || !isAllowed(GICR_PENDBASER(rawValue: hardware.read64(frame, GICR.pendbaser)))
    {
      control.remove(.enableLPIs)
    }
    hardware.write32(frame, GICR.ctlr, control.rawValue)
  }

  /// A write of GICR_PROPBASER or GICR_PENDBASER.
  private func writeTableBase(of processor: Int, _ access: RegisterAccess) {
    guard let value = access.value, access.size >= 4 else { return }
    hardware.lockLPITables()
    defer { hardware.unlockLPITables() }
    let frame = GICv3Frame.redistributor(processor)
    let base = access.offset & ~7
    var merged = value
    if access.size == 4 {
      let shift = UInt64(access.offset & 4) &* 8
      merged = hardware.read64(frame, base) & ~(0xffff_ffff << shift)
      merged |= (value & 0xffff_ffff) << shift
    }
    if base == GICR.propbaser {
      // EL2 could not queue an LPI with more bits, so none is delivered.
      var properties = GICR_PROPBASER(rawValue: merged)
      properties.idBits = min(properties.idBits, Self.mostNumberBits &- 1)
      guard isAllowed(properties) || !usesLPIs else { return }
      merged = properties.rawValue
    } else {
      guard isAllowed(GICR_PENDBASER(rawValue: merged)) || !usesLPIs else { return }
    }
    hardware.write64(frame, base, merged)
  }

  /// The INTIDs of LPIs have so many bits at most.
  private static var mostNumberBits: UInt64 { 16 }

  /// Whether the table with a byte for each LPI is clear of EL2's memory.
  private func isAllowed(_ table: GICR_PROPBASER) -> Bool {
    let numbers: UInt64 = 1 << (min(table.idBits, Self.mostNumberBits &- 1) &+ 1)
    return isAllowedTable(at: table.address, size: numbers > 8192 ? numbers &- 8192 : 0)
  }

  /// Whether the table with a bit for each INTID is clear of EL2's memory. GICR_PROPBASER may still be
  /// written, so the table is as large as the largest IDbits makes it.
  private func isAllowed(_ table: GICR_PENDBASER) -> Bool {
    isAllowedTable(at: table.address, size: (1 << Self.mostNumberBits) / 8)
  }

  private func isAllowedTable(at address: UInt64, size: UInt64) -> Bool {
    !hardware.hypervisorMemory.overlaps(address..<address &+ size)
  }

  /// Whether any redistributor may use its tables: several may have one GICR_PROPBASER in common
  /// (GICR_TYPER.CommonLPIAff), and one that is switched off still does until RWP is clear.
  private var usesLPIs: Bool {
    for processor in 0..<processorCount {
      let control = GICR_CTLR(rawValue: hardware.read32(.redistributor(processor), GICR.ctlr))
      if control.contains(.enableLPIs) || control.contains(.rwp) { return true }
    }
    return false
  }

  @discardableResult
  private func passThrough(_ frame: GICv3Frame, _ access: RegisterAccess) -> UInt64 {
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
