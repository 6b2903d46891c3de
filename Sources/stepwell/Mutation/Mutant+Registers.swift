// What the guest reads and writes.
extension Mutant {
  private static let state = "NestedDebug/GuestDebugState.swift"

  static let registers = [
    Mutant(
      "guests-write-makes-no-new-plan", in: state,
      "comparatorChanges &+= Self.replace(&bank.breakpoints[n].control, .stored(value))",
      becomes: "_ = Self.replace(&bank.breakpoints[n].control, .stored(value))"),
    Mutant(
      "guests-MDSCR-makes-no-new-plan", in: state,
      "maskChanges &+= Self.replace(&mdscr.rawValue,", becomes: "_ = Self.replace(&mdscr.rawValue,"),
    Mutant(
      "guests-lock-makes-no-new-plan", in: state,
      "maskChanges &+= Self.replace(&osLock, value != 0)", becomes: "osLock = value != 0"),
    Mutant(
      "every-breakpoint-is-breakpoint-0", in: state,
      "case .dbgbvr(let n): return bank.breakpoints[n].value",
      becomes: "case .dbgbvr: return bank.breakpoints[0].value"),
    Mutant(
      "OSLSR-without-OSLM", in: state,
      "return osLock ? 0b1010 : 0b1000", becomes: "return osLock ? 0b0010 : 0b0000"),
    Mutant(
      "RES0-bits-of-a-value-kept", in: "ArmDebug/DebugRegister.swift",
      "mask: capabilities.isContextAware(n) ? .max : ~0b11)", becomes: "mask: .max)",
      caughtBy: "ArmDebugTests|EmulationTests"),
    Mutant(
      "MASK-of-a-watchpoint-lost", in: "ArmDebug/WatchpointControl.swift",
      "mask: UInt64 = 0x1F1F_FFFF", becomes: "mask: UInt64 = 0x001F_FFFF"),
    Mutant(
      "SSC-of-a-breakpoint-lost", in: "ArmDebug/BreakpointControl.swift",
      "mask: UInt64 = 0x00FF_E1E7", becomes: "mask: UInt64 = 0x00FF_21E7"),
    Mutant(
      "absent-comparators-exist", in: "ArmDebug/DebugRegister.swift",
      "case .dbgbcr(let n) where n < capabilities.breakpointCount:",
      becomes: "case .dbgbcr(let n) where n < 16:"),
    Mutant(
      "Double-Lock-where-there-is-none", in: "ArmDebug/DebugRegister.swift",
      "mask: capabilities.hasDoubleLock ? 0b1 : 0)", becomes: "mask: 0b1)"),
  ]
}
