// What the guest reads and writes.
extension Mutant {
  static let registers = [
    Mutant(
      "guests-write-makes-no-new-plan", in: "NestedDebug/GuestDebugState.swift",
      at: "countsBreakpointControl",
      .discard),
    Mutant(
      "guests-MDSCR-makes-no-new-plan", in: "NestedDebug/GuestDebugState.swift", at: "countsMDSCR",
      .discard),
    Mutant(
      "guests-lock-makes-no-new-plan", in: "NestedDebug/GuestDebugState.swift", at: "countsOSLock",
      .discard),
    Mutant(
      "every-breakpoint-is-breakpoint-0", in: "NestedDebug/GuestDebugState.swift",
      at: "readsBreakpointValue",
      .become("bank.breakpoints[0].value")),
    Mutant(
      "OSLSR-without-OSLM", in: "NestedDebug/GuestDebugState.swift", at: "readsOSLSR",
      .become("($0) & 0b0010")),
    Mutant(
      "RES0-bits-of-a-value-kept", in: "ArmDebug/DebugRegister.swift", at: "bitsOfBreakpointValue",
      .argument("mask", .become(".max")), killedBy: .engineTests("ArmDebugTests|EmulationTests")),
    Mutant(
      "MASK-of-a-watchpoint-lost", in: "ArmDebug/WatchpointControl.swift",
      at: "bitsOfWatchpointControl",
      .become("0x001F_FFFF")),
    Mutant(
      "SSC-of-a-breakpoint-lost", in: "ArmDebug/BreakpointControl.swift",
      at: "bitsOfBreakpointControl",
      .become("0x00FF_21E7")),
    Mutant(
      "absent-comparators-exist", in: "ArmDebug/DebugRegister.swift", at: "existingBreakpoints",
      .statement("case .dbgbcr(let n) where 0..<16 ~= n:")),
    Mutant(
      "Double-Lock-where-there-is-none", in: "ArmDebug/DebugRegister.swift", at: "bitsOfOSDLR",
      .argument("mask", .onlyBranch(0))),
  ]
}
