public import ArmDebug

/// The debug registers of one vCPU as the guest wrote them. In shared mode this is the truth; in
/// native mode the hardware is, and this is as old as the last capture.
///
/// Every value is masked to the architecture's fields, so that the guest reads the same whether a
/// register is emulated or its own.
public struct GuestDebugState: Sendable {
  /// The guest's comparators.
  public internal(set) var bank = ComparatorBank()
  /// MDSCR_EL1.
  public internal(set) var mdscr = MDSCR(rawValue: 0)
  /// MDCCINT_EL1.
  public internal(set) var mdccint: UInt64 = 0
  /// OSLSR_EL1.OSLK.
  public internal(set) var osLock = true
  /// OSDLR_EL1.DLK.
  public internal(set) var osDoubleLock = false
  /// OSECCR_EL1, which only the OS Lock shows.
  public internal(set) var oseccr: UInt64 = 0
  /// DTRRX and DTRTX, the data of the debug communications channel. Whether they are full is in
  /// MDSCR_EL1.
  public internal(set) var dtrrx: UInt64 = 0
  public internal(set) var dtrtx: UInt64 = 0
  /// DBGPRCR_EL1.CORENPDRQ: powering the core down shall be emulated only.
  public internal(set) var noPowerDownRequest = false
  /// The claim tags of DBGCLAIMSET_EL1 and DBGCLAIMCLR_EL1.
  public internal(set) var claimTags: UInt64 = 0

  /// Counts of the writes that changed what a plan depends on: the comparators; MDSCR_EL1 and the locks.
  var comparatorChanges: UInt32 = 0
  var maskChanges: UInt32 = 0
  /// Both together.
  var changes: UInt32 { comparatorChanges &+ maskChanges }

  /// The state after a cold reset: nothing is enabled, and the OS Lock is set. Fields that the
  /// architecture leaves UNKNOWN are 0.
  public init() {}

  /// The masks that the guest has put on its own debug exceptions.
  public var masks: DebugExceptionMasks {
    // DoubleLockStatus(): CORENPDRQ holds the OS Double Lock off.
    DebugExceptionMasks(
      isLocked: osLock || osDoubleLock && !noPowerDownRequest, kde: mdscr.kde)  // mutant: locks
  }

  /// Whether the guest's comparators can fire at all: MDE = 1 and no lock.
  public var armsComparators: Bool { mdscr.mde && !masks.isLocked }  // mutant: armsComparators

  /// Whether the guest is stepping, masked or not.
  public var steps: Bool { mdscr.ss && !masks.isLocked }  // mutant: guestSteps
}

/// The result of an access to a debug register.
public enum AccessResult: Equatable, Sendable {
  /// The guest reads this value.
  case read(UInt64)
  /// The guest's write is done.
  case written
  /// The register does not exist, or not in this direction.
  case undefined
}

extension GuestDebugState {
  /// Completes an access by the guest to a debug register. It reads and writes this state, and nothing
  /// else. `value` is the value of a write.
  ///
  /// Nobody is at the other end of the debug communications channel and of the claim tags. The guest
  /// finds them as it would beside an external debugger that does nothing: a word that it sends stays in
  /// the channel, and a tag that it claims stays claimed.
  mutating func access(
    _ register: DebugRegister, isRead: Bool, value: UInt64, on capabilities: DebugCapabilities
  ) -> AccessResult {
    guard let description = register.description(on: capabilities) else { return .undefined }
    switch (description.access, isRead) {
    case (.readOnly, false), (.writeOnly, true):
      return .undefined
    case (_, true):
      return .read(read(register, description))
    case (_, false):
      write(register, value & description.mask)
      return .written
    }
  }

  private mutating func read(
    _ register: DebugRegister, _ description: DebugRegisterDescription
  ) -> UInt64 {
    switch register {
    case .single(.oseccr): return osLock ? oseccr : 0
    // Reads as all the claim tags that exist.
    case .single(.dbgclaimset): return description.mask
    case .single(.dbgauthstatus), .single(.mdrar): return description.reset
    case .single(.mdccsr): return mdscr.rawValue & description.mask
    case .single(.dbgdtr):
      // Arm ARM J1, DBGDTR_EL0: the word order is the reverse of a write's.
      mdscr.rxFull = false
      return dtrtx &<< 32 | dtrrx
    case .single(.dbgdtrRxTx):
      mdscr.rxFull = false
      return dtrrx
    default: return self[register]
    }
  }

  private mutating func write(_ register: DebugRegister, _ value: UInt64) {
    switch register {
    case .dbgbvr(let n): comparatorChanges &+= store(.dbgbvr(n), value)
    case .dbgbcr(let n):
      // mutant: countsBreakpointControl
      comparatorChanges &+= store(.dbgbcr(n), BreakpointControl.stored(value).rawValue)
    case .dbgwvr(let n): comparatorChanges &+= store(.dbgwvr(n), value)
    case .dbgwcr(let n): comparatorChanges &+= store(.dbgwcr(n), value)
    case .single(.mdscr):
      // The external debugger's fields are read-only unless the OS Lock is set.
      let mask = osLock ? MDSCR.maskWhenLocked : MDSCR.mask
      maskChanges &+= store(.mdscr, mdscr.rawValue & ~mask | value & mask)  // mutant: countsMDSCR
    // OSLK is bit 0 here and bit 1 there, beside OSLM = 0b10.
    // mutant: countsOSLock
    case .single(.oslar): maskChanges &+= store(.oslsr, value &<< 1 | 0b1000)
    case .single(.osdlr), .single(.dbgprcr): maskChanges &+= store(register, value)
    case .single(.oseccr): if osLock { oseccr = value }
    case .single(.dbgclaimset): claimTags |= value
    case .single(.dbgclaimclr): claimTags &= ~value
    case .single(.dbgdtr):
      dtrrx = value &>> 32
      dtrtx = value & 0xFFFF_FFFF
      mdscr.txFull = true
    case .single(.dbgdtrRxTx):
      dtrtx = value
      mdscr.txFull = true
    // Registers that save and restore the channel leave RXfull and TXfull alone.
    case .single: _ = store(register, value)
    }
  }

  /// Stores a value, and returns 1 if that is a change. Inlined, so that nothing is left of a register that
  /// the caller knows.
  @inline(__always)
  private mutating func store(_ register: DebugRegister, _ value: UInt64) -> UInt32 {
    if self[register] == value { return 0 }
    self[register] = value
    return 1
  }
}

// Where each register is kept. Accesses and snapshots are made of this.
extension GuestDebugState {
  /// The stored value, without the other effects of an access. OSECCR_EL1 is visible here even with the OS
  /// Lock off. The processor must have the register. A register that stores nothing reads 0 and ignores
  /// writes.
  subscript(register: DebugRegister) -> UInt64 {
    @inline(__always) get {
      switch register {
      case .dbgbvr(let n): bank.breakpoints[n].value  // mutant: readsBreakpointValue
      case .dbgbcr(let n): bank.breakpoints[n].control.rawValue
      case .dbgwvr(let n): bank.watchpoints[n].value
      case .dbgwcr(let n): bank.watchpoints[n].control.rawValue
      case .single(.mdscr): mdscr.rawValue
      case .single(.mdccint): mdccint
      // OSLM = 0b10 and OSLK.
      case .single(.oslsr): osLock ? 0b1010 : 0b1000  // mutant: readsOSLSR
      case .single(.osdlr): osDoubleLock ? 1 : 0
      case .single(.oseccr): oseccr
      case .single(.osdtrrx): dtrrx
      case .single(.osdtrtx): dtrtx
      case .single(.dbgprcr): noPowerDownRequest ? 1 : 0
      case .single(.dbgclaimclr): claimTags
      case .single: 0
      }
    }
    @inline(__always) set {
      switch register {
      case .dbgbvr(let n): bank.breakpoints[n].value = newValue
      case .dbgbcr(let n): bank.breakpoints[n].control.rawValue = newValue
      case .dbgwvr(let n): bank.watchpoints[n].value = newValue
      case .dbgwcr(let n): bank.watchpoints[n].control.rawValue = newValue
      case .single(.mdscr): mdscr.rawValue = newValue
      case .single(.mdccint): mdccint = newValue
      case .single(.oslsr): osLock = newValue[bit: 1]
      case .single(.osdlr): osDoubleLock = newValue[bit: 0]
      case .single(.oseccr): oseccr = newValue
      case .single(.osdtrrx): dtrrx = newValue
      case .single(.osdtrtx): dtrtx = newValue
      case .single(.dbgprcr): noPowerDownRequest = newValue[bit: 0]
      case .single(.dbgclaimclr): claimTags = newValue
      case .single: break
      }
    }
  }
}

extension MDSCR {
  /// TXfull: the guest's word waits for an external debugger.
  fileprivate var txFull: Bool {
    get { rawValue[bit: 29] }
    set { rawValue[bit: 29] = newValue }
  }
  /// RXfull: an external debugger's word waits for the guest.
  fileprivate var rxFull: Bool {
    get { rawValue[bit: 30] }
    set { rawValue[bit: 30] = newValue }
  }
}
