// A core whose vCPU stands still or is off waits in EL2, where only EL2's own interrupts may wake it.

extension InterruptController where Hardware: ~Copyable {
  /// From now on only interrupts of the highest priorities reach this core. EL2's own have the very
  /// highest; an interrupt of the guest's with one as high comes too, and is queued.
  ///
  /// Virtual interrupts are not signalled meanwhile, nor is the virtual interface's maintenance
  /// interrupt: a virtual interrupt that waits in a list register may end a WFI at EL2 too (in QEMU it
  /// does), and the core would never rest.
  func beginWaiting(_ interface: inout VirtualCPUInterface) {
    interface.isWaiting = true
    setSignalled(false, interface)
    hardware.writePriorityMask(priorities.waitingMask)
  }

  /// All interrupts reach this core again.
  func endWaiting(_ interface: inout VirtualCPUInterface) {
    hardware.writePriorityMask(0xff)
    interface.isWaiting = false
    setSignalled(interface.control.contains(.enable), interface)
  }

  /// Acknowledges what has arrived, up to one of EL2's own, so that a WFI waits for the next. The waiting
  /// loop must look at what it means. Only what another vCPU disabled is given back here, because that vCPU
  /// would otherwise wait for it as long as this one is held.
  ///
  /// One at a time, because a level-triggered link is pending again until its device has been seen to.
  /// What is still pending ends the WFI at once.
  func takeOwnInterrupt(_ interface: inout VirtualCPUInterface) {
    _ = handlePhysicalInterrupt(&interface)
    synchronize(&interface)
  }

  /// Sets En alone: EOIcount is in the same register, as the hardware has it now.
  private func setSignalled(_ isSignalled: Bool, _ interface: borrowing VirtualCPUInterface) {
    var control = hardware.readControl()
    if isSignalled { control.insert(.enable) } else { control.remove(.enable) }
    hardware.writeControl(control)
  }
}
