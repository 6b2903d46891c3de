// Whose an event is, and what the guest takes.
extension Mutant {
  private static let file = "NestedDebug/VirtualDebug+Routing.swift"

  static let routing = [
    Mutant(
      "masked-breakpoint-injected", in: file,
      "if isGuests, guest.masks.enables(context.pstate) {", becomes: "if isGuests {"),
    Mutant(
      "masked-watchpoint-injected", in: file,
      "if guest.masks.enables(context.pstate) {", becomes: "if true {"),
    Mutant(
      "guest-before-debugger", in: file,
      "if isDebuggers {", becomes: "if isDebuggers, !isGuests {"),
    Mutant(
      "breakpoint-of-any-address", in: file,
      "isDebuggers = isDebuggers || breakpoint == here",
      becomes: "isDebuggers = true",
      caughtBy: "CornerTests|RoutingTests"),
    Mutant(
      "reported-breakpoint-reported-again", in: file,
      "step.passOver(.debuggerBreakpoints, at: context.pc)", becomes: ""),
    Mutant(
      "reported-watchpoint-reported-again", in: file,
      "step.passOver(.debuggerWatchpoints, at: context.pc)", becomes: ""),
    Mutant(
      "FAR-nearest-is-farthest", in: file,
      "best.distance < distance", becomes: "best.distance > distance"),
    Mutant(
      "guests-watchpoint-wins-a-tie", in: file,
      "best.distance == distance && (best.isDebuggers || !isDebuggers)",
      becomes: "best.distance == distance && !best.isDebuggers"),
    Mutant(
      "load-taken-for-a-store", in: file,
      "let kind: AccessKind = syndrome.wnr ? .store : .load",
      becomes: "let kind: AccessKind = syndrome.wnr ? .load : .store"),
    Mutant(
      "kind-of-access-ignored", in: file,
      "guard control.watches(kind),", becomes: "guard control.watches(.any),"),
    Mutant(
      "unprivileged-access-taken-for-EL1s", in: file,
      "return isUnprivileged ? privilege.el0 : privilege.el1", becomes: "return privilege.el1"),
    Mutant(
      "context-of-a-link-not-compared", in: file,
      "(!control.wt || linkMatches(control.lbn, hardware: &hardware))", becomes: "true"),
    Mutant(
      "address-told-is-FAR", in: file,
      ".watchpoint(address: range.clamp(faultAddress.untagged), kind: kind)",
      becomes: ".watchpoint(address: faultAddress.untagged, kind: kind)"),
    Mutant(
      "step-never-told", in: file,
      "disposition = step.debugger == .done ? .stop(.step) : .resume",
      becomes: "disposition = .resume"),
    Mutant(
      "step-asked-for-outlives-a-stop", in: file,
      "if case .stop = disposition { step.debugger = .none }", becomes: ""),
    Mutant(
      "BRK-lost", in: file,
      "case .brk64, .bkpt32, .vectorCatch32:", becomes: "case .bkpt32, .vectorCatch32:"),
    Mutant(
      "class-not-changed-for-EL1", in: "NestedDebug/VirtualDebug+Injection.swift",
      "let seen = syndrome.takenToEL1(from: context.pstate.isEL0 ? .el0 : .el1)",
      becomes: "let seen = syndrome"),
    Mutant(
      "FAR-not-written", in: "NestedDebug/VirtualDebug+Injection.swift",
      "hardware.write(.far, faultAddress)", becomes: ""),
    Mutant(
      "SPSR-of-the-handler", in: "NestedDebug/VirtualDebug+Injection.swift",
      "hardware.write(.spsr, entry.spsr.rawValue)",
      becomes: "hardware.write(.spsr, entry.pstate.rawValue)"),
    Mutant(
      "vector-of-the-other-stack", in: "ArmDebug/ExceptionEntry.swift",
      "state.spsel ? 0x200 : 0x000", becomes: "state.spsel ? 0x000 : 0x200"),
    Mutant(
      "D-not-set-in-the-handler", in: "ArmDebug/ExceptionFeatures.swift",
      "added = PState.el1Reset.rawValue |", becomes: "added = 0x1C5 |"),
  ]
}
