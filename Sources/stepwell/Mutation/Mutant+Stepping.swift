// The two step machines.
extension Mutant {
  static let stepping = [
    Mutant(
      "SPSR-SS-not-scrubbed", in: "NestedDebug/VirtualDebug+Stepping.swift", at: "scrubsSPSR",
      .become("false")),
    Mutant(
      "SPSR-SS-always-scrubbed", in: "NestedDebug/VirtualDebug+Stepping.swift", at: "scrubsSPSR",
      .dropTerm(1)),
    Mutant(
      "exception-return-starts-no-step", in: "NestedDebug/VirtualDebug+Stepping.swift",
      at: "returnBeginsStep",
      .become("false")),
    Mutant(
      "exception-return-steps-from-anywhere", in: "NestedDebug/VirtualDebug+Stepping.swift",
      at: "returnLiftsMask",
      .dropTerm(2)),
    Mutant(
      "unmasking-taken-for-a-return", in: "NestedDebug/VirtualDebug+Stepping.swift",
      at: "unmaskingIsNoReturn",
      .become("true")),
    Mutant(
      "ISV-always", in: "NestedDebug/VirtualDebug+Stepping.swift", at: "stepSyndrome",
      .argument("isv", .become("true"))),
    Mutant(
      "ISV-never", in: "NestedDebug/VirtualDebug+Stepping.swift", at: "stepSyndrome",
      .argument("isv", .become("false"))),
    Mutant(
      "guests-step-not-taken", in: "NestedDebug/VirtualDebug+Stepping.swift", at: "guestStepIsDue",
      .term(2, "false")),
    Mutant(
      "guests-step-before-the-debuggers", in: "NestedDebug/VirtualDebug+Stepping.swift",
      at: "guestStepIsDue",
      .dropTerm(0)),
    Mutant(
      "masked-step-not-followed", in: "NestedDebug/VirtualDebug+Stepping.swift", at: "steps",
      .dropTerm(1)),
    Mutant(
      "passed-over-for-good", in: "NestedDebug/VirtualDebug+Stepping.swift", at: "steps",
      .dropTerm(2)),
    Mutant(
      "step-without-SS", in: "NestedDebug/VirtualDebug+Stepping.swift", at: "entersWithSS",
      .become("runsInstruction && guest.steps")),
    Mutant(
      "done-runs-another-instruction", in: "NestedDebug/VirtualDebug+Stepping.swift",
      at: "runsInstruction",
      .term(0, "true")),
    Mutant(
      "vector-not-recognised", in: "NestedDebug/VirtualDebug+Stepping.swift",
      at: "recognisesVector",
      .statement("return false")),
    Mutant(
      "HVC-at-a-vector-taken-for-an-exception", in: "NestedDebug/VirtualDebug+Stepping.swift",
      at: "hvcIsNoException",
      .remove, killedBy: .engineTests("NestedDebugTests")),
    Mutant(
      "interrupts-never-withheld", in: "NestedDebug/VirtualDebug+Stepping.swift",
      at: "stepIsDebuggers",
      .become("false")),
    Mutant(
      "interrupts-withheld-for-EL2s-own-steps", in: "NestedDebug/VirtualDebug+Stepping.swift",
      at: "stepIsDebuggers",
      .become("stepping")),
    Mutant(
      "interrupts-let-in-before-a-step-is-reported", in: "NestedDebug/VirtualDebug+Stepping.swift",
      at: "withholdsInterrupts",
      .argumentNumber(0, .dropTerm(0))),
    Mutant(
      "interrupts-withheld-for-good", in: "NestedDebug/VirtualDebug+Stepping.swift",
      at: "interruptsChange",
      .become("on, interruptsWithheld != true")),
    Mutant(
      "interrupts-hidden-from-ISR", in: "NestedDebug/VirtualDebug+Stepping.swift",
      at: "mayWithhold",
      .branch(1, "true")),
    Mutant(
      "interrupts-let-in-at-unmasking", in: "NestedDebug/VirtualDebug+Stepping.swift",
      at: "mayWithhold",
      .branch(0, "false"), killedBy: .engineTests("ModeTests")),
    Mutant(
      "waits-not-trapped", in: "NestedDebug/VirtualDebug+Stepping.swift", at: "trapsWaits",
      .argumentNumber(0, .become("false")), killedBy: .engineTests("NestedDebugTests")),
    Mutant(
      "emulated-instruction-is-no-step", in: "NestedDebug/VirtualDebug+Injection.swift",
      at: "emulatedIsStep",
      .remove),
    Mutant(
      "emulated-instruction-leaves-SS", in: "NestedDebug/VirtualDebug+Injection.swift",
      at: "emulatedClearsSS",
      .remove),
    Mutant(
      "emulated-instruction-not-skipped", in: "NestedDebug/VirtualDebug+Injection.swift",
      at: "emulatedMovesPC",
      .remove),
    Mutant(
      "injection-is-no-step", in: "NestedDebug/VirtualDebug+Injection.swift", at: "injectionIsStep",
      .remove),
    Mutant(
      "passed-over-not-cleared", in: "NestedDebug/StepState.swift", at: "advanceForgets",
      .remove),
    Mutant(
      "passed-over-elsewhere", in: "NestedDebug/StepState.swift", at: "elsewhereForgets",
      .remove, killedBy: .engineTests("NestedDebugTests")),
    Mutant(
      "step-stops-at-its-own-breakpoint", in: "NestedDebug/StepState.swift",
      at: "stepIgnoresBreakpoint",
      .onlyBranch(1)),
    Mutant(
      "silent-step-does-not-see-the-mask-lift", in: "NestedDebug/VirtualDebug+GuestSteps.swift",
      at: "seesMaskLift",
      .become("true")),
    Mutant(
      "silent-step-does-not-see-an-exception", in: "NestedDebug/VirtualDebug+GuestSteps.swift",
      at: "seesException",
      .term(2, "true")),
    Mutant(
      "silent-step-does-not-see-exclusives", in: "NestedDebug/VirtualDebug+GuestSteps.swift",
      at: "seesExclusive",
      .dropTerm(1)),
    Mutant(
      "silent-step-forgets-what-is-passed-over", in: "NestedDebug/VirtualDebug+GuestSteps.swift",
      at: "stepsForGuestAlone",
      .dropTerm(3)),
    Mutant(
      "guests-step-is-not-due", in: "NestedDebug/VirtualDebug+GuestSteps.swift", at: "isDue",
      .become("false")),
    Mutant(
      "guests-step-has-run-nothing", in: "NestedDebug/VirtualDebug+GuestSteps.swift",
      at: "stepHasRun",
      .argument("isv", .become("false"))),
    Mutant(
      "guests-step-begins-behind-the-instruction", in: "NestedDebug/VirtualDebug+GuestSteps.swift",
      at: "beginsStep",
      .become("false")),
    Mutant(
      "stepping-begins-unmasked-and-unseen", in: "NestedDebug/VirtualDebug+GuestSteps.swift",
      at: "beginsMasked",
      .dropTerm(4)),
    Mutant(
      "entry-outlives-the-guests-steps", in: "NestedDebug/VirtualDebug+GuestSteps.swift",
      at: "endsEntry",
      .remove),
    Mutant(
      "exclusives-kept-when-the-debugger-moves-PC", in: "NestedDebug/VirtualDebug.swift",
      at: "movedForgetsExclusives",
      .remove, killedBy: .engineTests("ForgettingTests")),
    Mutant(
      "reported-events-kept-when-the-debugger-moves-PC", in: "NestedDebug/VirtualDebug.swift",
      at: "movedForgetsEvents",
      .remove, killedBy: .engineTests("ForgettingTests")),
    Mutant(
      "interrupts-taken-for-let-in-after-a-reset", in: "NestedDebug/VirtualDebug.swift",
      at: "interruptsUnknown",
      .statement("$0 = false"), killedBy: .engineTests("ForgettingTests")),
  ]
}
