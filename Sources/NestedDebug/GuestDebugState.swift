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

  /// The state after a cold reset: nothing enabled, and the OS Lock set. Fields that the
  /// architecture leaves UNKNOWN are 0.
  public init() {}

  /// The masks that the guest has put on its own debug exceptions.
  public var masks: DebugExceptionMasks {
    DebugExceptionMasks(isLocked: osLock || osDoubleLock, kde: mdscr.kde)
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
  mutating func access(
    _ register: DebugRegister, isRead: Bool, value: UInt64, on capabilities: DebugCapabilities
  ) -> AccessResult {
    guard let description = register.description(on: capabilities) else { return .undefined }
    switch (description.access, isRead) {
    case (.readOnly, false), (.writeOnly, true):
      return .undefined
    case (_, true):
      return .read(read(register, mask: description.mask))
    case (_, false):
      write(register, value & description.mask)
      return .written
    }
  }

  private func read(_ register: DebugRegister, mask: UInt64) -> UInt64 {
    switch register {
    case .dbgbvr(let n): bank.breakpoints[n].value
    case .dbgbcr(let n): bank.breakpoints[n].control.rawValue
    case .dbgwvr(let n): bank.watchpoints[n].value
    case .dbgwcr(let n): bank.watchpoints[n].control.rawValue
    case .mdscr: mdscr.rawValue
    case .mdccint: mdccint
    // OSLM = 0b10 and OSLK.
    case .oslsr: osLock ? 0b1010 : 0b1000
    case .osdlr: osDoubleLock ? 1 : 0
    // The whole of it is the claim tags that exist.
    case .dbgclaimset: mask
    case .mdrar, .oslar, .oseccr, .osdtrrx, .osdtrtx, .dbgprcr, .dbgclaimclr, .dbgauthstatus,
      .mdccsr, .dbgdtr, .dbgdtrRxTx:
      0
    }
  }

  private mutating func write(_ register: DebugRegister, _ value: UInt64) {
    switch register {
    case .dbgbvr(let n): bank.breakpoints[n].value = value
    case .dbgbcr(let n): bank.breakpoints[n].control.rawValue = value
    case .dbgwvr(let n): bank.watchpoints[n].value = value
    case .dbgwcr(let n): bank.watchpoints[n].control.rawValue = value
    case .mdscr:
      // The external debugger's fields are read-only unless the OS Lock is set.
      let mask = osLock ? MDSCR.maskWhenLocked : MDSCR.mask
      mdscr.rawValue = mdscr.rawValue & ~mask | value & mask
    case .mdccint: mdccint = value
    case .oslar: osLock = value != 0
    case .osdlr: osDoubleLock = value != 0
    // The communication channel to an external debugger and its claim tags: nobody is at the
    // other end, and writes have no effect that the guest could see.
    case .mdrar, .oslsr, .oseccr, .osdtrrx, .osdtrtx, .dbgprcr, .dbgclaimset, .dbgclaimclr,
      .dbgauthstatus, .mdccsr, .dbgdtr, .dbgdtrRxTx:
      break
    }
  }
}
