// The change of mode, the plan's inputs, and what is written to the hardware.
extension Mutant {
  private static let file = "NestedDebug/VirtualDebug+Modes.swift"

  static let modes = [
    Mutant(
      "capture-reads-comparator-0-only", in: file,
      "guest.bank.breakpoints[n].value = capture(.dbgbvr(n), &hardware)",
      becomes: "guest.bank.breakpoints[n].value = capture(.dbgbvr(0), &hardware)"),
    Mutant(
      "capture-forgets-a-watchpoint", in: file,
      "guest.bank.watchpoints[n].control.rawValue = capture(.dbgwcr(n), &hardware)",
      becomes:
        "if n > 0 { guest.bank.watchpoints[n].control.rawValue = capture(.dbgwcr(n), &hardware) }"
    ),
    Mutant(
      "capture-forgets-MDSCR", in: file,
      "guest.mdscr.rawValue = capture(.mdscr, &hardware)", becomes: ""),
    Mutant(
      "capture-reads-OSLM-for-OSLK", in: file,
      "capture(.oslsr, &hardware)[bit: 1]", becomes: "capture(.oslsr, &hardware)[bit: 3]"),
    Mutant(
      "capture-forgets-the-Double-Lock", in: file,
      "guest.osDoubleLock = capabilities.hasDoubleLock && capture(.osdlr, &hardware)[bit: 0]",
      becomes: ""),
    Mutant(
      "guests-lock-silences-the-debugger", in: file,
      "    hardware.write(.oslar, 0)\n", becomes: ""),
    Mutant(
      "guests-Double-Lock-silences-the-debugger", in: file,
      "if capabilities.hasDoubleLock { hardware.write(.osdlr, 0) }", becomes: ""),
    Mutant(
      "release-forgets-MDSCR", in: file,
      "hardware.write(.mdscr, guest.mdscr.rawValue)", becomes: ""),
    Mutant(
      "release-forgets-the-lock", in: file,
      "hardware.write(.oslar, guest.osLock ? 1 : 0)", becomes: ""),
    Mutant(
      "release-leaves-traps", in: file,
      "hardware.setDebugTraps(false)", becomes: ""),
    Mutant(
      "release-keeps-the-plans-comparators", in: file,
      "installed.overwrite(with: &guest.bank", becomes: "installed.overwrite(with: &plan.bank"
    ),
    Mutant(
      "ISB-missing-after-the-plan", in: file,
      "if old != plan.mdscr { hardware.write(.mdscr, plan.mdscr.rawValue) }\n    hardware.synchronize()",
      becomes: "if old != plan.mdscr { hardware.write(.mdscr, plan.mdscr.rawValue) }",
      caughtBy: "ModeTests|PlanChangeTests"),
    Mutant(
      "value-written-under-an-enabled-comparator", in: file,
      "      hardware.write(.dbgbcr(n), 0)\n      hardware.write(.dbgbvr(n), new.value)\n    }\n    hardware.write(.dbgbcr(n), new.control",
      becomes:
        "      hardware.write(.dbgbvr(n), new.value)\n    }\n    hardware.write(.dbgbcr(n), new.control",
      caughtBy: "OrderTests"),
    Mutant(
      "traps-before-KDE-is-off", in: file,
      "    disarm(&hardware)\n    hardware.setDebugTraps(true)\n",
      becomes: "    hardware.setDebugTraps(true)\n    disarm(&hardware)\n", caughtBy: "OrderTests"),
    Mutant(
      "installed-breakpoint-not-remembered", in: file,
      "    hardware.write(.dbgbcr(n), new.control.rawValue)\n    breakpoints[n] = new\n  }\n\n",
      becomes: "    hardware.write(.dbgbcr(n), new.control.rawValue)\n  }\n\n"),
    Mutant(
      "plan-not-made-anew-for-passing-over", in: file,
      "passOver: step.passOver, stepping: stepping)\n    guard",
      becomes: "passOver: .nothing, stepping: stepping)\n    guard"),
    Mutant(
      "plan-not-made-anew-for-requests", in: file,
      "requestsGeneration: requests.generation,", becomes: "requestsGeneration: 0,"),
  ]
}
