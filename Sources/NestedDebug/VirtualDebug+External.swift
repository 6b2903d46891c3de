import ArmDebug

// The registers whose other end is an external debugger: the communications channel, OSECCR_EL1,
// DBGPRCR_EL1, the claim tags and the external debugger's fields of MDSCR_EL1. Where the processor has
// them, the guest finds in one mode what it left in the other, as an operating system that saves and
// restores them over a power-down does it (Arm ARM H6.3). An external debugger beside it, should there
// be one, sees the guest's changes when debugging ends; what it has changed itself meanwhile is lost.
extension VirtualDebug {
  /// Reads them into guest state. Changes nothing in the hardware, and so leaves out OSECCR_EL1, which
  /// shows itself only while the OS Lock is set, if `isLocked` is false.
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

  /// Takes them over from the hardware, unless guest state has them: after `restore` it does, after a
  /// reset, which they outlast, it does not. Nothing is armed, and the locks are about to come off.
  mutating func takeExternalRegisters<Hardware: DebugHardware & ~Copyable>(
    hardware: inout Hardware
  ) {
    guard capabilities.external != nil, !holdsExternalRegisters else { return }
    hardware.write(.oslar, 1)
    hardware.synchronize()
    captureExternalRegisters(isLocked: true, hardware: &hardware)
    holdsExternalRegisters = true
  }

  /// Before anything is written: after a reset, which they outlast, the external debugger's fields of
  /// MDSCR_EL1 are those of the hardware.
  mutating func keepExternalFields<Hardware: DebugHardware & ~Copyable>(hardware: inout Hardware) {
    guard capabilities.external != nil, mode == .reset, !holdsExternalRegisters else { return }
    let fields = MDSCR.externalMask
    guest.mdscr.rawValue =
      guest.mdscr.rawValue & ~fields | capture(.mdscr, &hardware) & fields
  }

  /// Gives them back, if guest state has them, while nothing is armed. MDSCR_EL1 has the guest's other
  /// fields but MDE, KDE and SS afterwards, and the OS Lock is off.
  mutating func releaseExternalRegisters<Hardware: DebugHardware & ~Copyable>(
    hardware: inout Hardware
  ) {
    guard holdsExternalRegisters else { return }
    hardware.write(.dbgclaimset, guest.claimTags)
    hardware.write(.dbgclaimclr, ~guest.claimTags & 0xFF)
    hardware.write(.dbgprcr, guest.noPowerDownRequest ? 1 : 0)
    // Only under the OS Lock can the channel's flags be written, and OSECCR_EL1.
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
