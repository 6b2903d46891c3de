// Whose a comparator is, and how far it is armed.
extension Mutant {
  private static let file = "NestedDebug/Planner.swift"

  static let planner = [
    Mutant(
      "KDE-ignored-in-the-plan-and-by-routing", in: "ArmDebug/SoftwareStep.swift",
      "case .el1: return kde && !state.d", becomes: "case .el1: return !state.d"),
    Mutant(
      "PSTATE-D-ignored", in: "ArmDebug/SoftwareStep.swift",
      "case .el1: return kde && !state.d", becomes: "case .el1: return kde"),
    Mutant(
      "masks-hold-at-EL0-too", in: "ArmDebug/SoftwareStep.swift",
      "case .el0: return true", becomes: "case .el0: return kde"),
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
      caughtBy: "StepTests|CompletedStepTests"),
    Mutant(
      "MDE-not-set-for-the-debugger", in: file,
      "plan.mdscr.mde = plan.armsAnything()", becomes: "plan.mdscr.mde = guest.mdscr.mde"),
    Mutant(
      "KDE-left-on-while-shared", in: file,
      "plan.mdscr.kde = false", becomes: "", caughtBy: "NestedDebugTests"),
    Mutant(
      "hardware-step-left-on", in: file,
      "plan.mdscr.ss = stepping", becomes: "plan.mdscr.ss = true"),
    Mutant(
      "linked-partner-disarmed", in: file,
      "breakpoint.control.e = arms && capabilities.isContextAware(n)",
      becomes: "breakpoint.control.e = false"),
    Mutant(
      "linked-partner-passed-over", in: file,
      "breakpoint.control.e = arms && capabilities.isContextAware(n)",
      becomes: "breakpoint.control.e = arms && passOver == .nothing"),
    Mutant(
      "link-to-a-comparator-of-the-debuggers-armed", in: file,
      "guard guest.bank.isLinkPartner(control.lbn, of: capabilities) else { return false }",
      becomes: "control.bt = .address"),
    Mutant(
      "watchpoint-forgets-its-link", in: file,
      "watchpoint.control.wt = guests.control.wt", becomes: "watchpoint.control.wt = false"),
    Mutant(
      "watchpoint-linked-to-another", in: file,
      "watchpoint.control.lbn = guests.control.lbn",
      becomes: "watchpoint.control.lbn = capabilities.breakpointCount &- 1"),
    Mutant(
      "guests-comparator-given-away", in: file,
      ".subtracting(plan.breakpointOwners.guests)", becomes: ""),
    Mutant(
      "unplaced-breakpoint-not-noted", in: file,
      "plan.unplacedBreakpoints |= 1 &<< UInt16(truncatingIfNeeded: request)", becomes: ""),
    Mutant(
      "unplaced-watchpoint-not-noted", in: file,
      "plan.unplacedWatchpoints |= 1 &<< UInt16(truncatingIfNeeded: request)", becomes: ""),
    Mutant(
      "one-comparator-kept-back", in: file,
      "return freeBreakpoints >= requests.breakpointsInUse.count",
      becomes: "return freeBreakpoints > requests.breakpointsInUse.count"),
    Mutant(
      "guests-breakpoint-at-EL1-not-armed", in: file,
      "PrivilegeMatch(el1: el1 && masks.kde, el0: el0)",
      becomes: "PrivilegeMatch(el1: false, el0: el0)"),
    Mutant(
      "guests-halfword-selection-lost", in: file,
      "control.bas = (control.bas & 0b0101) &* 0b11", becomes: "control.bas = 0b1111"),
    Mutant(
      "guests-event-not-passed-over", in: file,
      "&& !passOver.contains(.guestWatchpoints)", becomes: ""),
    Mutant(
      "debuggers-event-not-passed-over", in: file,
      "control.e = !passOver.contains(.debuggerWatchpoints)", becomes: "control.e = true"),
  ]
}
