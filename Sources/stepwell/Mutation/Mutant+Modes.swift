// The change of mode, the inputs of the plan, and what is written to the hardware.
extension Mutant {
  static let modes = [
    Mutant(
      "capture-reads-comparator-0-only", in: "NestedDebug/VirtualDebug+Modes.swift",
      at: "capturesBreakpoint",
      .become("capture(.dbgbvr(0), &hardware)")),
    Mutant(
      "capture-forgets-a-watchpoint", in: "NestedDebug/VirtualDebug+Modes.swift",
      at: "capturesWatchpoint",
      .onlyIf("n > 0")),
    Mutant(
      "capture-forgets-MDSCR", in: "NestedDebug/VirtualDebug+Modes.swift", at: "capturesMDSCR",
      .remove),
    Mutant(
      "capture-reads-OSLM-for-OSLK", in: "NestedDebug/VirtualDebug+Modes.swift",
      at: "capturesOSLock",
      .token("1]", "3]")),
    Mutant(
      "capture-forgets-the-Double-Lock", in: "NestedDebug/VirtualDebug+Modes.swift",
      at: "capturesDoubleLock",
      .remove),
    Mutant(
      "guests-lock-silences-the-debugger", in: "NestedDebug/VirtualDebug+Modes.swift",
      at: "takesOSLockOff",
      .remove),
    Mutant(
      "guests-Double-Lock-silences-the-debugger", in: "NestedDebug/VirtualDebug+Modes.swift",
      at: "takesDoubleLockOff",
      .remove),
    Mutant(
      "release-forgets-MDSCR", in: "NestedDebug/VirtualDebug+Modes.swift", at: "releasesMDSCR",
      .remove),
    Mutant(
      "release-forgets-the-lock", in: "NestedDebug/VirtualDebug+Modes.swift", at: "releasesOSLock",
      .remove),
    Mutant(
      "release-leaves-traps", in: "NestedDebug/VirtualDebug+Modes.swift", at: "releasesTraps",
      .remove),
    Mutant(
      "release-keeps-the-plans-comparators", in: "NestedDebug/VirtualDebug+Modes.swift",
      at: "releasesComparators",
      .argument("with", .become("&plan.bank"))),
    Mutant(
      "ISB-missing-after-the-plan", in: "NestedDebug/VirtualDebug+Modes.swift",
      at: "synchronizesPlan",
      .remove, killedBy: .engineTests("ModeTests|PlanChangeTests")),
    Mutant(
      "value-written-under-an-enabled-comparator", in: "NestedDebug/VirtualDebug+Modes.swift",
      at: "disablesBeforeValue",
      .remove, killedBy: .engineTests("OrderTests")),
    Mutant(
      "traps-before-KDE-is-off", in: "NestedDebug/VirtualDebug+Modes.swift",
      at: "disarmsBeforeTraps",
      .swapWithNext, killedBy: .engineTests("OrderTests")),
    Mutant(
      "installed-breakpoint-not-remembered", in: "NestedDebug/VirtualDebug+Modes.swift",
      at: "remembersInstalled",
      .remove),
    Mutant(
      "plan-not-made-anew-for-passing-over", in: "NestedDebug/VirtualDebug+Modes.swift",
      at: "planInputs",
      .argument("passOver", .become(".nothing"))),
    Mutant(
      "plan-not-made-anew-for-requests", in: "NestedDebug/VirtualDebug+Modes.swift",
      at: "planInputs",
      .argument("requestsGeneration", .become("0"))),
  ]
}
