// The two step machines.
extension Mutant {
  private static let file = "NestedDebug/VirtualDebug+Stepping.swift"
  private static let injection = "NestedDebug/VirtualDebug+Injection.swift"
  private static let guestSteps = "NestedDebug/VirtualDebug+GuestSteps.swift"
  private static let state = "NestedDebug/StepState.swift"

  static let stepping = [
    Mutant(
      "SPSR-SS-not-scrubbed", in: file,
      "if spsr.ss, !entry.context.pstate.ss {", becomes: "if false {"),
    Mutant(
      "SPSR-SS-always-scrubbed", in: file,
      "if spsr.ss, !entry.context.pstate.ss {", becomes: "if spsr.ss {"),
    Mutant(
      "exception-return-starts-no-step", in: file,
      "return isReturn && PState(rawValue: hardware.read(.spsr)).ss", becomes: "return false"),
    Mutant(
      "exception-return-steps-from-anywhere", in: "ArmDebug/SoftwareStep.swift",
      "mdscr.ss && !masks.enables(source) && masks.enables(target) && target.ss",
      becomes: "mdscr.ss && masks.enables(target)", caughtBy: "SoftwareStepTests"),
    Mutant(
      "unmasking-taken-for-a-return", in: file,
      "target.pstate.el == .el0 || entry.instruction?.isExceptionReturn == true", becomes: "true"),
    Mutant(
      "ISV-always", in: file,
      "isv: entry.context.pstate.ss && stepped && detail.isv", becomes: "isv: true"),
    Mutant(
      "ISV-never", in: file,
      "isv: entry.context.pstate.ss && stepped && detail.isv", becomes: "isv: false"),
    Mutant(
      "guests-step-not-taken", in: file,
      "SoftwareStep(mdscr: guest.mdscr, masks: guest.masks, state: context.pstate) == .activePending",
      becomes:
        "SoftwareStep(mdscr: guest.mdscr, masks: guest.masks, state: context.pstate) == .inactive"),
    Mutant(
      "guests-step-before-the-debuggers", in: file,
      "guard step.debugger != .done, guest.steps,", becomes: "guard guest.steps,"),
    Mutant(
      "masked-step-not-followed", in: file,
      "step.debugger != .none || guest.steps || step.passOver != .nothing",
      becomes: "step.debugger != .none || step.passOver != .nothing"),
    Mutant(
      "passed-over-for-good", in: file,
      "step.debugger != .none || guest.steps || step.passOver != .nothing",
      becomes: "step.debugger != .none || guest.steps"),
    Mutant(
      "step-without-SS", in: file,
      "context.pstate.ss = stepping && runsInstruction",
      becomes: "context.pstate.ss = runsInstruction && guest.steps"),
    Mutant(
      "done-runs-another-instruction", in: file,
      "let runsInstruction = step.debugger != .done", becomes: "let runsInstruction = true"),
    Mutant(
      "vector-not-recognised", in: file,
      "guard !isCompleteStep, left.pstate.el == .el1 else { return false }", becomes: "return false"
    ),
    Mutant(
      "HVC-at-a-vector-taken-for-an-exception", in: file,
      "case .hvc64, .hvc32, .smc64, .smc32: return false", becomes: "",
      caughtBy: "NestedDebugTests"),
    Mutant(
      "interrupts-never-withheld", in: file,
      "let isDebuggers = step.debugger != .none || step.passOver.involvesDebugger",
      becomes: "let isDebuggers = false"),
    Mutant(
      "interrupts-withheld-for-EL2s-own-steps", in: file,
      "let isDebuggers = step.debugger != .none || step.passOver.involvesDebugger",
      becomes: "let isDebuggers = stepping"),
    Mutant(
      "interrupts-let-in-before-a-step-is-reported", in: file,
      "stepping && !runsInstruction\n        || isDebuggers", becomes: "isDebuggers"),
    Mutant(
      "interrupts-withheld-for-good", in: file,
      "guard on != interruptsWithheld else { return }",
      becomes: "guard on, interruptsWithheld != true else { return }"),
    Mutant(
      "interrupts-hidden-from-ISR", in: file,
      "!instruction.observesPendingInterrupts", becomes: "true"),
    Mutant(
      "interrupts-let-in-at-unmasking", in: file,
      "masked ? instruction.mayUnmaskInterrupts", becomes: "masked ? false",
      caughtBy: "ModeTests"),
    Mutant(
      "waits-not-trapped", in: file,
      "trapWaits(isDebuggers, hardware: &hardware)",
      becomes: "trapWaits(false, hardware: &hardware)",
      caughtBy: "NestedDebugTests"),
    Mutant(
      "emulated-instruction-is-no-step", in: injection,
      "step.advance(guestSyndrome: .step(isv: stepped, ex: false))", becomes: ""),
    Mutant(
      "emulated-instruction-leaves-SS", in: injection,
      "    let stepped = context.pstate.ss\n    context.pstate.ss = false\n",
      becomes: "    let stepped = context.pstate.ss\n"),
    Mutant(
      "emulated-instruction-not-skipped", in: injection,
      "context.pc &+= length", becomes: "context.pc &+= 0"),
    Mutant(
      "injection-is-no-step", in: injection,
      "hardware: &hardware)\n    step.advance(guestSyndrome: .step(isv: false, ex: false))",
      becomes: "hardware: &hardware)"),
    Mutant(
      "passed-over-not-cleared", in: state,
      "if debugger == .requested { debugger = .done }\n    dealtWith = .nothing",
      becomes: "if debugger == .requested { debugger = .done }"),
    Mutant(
      "passed-over-elsewhere", in: state,
      "if dealtWithPC != pc { dealtWith = .nothing }", becomes: "",
      caughtBy: "NestedDebugTests"),
    Mutant(
      "step-stops-at-its-own-breakpoint", in: state,
      "debugger == .requested ? dealtWith.union(.debuggerBreakpoints) : dealtWith",
      becomes: "dealtWith"),
    Mutant(
      "silent-step-does-not-see-the-mask-lift", in: guestSteps,
      "guard !guest.masks.enables(context.pstate) else {", becomes: "guard true else {"),
    Mutant(
      "silent-step-does-not-see-an-exception", in: guestSteps,
      "DebugSyndrome(rawValue: syndrome.iss).isv\n    else", becomes: "true\n    else"),
    Mutant(
      "silent-step-does-not-see-exclusives", in: guestSteps,
      "let bits = hardware.fetchInstruction(at: context.pc), !Instruction(bits).isExclusive",
      becomes: "let bits = hardware.fetchInstruction(at: context.pc)"),
    Mutant(
      "silent-step-forgets-what-is-passed-over", in: guestSteps,
      "&& step.passOver == .nothing", becomes: ""),
    Mutant(
      "guests-step-is-not-due", in: guestSteps,
      "let isDue = !context.pstate.ss", becomes: "let isDue = false"),
    Mutant(
      "guests-step-has-run-nothing", in: guestSteps,
      "step.guestSyndrome = .step(isv: source.context.pstate.ss, ex: false)",
      becomes: "step.guestSyndrome = .step(isv: false, ex: false)"),
    Mutant(
      "guests-step-begins-behind-the-instruction", in: guestSteps,
      "context.pstate.ss = Self.stepBit(\n"
        + "      after: source, at: context, mdscr: guest.mdscr, masks: guest.masks, hardware: &hardware)",
      becomes: "context.pstate.ss = false"),
    Mutant(
      "stepping-begins-unmasked-and-unseen", in: guestSteps,
      "guest.steps,\n      !guest.masks.enables(context.pstate),", becomes: "guest.steps,"),
    Mutant(
      "entry-outlives-the-guests-steps", in: guestSteps, "    entry = nil\n", becomes: ""),
    Mutant(
      "exclusives-kept-when-the-debugger-moves-PC", in: "NestedDebug/VirtualDebug.swift",
      "step.leave()\n    exclusives = ExclusiveMonitor()", becomes: "step.leave()",
      caughtBy: "ForgettingTests"),
    Mutant(
      "reported-events-kept-when-the-debugger-moves-PC", in: "NestedDebug/VirtualDebug.swift",
      "step.leave()\n", becomes: "", caughtBy: "ForgettingTests"),
    Mutant(
      "interrupts-taken-for-let-in-after-a-reset", in: "NestedDebug/VirtualDebug.swift",
      "var interruptsWithheld: Bool?", becomes: "var interruptsWithheld: Bool? = false",
      caughtBy: "ForgettingTests"),
  ]
}
