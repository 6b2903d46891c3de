// Whose a comparator is, and how far it is armed.
extension Mutant {
  static let planner = [
    Mutant(
      "KDE-ignored-in-the-plan-and-by-routing", in: "ArmDebug/SoftwareStep.swift",
      at: "debugExceptionsEnabled",
      .dropTerm(1)),
    Mutant(
      "PSTATE-D-ignored", in: "ArmDebug/SoftwareStep.swift", at: "debugExceptionsEnabled",
      .dropTerm(2)),
    Mutant(
      "masks-hold-at-EL0-too", in: "ArmDebug/SoftwareStep.swift", at: "debugExceptionsEnabled",
      .term(0, "$0 && kde")),
    Mutant(
      "MDE-ignored", in: "NestedDebug/GuestDebugState.swift", at: "armsComparators",
      .dropTerm(0)),
    Mutant(
      "OS-Lock-ignored", in: "NestedDebug/GuestDebugState.swift", at: "locks",
      .argument("isLocked", .dropTerm(0))),
    Mutant(
      "OS-Double-Lock-ignored", in: "NestedDebug/GuestDebugState.swift", at: "locks",
      .argument("isLocked", .onlyTerm(0))),
    Mutant(
      "OS-Lock-does-not-stop-the-guests-step", in: "NestedDebug/GuestDebugState.swift",
      at: "guestSteps",
      .dropTerm(1), killedBy: .engineTests("PlannerTests")),
    Mutant(
      "MDE-not-set-for-the-debugger", in: "NestedDebug/Planner.swift", at: "plansMDE",
      .become("guests.mde")),
    Mutant(
      "KDE-left-on-while-shared", in: "NestedDebug/Planner.swift", at: "plansKDE",
      .remove, killedBy: .engineTests("NestedDebugTests")),
    Mutant(
      "hardware-step-left-on", in: "NestedDebug/Planner.swift", at: "plansSS",
      .become("true")),
    Mutant(
      "linked-partner-disarmed", in: "NestedDebug/Planner.swift", at: "linkPartnerStaysArmed",
      .become("false")),
    Mutant(
      "linked-partner-passed-over", in: "NestedDebug/Planner.swift", at: "linkPartnerStaysArmed",
      .term(1, "passOver == .nothing")),
    Mutant(
      "link-to-a-comparator-of-the-debuggers-armed", in: "NestedDebug/Planner.swift",
      at: "danglingLink",
      .statement("if !isLinkPartner(control.lbn, &guest) { control.bt = .address }")),
    Mutant(
      "watchpoint-forgets-its-link", in: "NestedDebug/Planner.swift", at: "armsWatchpoint",
      .append("watchpoint.control.wt = false")),
    Mutant(
      "watchpoint-linked-to-another", in: "NestedDebug/Planner.swift", at: "armsWatchpoint",
      .append("watchpoint.control.lbn = comparators.breakpoints.count &- 1")),
    Mutant(
      "guests-comparator-given-away", in: "NestedDebug/Planner.swift", at: "keepsGuestSlots",
      .become("comparators.breakpoints")),
    Mutant(
      "unplaced-breakpoint-not-noted", in: "NestedDebug/Planner.swift",
      at: "notesUnplacedBreakpoint",
      .remove),
    Mutant(
      "unplaced-watchpoint-not-noted", in: "NestedDebug/Planner.swift",
      at: "notesUnplacedWatchpoint",
      .remove),
    Mutant(
      "one-comparator-kept-back", in: "NestedDebug/Planner.swift", at: "breakpointsFit",
      .token("0", "1")),
    Mutant(
      "guests-breakpoint-at-EL1-not-armed", in: "NestedDebug/Planner.swift", at: "permittedByKDE",
      .onlyBranch(1)),
    Mutant(
      "guests-halfword-selection-lost", in: "NestedDebug/Planner.swift", at: "guestsHalfword",
      .become("0b1111")),
    Mutant(
      "guests-event-not-passed-over", in: "NestedDebug/Planner.swift",
      at: "guestsWatchpointPassedOver",
      .dropTerm(2)),
    Mutant(
      "debuggers-event-not-passed-over", in: "NestedDebug/Planner.swift",
      at: "debuggersWatchpointPassedOver",
      .become("true")),
    Mutant(
      "change-forgets-what-links-to-it", in: "NestedDebug/Planner.swift", at: "changeOfLinkPartner",
      .remove),
    Mutant(
      "change-takes-the-debuggers", in: "NestedDebug/Plan.swift", at: "changeMovesDebuggers",
      .remove),
    Mutant(
      "change-of-the-masks-forgets-the-comparators", in: "NestedDebug/Planner.swift",
      at: "changeOfMasks",
      .remove),
    Mutant(
      "change-leaves-the-old-watchpoint", in: "NestedDebug/VirtualDebug+Modes.swift",
      at: "installsChangedWatchpoint",
      .remove),
    Mutant(
      "more-breakpoints-accepted-than-there-can-be", in: "NestedDebug/Planner.swift",
      at: "breakpointsFit",
      .remove),
    Mutant(
      "watchpoints-counted-each-for-itself", in: "NestedDebug/Planner.swift", at: "watchpointsFit",
      .remove),
  ]
}
