package import ArmDebug

// Taking exceptions, and coming back from EL2.
extension ModelCore {
  /// ERET at EL2, where debug exceptions are always disabled (PSTATE.D = 1).
  package mutating func enter(pc: UInt64, pstate state: PState) {
    self.pc = pc
    pstate = state
    pstate.ss = state.ss && mdscr & 1 == 1 && debugExceptionsEnabled(state)
    stepped = false
    // An exception return clears the local monitor.
    monitor = nil
  }

  mutating func takeToEL1(
    offset: UInt64 = 0, _ ec: UInt64? = nil, iss: UInt64 = 0, at address: UInt64, far: UInt64? = nil
  ) {
    let same = pstate.el == .el1
    if let ec {
      let hasFormForEL1 = ec == 0x30 || ec == 0x32 || ec == 0x34
      esr = (hasFormForEL1 && same ? ec + 1 : ec) << 26 | 1 << 25 | iss
    }
    if let far { self.far = far }
    elr = address
    spsr = pstate.rawValue
    pc = vbar + offset + (same ? (pstate.spsel ? 0x200 : 0) : 0x400)
    pstate = PState(rawValue: 0x3C5 | pstate.rawValue & 0xF000_0000)
    stepped = false
  }

  mutating func debugException(_ ec: UInt64, iss: UInt64, far: UInt64? = nil) -> Exit? {
    if tde {
      return Exit(syndrome: Syndrome(rawValue: ec << 26 | 1 << 25 | iss), far: far ?? 0)
    }
    takeToEL1(ec, iss: iss, at: pc, far: far)
    return nil
  }

  mutating func undefined() -> Exit? {
    takeToEL1(0x00, at: pc)
    return nil
  }
}
