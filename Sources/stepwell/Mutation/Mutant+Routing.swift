// Whose an event is, and what the guest takes.
extension Mutant {
  static let routing = [
    Mutant(
      "masked-breakpoint-injected", in: "NestedDebug/VirtualDebug+Routing.swift",
      at: "guestsBreakpointMasked",
      .dropTerm(1)),
    Mutant(
      "masked-watchpoint-injected", in: "NestedDebug/VirtualDebug+Routing.swift",
      at: "guestsWatchpointMasked",
      .become("true")),
    Mutant(
      "guest-before-debugger", in: "NestedDebug/VirtualDebug+Routing.swift", at: "debuggerFirst",
      .become("$0, !isGuests")),
    Mutant(
      "breakpoint-of-any-address", in: "NestedDebug/VirtualDebug+Routing.swift",
      at: "debuggersBreakpointHere",
      .become("true"), killedBy: .engineTests("CornerTests|RoutingTests")),
    Mutant(
      "reported-breakpoint-reported-again", in: "NestedDebug/VirtualDebug+Routing.swift",
      at: "reportsBreakpointOnce",
      .remove),
    Mutant(
      "reported-watchpoint-reported-again", in: "NestedDebug/VirtualDebug+Routing.swift",
      at: "reportsWatchpointOnce",
      .remove),
    Mutant(
      "FAR-nearest-is-farthest", in: "NestedDebug/VirtualDebug+Routing.swift", at: "nearestWins",
      .token("<", ">")),
    Mutant(
      "guests-watchpoint-wins-a-tie", in: "NestedDebug/VirtualDebug+Routing.swift",
      at: "debuggerWinsTie",
      .term(1, "!best.isDebuggers")),
    Mutant(
      "load-taken-for-a-store", in: "NestedDebug/VirtualDebug+Routing.swift", at: "kindOfAccess",
      .swapBranches),
    Mutant(
      "kind-of-access-ignored", in: "NestedDebug/VirtualDebug+Routing.swift", at: "watchesKind",
      .argumentNumber(0, .become(".any"))),
    Mutant(
      "unprivileged-access-taken-for-EL1s", in: "NestedDebug/VirtualDebug+Routing.swift",
      at: "unprivilegedAccess",
      .onlyBranch(1)),
    Mutant(
      "context-of-a-link-not-compared", in: "NestedDebug/VirtualDebug+Routing.swift",
      at: "linkCompared",
      .remove),
    Mutant(
      "address-told-is-FAR", in: "NestedDebug/VirtualDebug+Routing.swift", at: "addressTold",
      .argument("address", .become("faultAddress.untagged"))),
    Mutant(
      "step-never-told", in: "NestedDebug/VirtualDebug+Routing.swift", at: "tellsStep",
      .onlyBranch(1)),
    Mutant(
      "step-asked-for-outlives-a-stop", in: "NestedDebug/StopPolicy.swift", at: "stopEndsStep",
      .remove),
    Mutant(
      "BRK-lost", in: "NestedDebug/VirtualDebug+Routing.swift", at: "injectsBRK",
      .dropTerm(0)),
    Mutant(
      "class-not-changed-for-EL1", in: "NestedDebug/VirtualDebug+Injection.swift",
      at: "classForEL1",
      .become("syndrome")),
    Mutant(
      "FAR-not-written", in: "NestedDebug/VirtualDebug+Injection.swift", at: "writesFAR",
      .remove),
    Mutant(
      "SPSR-of-the-handler", in: "NestedDebug/VirtualDebug+Injection.swift", at: "writesSPSR",
      .argumentNumber(1, .become("entry.pstate.rawValue"))),
    Mutant(
      "vector-of-the-other-stack", in: "ArmDebug/ExceptionEntry.swift", at: "vectorOfStack",
      .swapBranches),
    Mutant(
      "D-not-set-in-the-handler", in: "ArmDebug/ExceptionFeatures.swift", at: "setsMasks",
      .become("0x1C5 | mte | ebep")),
  ]
}
