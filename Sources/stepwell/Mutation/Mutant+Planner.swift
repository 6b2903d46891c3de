// Whose a comparator is, and how far it is armed.
extension Mutant {
  private static let file = "NestedDebug/Planner.swift"

  static let planner = [
    Mutant(
      "KDE-ignored-in-the-plan-and-by-routing", in: "ArmDebug/SoftwareStep.swift",
      "state.isEL0 || kde && !state.d", becomes: "state.isEL0 || !state.d"),
    Mutant(
      "PSTATE-D-ignored", in: "ArmDebug/SoftwareStep.swift",
      "state.isEL0 || kde && !state.d", becomes: "state.isEL0 || kde"),
    Mutant(
      "masks-hold-at-EL0-too", in: "ArmDebug/SoftwareStep.swift",
      "state.isEL0 || kde", becomes: "state.isEL0 && kde || kde"),
    Mutant(
      "MDE-ignored", in: "NestedDebug/GuestDebugState.swift",
      "{ mdscr.mde && !masks.isLocked }", becomes: "{ !masks.isLocked }"),
    Mutant(
      "OS-Lock-ignored", in: "NestedDebug/GuestDebugState.swift",
      "isLocked: osLock || osDoubleLock", becomes: "isLocked: osDoubleLock"),
    Mutant(
      "OS-Double-Lock-ignored", in: "NestedDebug/GuestDebugState.swift",
      "isLocked: osLock || osDoubleLock && !noPowerDownRequest", becomes: "isLocked: osLock"),
    Mutant(
      "OS-Lock-does-not-stop-the-guests-step", in: "NestedDebug/GuestDebugState.swift",
      "{ mdscr.ss && !masks.isLocked }", becomes: "{ mdscr.ss }",
      caughtBy: "PlannerTests"),
    Mutant(
      "MDE-not-set-for-the-debugger", in: file,
      "plan.mdscr.mde = plan.armsAnything", becomes: "plan.mdscr.mde = guests.mde"),
    Mutant(
      "KDE-left-on-while-shared", in: file,
      "plan.mdscr.kde = false", becomes: "", caughtBy: "NestedDebugTests"),
    Mutant(
      "hardware-step-left-on", in: file,
      "plan.mdscr.ss = stepping", becomes: "plan.mdscr.ss = true"),
    Mutant(
      "linked-partner-disarmed", in: file,
      "breakpoint.control.e = arms && comparators.contextAware.contains(n)",
      becomes: "breakpoint.control.e = false"),
    Mutant(
      "linked-partner-passed-over", in: file,
      "breakpoint.control.e = arms && comparators.contextAware.contains(n)",
      becomes: "breakpoint.control.e = arms && passOver == .nothing"),
    Mutant(
      "link-to-a-comparator-of-the-debuggers-armed", in: file,
      "if control.isLinked, !isLinkPartner(control.lbn, &guest) { return false }",
      becomes: "if !isLinkPartner(control.lbn, &guest) { control.bt = .address }"),
    Mutant(
      "watchpoint-forgets-its-link", in: file,
      "watchpoint.control.privilege = privilege",
      becomes: "watchpoint.control.privilege = privilege; watchpoint.control.wt = false"),
    Mutant(
      "watchpoint-linked-to-another", in: file,
      "watchpoint.control.privilege = privilege",
      becomes:
        "watchpoint.control.privilege = privilege; watchpoint.control.lbn = comparators.breakpoints.count &- 1"
    ),
    Mutant(
      "guests-comparator-given-away", in: file,
      "comparators.breakpoints.subtracting(plan.breakpointOwners.guests)",
      becomes: "comparators.breakpoints"),
    Mutant(
      "unplaced-breakpoint-not-noted", in: file,
      "plan.unplacedBreakpoints |= 1 &<< UInt16(truncatingIfNeeded: request)", becomes: ""),
    Mutant(
      "unplaced-watchpoint-not-noted", in: file,
      "plan.unplacedWatchpoints |= 1 &<< UInt16(truncatingIfNeeded: request)", becomes: ""),
    Mutant(
      "one-comparator-kept-back", in: file,
      "guard requests.breakpointsInUse.count <= capabilities.breakpointCount else { return false }",
      becomes:
        "guard requests.breakpointsInUse.count < capabilities.breakpointCount else { return false }"
    ),
    Mutant(
      "guests-breakpoint-at-EL1-not-armed", in: file,
      "masks.kde ? self : intersection", becomes: "intersection"),
    Mutant(
      "guests-halfword-selection-lost", in: file,
      "control.bas = (control.bas & 0b0101) &* 0b11", becomes: "control.bas = 0b1111"),
    Mutant(
      "guests-event-not-passed-over", in: file,
      "&& !passOver.contains(.guestWatchpoints)", becomes: ""),
    Mutant(
      "debuggers-event-not-passed-over", in: file,
      "control.e = !passOver.contains(.debuggerWatchpoints)", becomes: "control.e = true"),
    Mutant(
      "change-forgets-what-links-to-it", in: file,
      "guard !comparators.contextAware.contains(n) else { return false }", becomes: ""),
    Mutant(
      "change-takes-the-debuggers", in: "NestedDebug/Plan.swift",
      "guard unplacedBreakpoints == 0, !breakpointOwners.debuggers.contains(n) else { return false }",
      becomes: ""),
    Mutant(
      "change-of-the-masks-forgets-the-comparators", in: file,
      "    planGuests(&plan, &guest)\n    planMDSCR(&plan, guest.mdscr)\n    return",
      becomes: "    planMDSCR(&plan, guest.mdscr)\n    return"),
    Mutant(
      "change-leaves-the-old-watchpoint", in: "NestedDebug/VirtualDebug+Modes.swift",
      "installed.setWatchpoint(n, plan.bank.watchpoints[n], hardware: &hardware)\n        finish",
      becomes: "finish"),
    Mutant(
      "more-breakpoints-accepted-than-there-can-be", in: file,
      "guard requests.breakpointsInUse.count <= capabilities.breakpointCount else { return false }",
      becomes: ""),
    Mutant(
      "watchpoints-counted-each-for-itself", in: file, "left &-= count", becomes: "_ = count"),
  ]
}
