// What the debugger asks for, and what stops the guest for it.
extension Mutant {
  static let requests = [
    Mutant(
      "requests-alike-take-two-comparators", in: "NestedDebug/Planner.swift",
      at: "sharesComparator",
      .remove, killedBy: .engineTests("StopPolicyTests")),
    Mutant(
      "name-outlives-its-request", in: "NestedDebug/DebugRequests.swift", at: "namesEnd",
      .remove, killedBy: .engineTests("RequestTests")),
    Mutant(
      "declined-request-stops", in: "NestedDebug/StopPolicy.swift", at: "declinedGoesOn",
      .remove, killedBy: .engineTests("StopPolicyTests")),
  ]
}
