package import ArmDebug

// The system registers that programs name.
extension ModelCore {
  package static let elr = SystemRegister(3, 0, 4, 0, 1)
  package static let spsr = SystemRegister(3, 0, 4, 0, 0)
  package static let esr = SystemRegister(3, 0, 5, 2, 0)
  package static let far = SystemRegister(3, 0, 6, 0, 0)
  package static let contextIDR = SystemRegister(3, 0, 13, 0, 1)

  /// What EL2 is told of an access that it traps: with TDE, to every debug register.
  func trap(_ register: SystemRegister, isRead: Bool) -> Exit? {
    guard tde, register.op0 == 2 else { return nil }
    let iss =
      UInt64(register.op0) << 20 | UInt64(register.op2) << 17 | UInt64(register.op1) << 14
      | UInt64(register.crn) << 10 | UInt64(register.crm) << 1 | (isRead ? 1 : 0)
    return Exit(syndrome: Syndrome(.systemRegister, iss: iss))
  }

  /// Whether the register exists, in this direction; an access is UNDEFINED otherwise.
  func exists(_ register: SystemRegister, isRead: Bool) -> Bool {
    switch (register.op0, register.crn, register.crm, register.op2) {
    case (2, 0, let n, 4), (2, 0, let n, 5): n < processor.breakpoints
    case (2, 0, let n, 6), (2, 0, let n, 7): n < processor.watchpoints
    case (2, 1, 0, 4): !isRead
    case (2, 1, 1, 4): isRead
    default: true
    }
  }

  package mutating func write(_ register: SystemRegister, _ value: UInt64) {
    let n = Int(register.crm)
    switch (register.op0, register.crn, register.crm, register.op2) {
    case (2, 0, _, 4): bvr[n] = value & (processor.isContextAware(n) ? .max : ~3)
    // BAS[1] and [3], bits 6 and 8, are copies of BAS[0] and [2].
    case (2, 0, _, 5): bcr[n] = value & 0xFF_E0A7 | (value & 0xA0) << 1
    case (2, 0, _, 6): wvr[n] = value & ~3
    case (2, 0, _, 7): wcr[n] = value & 0x1F1F_FFFF
    case (2, 0, 2, 2): mdscr = value & 0xB001
    case (2, 0, 2, 0): mdccint = value & 0x6000_0000
    case (2, 1, 0, 4): osLock = value & 1 == 1
    case (2, 1, 3, 4): doubleLock = value & 1 == 1 && processor.hasDoubleLock
    case (3, 13, 0, 1): contextIDR = value & 0xFFFF_FFFF
    default: break
    }
  }

  package func read(_ register: SystemRegister) -> UInt64 {
    switch register {
    case Self.elr: return elr
    case Self.spsr: return spsr
    case Self.esr: return esr
    case Self.far: return far
    case Self.contextIDR: return contextIDR
    case .daif: return pstate.rawValue & 0x3C0
    default: break
    }
    let n = Int(register.crm)
    switch (register.crn, register.crm, register.op2) {
    case (0, _, 4): return bvr[n]
    case (0, _, 5): return bcr[n]
    case (0, _, 6): return wvr[n]
    case (0, _, 7): return wcr[n]
    case (0, 2, 2): return mdscr
    case (0, 2, 0): return mdccint
    case (1, 1, 4): return osLock ? 0b1010 : 0b1000
    case (1, 3, 4): return doubleLock ? 1 : 0
    default: return 0
    }
  }
}
