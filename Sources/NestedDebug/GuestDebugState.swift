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

  /// Count the writes that have changed something that a plan depends on: comparators, and MDSCR_EL1 or
  /// the locks.
  var comparatorChanges: UInt32 = 0
  var maskChanges: UInt32 = 0
  /// Both together.
  var changes: UInt32 { comparatorChanges &+ maskChanges }

  /// The state after a cold reset: nothing enabled, and the OS Lock set. Fields that the
  /// architecture leaves UNKNOWN are 0.
  public init() {}

  /// The masks that the guest has put on its own debug exceptions.
  public var masks: DebugExceptionMasks {
    // DoubleLockStatus(): CORENPDRQ holds the OS Double Lock off.
    DebugExceptionMasks(
      isLocked: osLock || osDoubleLock && !noPowerDownRequest, kde: mdscr.kde)
  }

  /// Whether the guest's comparators can fire at all: MDE = 1 and no lock.
  public var armsComparators: Bool { mdscr.mde && !masks.isLocked }

  /// Whether the guest is stepping, be it masked for the moment or not.
  public var steps: Bool { mdscr.ss && !masks.isLocked }
}

/// What an access to a debug register comes to.
public enum AccessResult: Equatable, Sendable {
  /// The guest reads this value.
  case read(UInt64)
  /// The guest's write is done.
  case written
  /// The register does not exist, or not in this direction.
  case undefined
}

extension GuestDebugState {
  /// Completes an access of the guest's to a debug register: reads and writes this state, and
  /// nothing else. `value` is what a write writes.
  ///
  /// Nobody is at the other end of the debug communications channel and of the claim tags. The guest
  /// finds them as it would beside an external debugger that never does anything: what it sends
  /// stays in the channel, and what it claims stays claimed.
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
    case .dbgbvr(let n): return bank.breakpoints[n].value
    case .dbgbcr(let n): return bank.breakpoints[n].control.rawValue
    case .dbgwvr(let n): return bank.watchpoints[n].value
    case .dbgwcr(let n): return bank.watchpoints[n].control.rawValue
    case .mdscr: return mdscr.rawValue
    case .mdccint: return mdccint
    // OSLM = 0b10 and OSLK.
    case .oslsr: return osLock ? 0b1010 : 0b1000
    case .osdlr: return osDoubleLock ? 1 : 0
    case .oseccr: return osLock ? oseccr : 0
    case .osdtrrx: return dtrrx
    case .osdtrtx: return dtrtx
    case .dbgprcr: return noPowerDownRequest ? 1 : 0
    // Reads as all the claim tags that exist.
    case .dbgclaimset: return description.mask
    case .dbgclaimclr: return claimTags
    case .dbgauthstatus, .mdrar: return description.reset
    case .mdccsr: return mdscr.rawValue & description.mask
    case .dbgdtr:
      // Arm ARM J1, DBGDTR_EL0: the word order is the reverse of a write's.
      mdscr.rxFull = false
      return dtrtx &<< 32 | dtrrx
    case .dbgdtrRxTx:
      mdscr.rxFull = false
      return dtrrx
    case .oslar: return 0
    }
  }

  private mutating func write(_ register: DebugRegister, _ value: UInt64) {
    switch register {
    case .dbgbvr(let n):
      comparatorChanges &+= Self.replace(&bank.breakpoints[n].value, value)
    case .dbgbcr(let n):
      comparatorChanges &+= Self.replace(&bank.breakpoints[n].control, .stored(value))
    case .dbgwvr(let n):
      comparatorChanges &+= Self.replace(&bank.watchpoints[n].value, value)
    case .dbgwcr(let n):
      comparatorChanges &+= Self.replace(&bank.watchpoints[n].control.rawValue, value)
    case .mdscr:
      // The external debugger's fields are read-only unless the OS Lock is set.
      let mask = osLock ? MDSCR.maskWhenLocked : MDSCR.mask
      maskChanges &+= Self.replace(&mdscr.rawValue, mdscr.rawValue & ~mask | value & mask)
    case .mdccint: mdccint = value
    case .oslar: maskChanges &+= Self.replace(&osLock, value != 0)
    case .osdlr: maskChanges &+= Self.replace(&osDoubleLock, value != 0)
    case .oseccr: if osLock { oseccr = value }
    // To save and restore the channel: RXfull and TXfull stay.
    case .osdtrrx: dtrrx = value
    case .osdtrtx: dtrtx = value
    case .dbgprcr: maskChanges &+= Self.replace(&noPowerDownRequest, value != 0)
    case .dbgclaimset: claimTags |= value
    case .dbgclaimclr: claimTags &= ~value
    case .dbgdtr:
      dtrrx = value &>> 32
      dtrtx = value & 0xFFFF_FFFF
      mdscr.txFull = true
    case .dbgdtrRxTx:
      dtrtx = value
      mdscr.txFull = true
    case .mdrar, .oslsr, .dbgauthstatus, .mdccsr: break
    }
  }

  /// Writes `new`, and returns 1 if that is a change.
  private static func replace<Value: Equatable>(_ old: inout Value, _ new: Value) -> UInt32 {
    if old == new { return 0 }
    old = new
    return 1
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
