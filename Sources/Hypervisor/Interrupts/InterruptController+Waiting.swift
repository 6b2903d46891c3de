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
    hardware.write(.iccPMR, UInt64(priorities.waitingMask))
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
}
