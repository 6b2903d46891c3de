// A core whose vCPU stands still or is off waits in EL2, where only EL2's own interrupts may wake it.

extension InterruptController where Hardware: ~Copyable {
  /// From now on only interrupts of the highest priorities reach this core: EL2's own have the very
  /// highest, and what the guest gave one as high comes along and is queued.
  func beginWaiting() {
    // 0x20 leaves something to mask with even where only three bits of priority are implemented.
    hardware.write(.iccPMR, priorities.maskIsRaw ? 0x90 : 0x20)
  }

  /// All interrupts reach this core again.
  func endWaiting() { hardware.write(.iccPMR, 0xff) }

  /// Acknowledges what has arrived, so that a WFI waits for the next. What it means is for the waiting
  /// loop to look at, but for one thing: what another vCPU disabled is given back even here, or that
  /// vCPU would wait for it as long as this one is held.
  func takeOwnInterrupts(_ interface: inout VirtualCPUInterface) {
    while handlePhysicalInterrupt(&interface) != nil {}
    synchronize(&interface)
  }
}
