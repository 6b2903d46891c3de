public import ArmDebug

// Fast path for the registers that a guest accesses at each context switch and in its debug handlers: the
// comparators, MDSCR_EL1, MDCCINT_EL1 and the locks. It takes as few instructions as possible. `access`
// does all other registers and everything undefined. A test compares the two for every encoding.
extension VirtualDebug {
  /// The outcome of a write.
  public enum FastWrite: Equatable, Sendable {
    /// The register is not one of these. Nothing was done.
    case notServed
    /// The write is done, and the plan does not depend on it.
    case done
    /// The write is done, and the plan depends on it: the caller must call `fastUpdate` or `prepareToRun`.
    case planIsStale(GuestChange)
  }

  /// The value that a trapped MRS reads. `syndrome` is ESR_EL2 of a system register read, or of another class.
  @inline(__always)
  public mutating func fastRead(_ syndrome: Syndrome) -> UInt64? {
    let key = FastKey(syndrome)
    if key.isInUpperHalf {
      if key.isComparator {
        let n = key.number
        if key.isWatchpoint {
          guard n < capabilities.watchpointCount else { return nil }
          return key.isControl
            ? guest.bank.watchpoints[n].control.rawValue : guest.bank.watchpoints[n].value
        }
        guard n < capabilities.breakpointCount else { return nil }
        return key.isControl
          ? guest.bank.breakpoints[n].control.rawValue : guest.bank.breakpoints[n].value
      }
      if key.isOSLSR { return guest.osLock ? 0b1010 : 0b1000 }
      if key.isOSDLR { return guest.osDoubleLock ? 1 : 0 }
      return nil
    }
    guard key.isInLowerHalf else { return nil }
    if key.isMDSCR { return guest.mdscr.rawValue }
    if key.isMDCCINT { return guest.mdccint }
    return nil
  }

  /// Completes a trapped MSR of `value`.
  @inline(__always)
  public mutating func fastWrite(_ syndrome: Syndrome, _ value: UInt64) -> FastWrite {
    let key = FastKey(syndrome)
    if key.isInUpperHalf {
      if key.isComparator {
        return key.isWatchpoint ? writeWatchpoint(key, value) : writeBreakpoint(key, value)
      }
      if key.isOSLAR {
        let new = value[bit: 0]
        if new == guest.osLock { return .done }
        guest.osLock = new
        return stale(.masks)
      }
      if key.isOSDLR {
        let new = capabilities.hasDoubleLock && value[bit: 0]
        if new == guest.osDoubleLock { return .done }
        guest.osDoubleLock = new
        return stale(.masks)
      }
      return .notServed
    }
    guard key.isInLowerHalf else { return .notServed }
    if key.isMDSCR {
      if value == guest.mdscr.rawValue { return .done }
      // The external debugger's fields are read-only unless the OS Lock is set.
      let mask = guest.osLock ? MDSCR.maskWhenLocked : MDSCR.mask
      let new = guest.mdscr.rawValue & ~mask | value & mask
      if new == guest.mdscr.rawValue { return .done }
      guest.mdscr.rawValue = new
      return stale(.masks)
    }
    // No plan depends on MDCCINT_EL1; the hardware gets it when it is the guest's again.
    if key.isMDCCINT {
      guest.mdccint = value & 0x6000_0000
      return .done
    }
    return .notServed
  }

  // A comparator that is off before and after the write is in no plan.

  @inline(__always)
  private mutating func writeBreakpoint(_ key: FastKey, _ value: UInt64) -> FastWrite {
    let n = key.number
    guard n < capabilities.breakpointCount else { return .notServed }
    let old = guest.bank.breakpoints[n]
    if key.isControl {
      if value == old.control.rawValue { return .done }
      let new = BreakpointControl.stored(value)
      if new == old.control { return .done }
      guest.bank.breakpoints[n].control = new
      return new.e || old.control.e ? stale(.breakpoint(n)) : .done
    }
    if value == old.value { return .done }
    let new = value & (capabilities.isContextAware(n) ? .max : ~0b11)
    guest.bank.breakpoints[n].value = new
    return old.control.e && new != old.value ? stale(.breakpoint(n)) : .done
  }

  @inline(__always)
  private mutating func writeWatchpoint(_ key: FastKey, _ value: UInt64) -> FastWrite {
    let n = key.number
    guard n < capabilities.watchpointCount else { return .notServed }
    let old = guest.bank.watchpoints[n]
    if key.isControl {
      let new = WatchpointControl(rawValue: value & WatchpointControl.mask)
      if new == old.control { return .done }
      guest.bank.watchpoints[n].control = new
      return new.e || old.control.e ? stale(.watchpoint(n)) : .done
    }
    let new = value & ~0b11
    guest.bank.watchpoints[n].value = new
    return old.control.e && new != old.value ? stale(.watchpoint(n)) : .done
  }

  @inline(__always)
  private mutating func stale(_ change: GuestChange) -> FastWrite {
    if change == .masks { guest.maskChanges &+= 1 } else { guest.comparatorChanges &+= 1 }
    return .planIsStale(change)
  }
}

/// The register that a syndrome of class 0x18 names. The fields are those of `SystemRegisterAccess`,
/// compared in the order and in the groups that take the fewest instructions.
private struct FastKey {
  private let esr: UInt64

  @inline(__always) init(_ syndrome: Syndrome) { esr = syndrome.rawValue }

  /// EC = 0x18, IL = 1 and op0 = 2.
  private static var debugRegister: UInt64 { 0x18 &<< 6 | 1 &<< 5 | 2 }
  /// The same, and op2 is 4 to 7.
  @inline(__always) var isInUpperHalf: Bool { esr &>> 19 == Self.debugRegister &<< 1 | 1 }
  /// The same, and op2 is 0 to 3, if it is not 4 to 7.
  @inline(__always) var isInLowerHalf: Bool { esr &>> 20 == Self.debugRegister }

  /// In the upper half, DBGBVR, DBGBCR, DBGWVR or DBGWCR: op1 = CRn = 0. CRm is the number.
  @inline(__always) var isComparator: Bool { esr & 0x1_FC00 == 0 }
  @inline(__always) var isWatchpoint: Bool { esr[bit: 18] }
  @inline(__always) var isControl: Bool { esr[bit: 17] }
  @inline(__always) var number: Int { Int(truncatingIfNeeded: esr[bits: 1...4]) }

  // In the upper half.
  @inline(__always) var isOSLAR: Bool { names(.oslar) }
  @inline(__always) var isOSLSR: Bool { names(.oslsr) }
  @inline(__always) var isOSDLR: Bool { names(.osdlr) }
  // In the lower half.
  @inline(__always) var isMDCCINT: Bool { names(.mdccint) }
  @inline(__always) var isMDSCR: Bool { names(.mdscr) }

  /// Whether op1, CRn, CRm and op2 are those of `register`. The half has told bit 2 of op2: without it the
  /// constant of a register in the upper half fits into an instruction.
  @inline(__always)
  private func names(_ register: SingleDebugRegister) -> Bool {
    // A constant: the table's encoding at the places that it has in a syndrome.
    let digits = UInt64(register.rawValue)
    let op1 = digits &>> 12 & 0xF
    let crn = digits &>> 8 & 0xF
    let crm = digits &>> 4 & 0xF
    let op2 = digits & 0b11
    return esr & 0x7_FC1E == op2 &<< 17 | op1 &<< 14 | crn &<< 10 | crm &<< 1
  }
}
