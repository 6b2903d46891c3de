// The guest's accesses of a GICv3's distributor (IHI 0069, 12.9).

extension InterruptController where Hardware: GICv3Access & ~Copyable {
  /// Completes an access of the distributor by the vCPU of `interface`. Returns what is read, and 0
  /// for a write. What the architecture gives no meaning (an unaligned access, a size that a
  /// register does not have) reads as 0 and is ignored when written.
  ///
  /// The caller must call `synchronize` before the guest goes on.
  func accessDistributor(
    _ access: RegisterAccess, by interface: inout VirtualCPUInterface
  ) -> UInt64 {
    guard access.isAligned && access.offset < GICD.size else { return 0 }
    if let field = InterruptRegister.field(inDistributorAt: access.offset) {
      return accessField(field, ofProcessor: nil, access, by: &interface)
    }
    switch (access.offset, access.word) {
    case (GICD.ctlr, let word) where access.size == 4:
      guard let word else { return UInt64(guestGICD_CTLR(interface.processor).rawValue) }
      enableGroups(GICD_CTLR(rawValue: word).enabledGroups, by: interface.processor)
      return 0
    case (GICD.typer, nil) where access.size == 4:
      return UInt64(guestGICD_TYPER.rawValue)
    case (let offset, let word?)
    where GICD.isMessage(offset) && (access.size == 4 || access.size == 2):
      let number = InterruptNumber(word & 0x1fff)
      if number.kind == .spi && !own.contains(number) {
        hardware.write32(.distributor, access.offset, number.rawValue)
      }
      return 0
    case (GICD.typer2, nil):
      // Virtual PEs, and SGIs without an active state, which the guest's virtual ones have.
      return 0
    case (_, nil) where access.size == 4:
      // Identification and the like is the hardware's own.
      return UInt64(hardware.read32(.distributor, access.offset))
    default:
      // An IMPLEMENTATION DEFINED register may turn the controller off under EL2, so none is written.
      return 0
    }
  }

  /// GICD_CTLR as the guest has it. RWP also stands for the vCPUs that have not yet looked at what
  /// changed: until they have, one may still take an interrupt that was disabled.
  private func guestGICD_CTLR(_ reader: Int) -> GICD_CTLR {
    var control = GICD_CTLR(rawValue: hardware.read32(.distributor, GICD.ctlr))
    control.enabledGroups = sharedInterrupts.enabledGroups
    for processor in 0..<processorCount
    where processor != reader && isRevalidationPending(on: processor) {
      control.insert(.rwp)
    }
    return control
  }

  /// GICD_TYPER without what cannot be given to the guest: more than 16 bits of INTID (there would
  /// be no place for such an LPI to wait), routing to one of many (EL2 would acknowledge an
  /// interrupt for a vCPU that does not take it), direct injection of virtual LPIs (DVIS) and
  /// non-maskable interrupts.
  private var guestGICD_TYPER: GICD_TYPER {
    var type = GICD_TYPER(rawValue: hardware.read32(.distributor, GICD.typer))
    type.idBits = min(type.idBits, 15)
    type.remove(.dvis)
    type.remove(.nmi)
    type.insert(.no1N)
    return type
  }

  /// GICD_IROUTER of `number`.
  func accessRoute(_ number: InterruptNumber, _ access: RegisterAccess) -> UInt64 {
    guard access.size == 4 || access.size == 8, !own.contains(number) else { return 0 }
    // IRM, one of many, is not offered (see GICD_TYPER).
    let mode: UInt64 = access.offset & 7 == 0 ? GICD_IROUTER_IRM : 0
    switch (access.size, access.value) {
    case (4, let value?):
      hardware.write32(.distributor, access.offset, UInt32(truncatingIfNeeded: value & ~mode))
    case (_, let value?):
      hardware.write64(.distributor, access.offset, value & ~mode)
    case (4, nil):
      return UInt64(hardware.read32(.distributor, access.offset)) & ~mode
    case (_, nil):
      return hardware.read64(.distributor, access.offset) & ~mode
    }
    return 0
  }

  /// Completes an access of `field` by the vCPU of `interface`: of the private interrupts of vCPU `processor`,
  /// or of shared ones.
  func accessField(
    _ field: InterruptField, ofProcessor processor: Int?, _ access: RegisterAccess,
    by interface: inout VirtualCPUInterface
  ) -> UInt64 {
    switch field.register {
    case .igrpmodr, .nsacr, .inmir, .itargetsr:
      // RES0 with affinity routing, for Non-secure software, or without what GICD_TYPER hides.
      return 0
    case .irouter:
      return accessRoute(field.number, access)
    case .ipriorityr:
      return accessPriority(field.number, ofProcessor: processor, access, by: &interface)
    case .icfgr:
      return accessConfiguration(field.number, ofProcessor: processor, access)
    default:
      return accessBits(field, ofProcessor: processor, access, by: &interface)
    }
  }
}
