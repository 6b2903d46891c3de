// Exclusives that EL2 comes between.
extension Mutant {
  static let exclusives = [
    Mutant(
      "load-outlives-CLREX", in: "NestedDebug/VirtualDebug+Exclusives.swift", at: "clearsMonitor",
      .dropTerm(2)),
    Mutant(
      "store-that-EL2-completed-reads-as-failed", in: "NestedDebug/VirtualDebug+Exclusives.swift",
      at: "storedStatus",
      .argument("status", .become("1"))),
    Mutant(
      "watchpoint-of-a-completed-store-missed", in: "NestedDebug/VirtualDebug+Exclusives.swift",
      at: "storeIsWatched",
      .remove),
    Mutant(
      "load-seen-late-is-not-followed", in: "NestedDebug/ExclusiveMonitor.swift",
      at: "followsUnseenLoad",
      .become("")),
    Mutant(
      "search-for-the-load-ends-at-an-exception", in: "NestedDebug/ExclusiveMonitor.swift",
      at: "searchesAcrossExceptions",
      .otherwise("return remaining = 0"),
      killedBy: .engineTests("ComparisonTests.loopThroughExceptions")),
  ]
}
