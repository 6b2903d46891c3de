import ArmDebug

// The registers that an external debugger shares: the communications channel, OSECCR_EL1, DBGPRCR_EL1, the
// claim tags and the external debugger's fields of MDSCR_EL1. Where the processor has them, they are saved
// and restored at each change of mode, as an operating system does over a power-down (Arm ARM H6.3). An
// external debugger sees the guest's changes when debugging ends. Its own changes meanwhile are lost.
extension VirtualDebug {
  /// Reads the registers into guest state. It does not change the hardware, and so leaves out OSECCR_EL1
  /// unless `isLocked`: the register is visible only while the OS Lock is set.
  mutating func captureExternalRegisters<Hardware: DebugHardware & ~Copyable>(
    isLocked: Bool, hardware: inout Hardware
  ) {
    guard capabilities.external != nil else { return }
    guest.dtrrx = capture(.osdtrrx, &hardware)
    guest.dtrtx = capture(.osdtrtx, &hardware)
    if isLocked { guest.oseccr = capture(.oseccr, &hardware) }
    guest.noPowerDownRequest = capture(.dbgprcr, &hardware)[bit: 0]
    guest.claimTags = capture(.dbgclaimclr, &hardware)
  }

  /// Takes the registers over from the hardware, unless guest state holds them, as after `restore`. They
  /// survive a reset. Nothing is armed, and the locks are about to be released.
  mutating func takeExternalRegisters<Hardware: DebugHardware & ~Copyable>(
    hardware: inout Hardware
  ) {
    guard capabilities.external != nil, !holdsExternalRegisters else { return }
    hardware.write(.oslar, 1)
    hardware.synchronize()
    captureExternalRegisters(isLocked: true, hardware: &hardware)
    holdsExternalRegisters = true
  }

  /// Reads the external debugger's fields of MDSCR_EL1 before anything is written. They survive a reset, so
  /// after one they are those of the hardware.
  mutating func keepExternalFields<Hardware: DebugHardware & ~Copyable>(hardware: inout Hardware) {
    guard capabilities.external != nil, mode == .reset, !holdsExternalRegisters else { return }
    let fields = MDSCR.externalMask
    guest.mdscr.rawValue =
      guest.mdscr.rawValue & ~fields | capture(.mdscr, &hardware) & fields
  }

  /// Writes the registers back, if guest state holds them, while nothing is armed. Afterwards MDSCR_EL1 has
  /// the guest's fields except MDE, KDE and SS, and the OS Lock is off.
  mutating func releaseExternalRegisters<Hardware: DebugHardware & ~Copyable>(
    hardware: inout Hardware
  ) {
    guard holdsExternalRegisters else { return }
    hardware.write(.dbgclaimset, guest.claimTags)
    hardware.write(.dbgclaimclr, ~guest.claimTags & 0xFF)
    hardware.write(.dbgprcr, guest.noPowerDownRequest ? 1 : 0)
    // The flags of the channel and OSECCR_EL1 can only be written with the OS Lock set.
    hardware.write(.oslar, 1)
    hardware.synchronize()
    hardware.write(.osdtrrx, guest.dtrrx)
    hardware.write(.osdtrtx, guest.dtrtx)
    hardware.write(.oseccr, guest.oseccr)
    disarm(&hardware)
    hardware.write(.oslar, 0)
    hardware.synchronize()
    holdsExternalRegisters = false
  }
}
