// A core whose vCPU stands still or is off waits in EL2, where only EL2's own interrupts may wake it.

extension InterruptController where Hardware: ~Copyable {
  /// From now on only interrupts of the highest priorities reach this core: EL2's own have the very
  /// highest, and what the guest gave one as high comes along and is queued.
  ///
  /// Virtual interrupts are not signalled meanwhile, nor is the virtual interface's maintenance
  /// interrupt: a virtual interrupt that waits in a list register may end a WFI at EL2 too (in QEMU it
  /// does), and the core would never rest.
  func beginWaiting(_ interface: inout VirtualCPUInterface) {
    interface.isWaiting = true
    setSignalled(false, interface)
    let isSingle = distributor.hasSingleSecurityState
    hardware.write(
      .iccPMR,
      UInt64(
        waitingPriorityMask(
          hasSingleSecurityState: isSingle, probe: isSingle ? 0 : probePriorityMask())))
  }

  /// All interrupts reach this core again.
  func endWaiting(_ interface: inout VirtualCPUInterface) {
    hardware.write(.iccPMR, 0xff)
    interface.isWaiting = false
    setSignalled(interface.control.contains(.enable), interface)
  }

  /// Acknowledges what has arrived, up to one of EL2's own, so that a WFI waits for the next. What it
  /// means is for the waiting loop to look at, but for one thing: what another vCPU disabled is given
  /// back even here, or that vCPU would wait for it as long as this one is held.
  ///
  /// One at a time, because a level-triggered link is pending again until its device has been seen to.
  /// What is still pending ends the WFI at once.
  func takeOwnInterrupt(_ interface: inout VirtualCPUInterface) {
    _ = handlePhysicalInterrupt(&interface)
    synchronize(&interface)
  }

  /// ICH_HCR_EL2.En, with the rest as it is: EOIcount is in there.
  private func setSignalled(_ isSignalled: Bool, _ interface: borrowing VirtualCPUInterface) {
    let enable = VirtualInterfaceControl.enable.rawValue
    let control = hardware.read(.ichHCR)
    hardware.write(.ichHCR, isSignalled ? control | enable : control & ~enable)
  }

  /// What ICC_PMR_EL1 reads after the lowest mask but zero has been written.
  private func probePriorityMask() -> UInt8 {
    // ICC_CTLR_EL1.PRIbits, [10:8], is the number of priority bits less one.
    let unimplemented = 7 &- (hardware.read(.iccCTLR) &>> 8 & 7)
    hardware.write(.iccPMR, 1 &<< unimplemented)
    return UInt8(truncatingIfNeeded: hardware.read(.iccPMR))
  }
}

/// The ICC_PMR_EL1 that lets only the highest priorities pass: 0 to 0x1f as EL2 writes them.
///
/// With two Security states the distributor halves Non-secure priorities and sets bit 7: EL2's own
/// interrupts, written as 0, have 0x80. Whether ICC_PMR_EL1 is that same physical value or the
/// Non-secure view of it depends on SCR_EL3.FIQ, which EL2 cannot read (IHI 0069, 4.8.1 and 4.8.6).
///
/// - Parameter probe: what ICC_PMR_EL1 reads after its lowest implemented bit alone was written. Under
///   SCR_EL3.FIQ that bit is shifted out, and it reads 0.
func waitingPriorityMask(hasSingleSecurityState: Bool, probe: UInt8) -> UInt8 {
  // 0x20 is a mask where four bits of priority are implemented, the fewest that one Security state has,
  // and its physical value where there are five, the fewest that two have (IHI 0069, 4.8).
  hasSingleSecurityState || probe == 0 ? 0x20 : 0x80 | 0x20 &>> 1
}
