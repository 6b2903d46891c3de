// Exclusives that EL2 comes between.
extension Mutant {
  private static let file = "NestedDebug/VirtualDebug+Exclusives.swift"
  private static let monitor = "NestedDebug/ExclusiveMonitor.swift"

  static let exclusives = [
    Mutant(
      "load-outlives-CLREX", in: file,
      "!instruction.isExceptionReturn, !instruction.isCLREX",
      becomes: "!instruction.isExceptionReturn"),
    Mutant(
      "store-that-EL2-completed-reads-as-failed", in: file,
      "case .stored: complete(store, status: 0", becomes: "case .stored: complete(store, status: 1"),
    Mutant(
      "watchpoint-of-a-completed-store-missed", in: file,
      "      exclusives.watchedByte = byte\n      return false\n", becomes: ""),
    Mutant(
      "load-seen-late-is-not-followed", in: monitor,
      "mutating func follow() { remaining = Self.reach }", becomes: "mutating func follow() {}"),
    Mutant(
      "search-for-the-load-ends-at-an-exception", in: monitor,
      "guard load != nil else { return advance() }",
      becomes: "guard load != nil else { return remaining = 0 }",
      caughtBy: "ComparisonTests.loopThroughExceptions"),
  ]
}
