// The guest's accesses of a GICv2's distributor (IHI 0048B.b, 4.3). Its CPU interface is GICV, which stage 2 maps
// where the guest looks for GICC: those accesses do not come to EL2.
//
// An SPI may have several targets, of which the first to acknowledge takes it. EL2 acknowledges, for a vCPU that may
// have its interrupts masked while another has not: then the interrupt waits for that vCPU. Where the core's vCPU is
// off, or stands still, EL2 lets the guest's interrupts be, and another target takes it.

extension InterruptController where Hardware: GICv2Access & ~Copyable {
  /// Completes an access of the distributor by the vCPU of `interface`. Returns what is read, and 0 for a write. What
  /// the architecture gives no meaning (an unaligned access, a size that a register does not have) reads as 0 and is
  /// ignored when written.
  ///
  /// The caller must call `synchronize` before the guest goes on.
  func accessDistributor(
    _ access: RegisterAccess, by interface: inout VirtualCPUInterface
  ) -> UInt64 {
    guard access.isAligned, access.size <= 4, access.offset < GICv2.GICD.size else { return 0 }
    if let field = InterruptRegister.field(inGICv2At: access.offset) {
      return accessField(field, access, by: &interface)
    }
    switch (access.offset, access.word) {
    case (GICv2.GICD.ctlr, let word) where access.size == 4:
      guard let word else { return UInt64(guestGICD_CTLR) }
      let groups = hardware.guestHasGroup1Only ? (word & 1) << 1 : word & 0b11
      enableGroups(InterruptGroups(rawValue: groups), by: interface.processor)
      return 0
    case (GICv2.GICD.sgir, let word?) where access.size == 4:
      requestSGI(GICv2.GICD_SGIR(rawValue: word), from: interface)
      return 0
    case (GICv2.GICD.sgir, _):
      return 0
    case (GICv2.GICD.cpendsgir, _), (GICv2.GICD.spendsgir, _):
      return accessPendingSGIs(access, by: &interface)
    case (GICv2.GICD.lines, nil) where access.size == 4:
      let first = InterruptNumber(UInt32(access.offset &- GICv2.GICD.lines.lowerBound) &* 8)
      return UInt64(hardware.read32(.distributor, access.offset) & ~own.mask(from: first))
    case (_, nil) where access.size == 4:
      // Identification and the like is the hardware's own.
      return UInt64(hardware.read32(.distributor, access.offset))
    default:
      // An IMPLEMENTATION DEFINED register may turn the controller off under EL2, so none is written.
      return 0
    }
  }

  private var guestGICD_CTLR: UInt32 {
    let groups = sharedInterrupts.enabledGroups.rawValue
    return hardware.guestHasGroup1Only ? groups >> 1 : groups
  }

  private func accessField(
    _ field: InterruptField, _ access: RegisterAccess, by interface: inout VirtualCPUInterface
  ) -> UInt64 {
    // Those of SGIs and PPIs are the accessing vCPU's own.
    let processor = field.number.rawValue < 32 ? interface.processor : nil
    return switch field.register {
    case .itargetsr: accessTargets(field.number, access)
    case .ipriorityr:
      accessPriority(field.number, ofProcessor: processor, access, by: &interface)
    case .icfgr: accessConfiguration(field.number, ofProcessor: processor, access)
    default: accessBits(field, ofProcessor: processor, access, by: &interface)
    }
  }

  /// GICD_ITARGETSR, of one byte or four. Those of SGIs and PPIs cannot be written.
  private func accessTargets(_ first: InterruptNumber, _ access: RegisterAccess) -> UInt64 {
    guard access.size == 1 || access.size == 4 else { return 0 }
    var result: UInt64 = 0
    for n in 0..<access.size {
      let number = InterruptNumber(first.rawValue &+ UInt32(n))
      guard number.kind != .special, !own.contains(number) else { continue }
      let shift = UInt64(n) &* 8
      if let value = access.value {
        guard number.kind == .spi else { continue }
        hardware.write8(
          .distributor, access.offset &+ n, UInt8(truncatingIfNeeded: value >> shift))
      } else {
        result |= UInt64(hardware.read8(.distributor, access.offset &+ n)) << shift
      }
    }
    return result
  }

  // MARK: SGIs

  /// The guest writes GICD_SGIR.
  func requestSGI(
    _ request: GICv2.GICD_SGIR, from interface: borrowing VirtualCPUInterface
  ) {
    let source = hardware.interfaceBit(of: interface.processor)
    for processor in 0..<processorCount
    where request.isFor(hardware.interfaceBit(of: processor), from: source) {
      sendSGI(request.sgi, to: processor, from: interface)
    }
  }

  /// GICD_CPENDSGIR or GICD_SPENDSGIR, of one byte or four: the CPUs whose SGI is pending for the accessing vCPU.
  private func accessPendingSGIs(
    _ access: RegisterAccess, by interface: inout VirtualCPUInterface
  ) -> UInt64 {
    guard access.size == 1 || access.size == 4 else { return 0 }
    let clears = GICv2.GICD.cpendsgir.contains(access.offset)
    var result: UInt64 = 0
    for n in 0..<access.size {
      let sgi = InterruptNumber(UInt32(access.offset &+ n) & 15)
      guard sgis.contains(sgi) else { continue }
      let shift = UInt64(n) &* 8
      guard let value = access.value else {
        result |= UInt64(pendingSources(of: sgi, interface)) << shift
        continue
      }
      let sources = UInt8(truncatingIfNeeded: value >> shift)
      if clears {
        clearPending(sgi, from: sources, &interface)
      } else {
        setPending(sgi, from: sources, &interface)
      }
    }
    return result
  }

  private func pendingSources(
    of sgi: InterruptNumber, _ interface: borrowing VirtualCPUInterface
  ) -> UInt8 {
    var sources = privateInterrupts[interface.processor].pendingSGIs.sourceMask(of: sgi)
    let registers = listRegisters
    for n in 0..<registers.count where registers[n].isPending && registers[n].number == sgi {
      sources |= 1 << registers[n].source
    }
    return sources
  }

  private func setPending(
    _ sgi: InterruptNumber, from sources: UInt8, _ interface: inout VirtualCPUInterface
  ) {
    let pending = pendingSources(of: sgi, interface)
    for source in 0..<UInt8(truncatingIfNeeded: hardware.interfaceCount)
    where sources & ~pending & 1 << source != 0 {
      privateInterrupts[interface.processor].pendingSGIs.insert(sgi, from: source)
    }
  }

  private func clearPending(
    _ sgi: InterruptNumber, from sources: UInt8, _ interface: inout VirtualCPUInterface
  ) {
    var registers = listRegisters
    for n in 0..<registers.count
    where registers[n].isPending && registers[n].number == sgi
      && sources & 1 << registers[n].source != 0
    {
      registers[n].isPending = false
    }
    registers.write(to: hardware)
    for source in 0..<8 as Range<UInt8> where sources & 1 << source != 0 {
      privateInterrupts[interface.processor].pendingSGIs.remove(sgi, from: source)
    }
  }
}
