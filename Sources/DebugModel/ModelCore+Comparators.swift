import ArmDebug

// Which breakpoint or watchpoint matches (Arm ARM D2.8 to D2.10; pseudocode AArch64.BreakpointMatch,
// BreakpointValueMatch, WatchpointMatch, StateMatch).
extension ModelCore {
  /// VTTBR_EL2.VMID.
  static let vmid: UInt64 = 7

  /// The lowest-numbered breakpoint that is an exception for the instruction at PC.
  var matchingBreakpoint: Int? {
    guard comparatorsEnabled else { return nil }
    for n in 0..<processor.breakpoints where bcr[n] & 1 == 1 && breakpoint(matches: n) { return n }
    return nil
  }

  private func breakpoint(matches n: Int) -> Bool {
    let control = bcr[n]
    let type = control >> 20 & 0xF
    switch type {
    case 0b0000, 0b0001:
      guard addressMatches(n), stateMatches(control, at: pstate.el) else { return false }
      return type == 0 || partner(matches: Int(control >> 16 & 0xF))
    case 0b0010, 0b1000, 0b1010:
      return processor.isContextAware(n) && stateMatches(control, at: pstate.el)
        && contextMatches(n)
    // The others are the partners of links, which fire nothing by themselves, or for processors
    // with more.
    default: return false
    }
  }

  /// For A64 the byte that BAS has to select is the first.
  private func addressMatches(_ n: Int) -> Bool {
    bvr[n] >> 2 == pc >> 2 && bcr[n] >> 5 & 1 == 1
  }

  private func contextMatches(_ n: Int) -> Bool {
    let type = bcr[n] >> 20 & 0xF
    let comparesContext = type & 0b0010 != 0
    let comparesVMID = type & 0b1000 != 0
    return (!comparesContext || bvr[n] & 0xFFFF_FFFF == contextIDR)
      && (!comparesVMID || bvr[n] >> 32 & 0xFFFF == Self.vmid)
  }

  /// A link to a breakpoint that is not there, is off or is of no linked context type never matches.
  /// The partner's own privilege fields do not count.
  private func partner(matches n: Int) -> Bool {
    guard processor.isContextAware(n), bcr[n] & 1 == 1 else { return false }
    switch bcr[n] >> 20 & 0xF {
    case 0b0011, 0b1001, 0b1011: return contextMatches(n)
    default: return false
    }
  }

  /// HMC, SSC, PMC at EL0 and EL1, Non-secure.
  private func stateMatches(_ control: UInt64, at el: ExceptionLevel) -> Bool {
    let secureOnly = control >> 14 & 3 == 2
    return !secureOnly && control >> (el == .el1 ? 1 : 2) & 1 == 1
  }

  /// The watchpoint that is an exception for an access, and what it reports.
  struct Watch {
    var n: Int
    /// The first byte accessed that any watchpoint watches.
    var byte: UInt64
  }

  func watch(_ access: Access) -> Watch? {
    guard comparatorsEnabled else { return nil }
    var first: Watch?
    for n in 0..<processor.watchpoints where wcr[n] & 1 == 1 {
      let control = wcr[n]
      guard stateMatches(control, at: access.isUnprivileged ? .el0 : pstate.el),
        UInt8(control >> 3 & 3) & access.kind.rawValue != 0,
        let byte = firstByte(of: access.range, watchedBy: n), byte < first?.byte ?? .max,
        control >> 20 & 1 == 0 || partner(matches: Int(control >> 16 & 0xF))
      else { continue }
      first = Watch(n: n, byte: byte)
    }
    return first
  }

  private func firstByte(of range: Range<UInt64>, watchedBy n: Int) -> UInt64? {
    let mask = wcr[n] >> 24 & 31
    let value = wvr[n]
    if mask >= 3 { return range.first { $0 >> mask == value >> mask } }
    guard mask == 0 else { return nil }
    // A word-aligned address has only a word's worth of BAS.
    let width: UInt64 = value & 4 == 0 ? 8 : 4
    let bytes = wcr[n] >> 5 & (1 << width - 1)
    // Of several runs of ones the first: what is watched of the others is CONSTRAINED UNPREDICTABLE.
    let first = UInt64(bytes.trailingZeroBitCount)
    guard first < width else { return nil }
    let run = UInt64((~(bytes >> first)).trailingZeroBitCount)
    return (first..<first + run).first { range.contains(value + $0) }.map { value + $0 }
  }

  /// What the processor reports in FAR for an access that is watched at `byte`: an address from the
  /// lowest that was accessed on, in the block of DC ZVA that the watched one is in. Of a
  /// store-exclusive it is the watched one: EL2, which may have performed it, reports that, and cannot
  /// know what else this processor would have.
  func reportedAddress(_ access: Access, watchedAt byte: UInt64) -> UInt64 {
    guard processor.reportsLowestAddress, !access.isExclusiveStore else { return byte }
    return max(access.range.lowerBound, byte & ~(processor.zeroBlock - 1))
  }
}
