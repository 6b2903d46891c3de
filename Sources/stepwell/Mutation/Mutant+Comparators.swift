// What comparators match and watch.
extension Mutant {
  static let comparators = [
    Mutant(
      "context-aware-by-one-too-many", in: "ArmDebug/DebugCapabilities.swift",
      at: "contextAwareNumbers",
      .token("..<", " &- 1..<")),
    Mutant(
      "link-partner-of-an-unlinked-type", in: "ArmDebug/BreakpointMatch.swift",
      at: "linkPartnerType",
      .dropTerm(2), killedBy: .engineTests("ArmDebugTests|PlannerTests")),
    Mutant(
      "context-not-compared", in: "ArmDebug/BreakpointMatch.swift", at: "contextCompared",
      .become("true")),
    Mutant(
      "VMID-not-compared", in: "ArmDebug/BreakpointMatch.swift", at: "vmidCompared",
      .become("true"), killedBy: .engineTests("ComparatorTests")),
    Mutant(
      "BAS-one-byte-short", in: "ArmDebug/WatchedRange.swift", at: "bytesOfBAS",
      .argument("last", .become("$0 &- (run > 1 ? 1 : 0)"))),
    Mutant(
      "BAS-shifted-by-one", in: "ArmDebug/WatchedRange.swift", at: "firstOfBAS",
      .become("$0 &+ 1")),
    Mutant(
      "upper-BAS-of-a-word-not-ignored", in: "ArmDebug/WatchedRange.swift", at: "basOfWord",
      .token("0x0F", "0xFF"), killedBy: .engineTests("ComparatorTests")),
    Mutant(
      "MASK-half-as-large", in: "ArmDebug/WatchedRange.swift", at: "blockOfMASK",
      .become("($0) &>> 1")),
    Mutant(
      "FAR-below-not-accepted", in: "ArmDebug/WatchedRange.swift", at: "belowWatchedBytes",
      .term(1, "false"), killedBy: .engineTests("ArmDebugTests|RoutingTests")),
    Mutant(
      "debuggers-bytes-shifted", in: "NestedDebug/WatchedRange+Comparators.swift", at: "basOfPiece",
      .token("0b111)", "0b011)")),
    Mutant(
      "piece-runs-into-the-next-doubleword", in: "NestedDebug/WatchedRange+Comparators.swift",
      at: "pieceInDoubleword",
      .token("|", "&+")),
    Mutant(
      "block-larger-than-asked", in: "NestedDebug/WatchedRange+Comparators.swift",
      at: "blockInRange",
      .term(1, "$0 &+ 1")),
  ]
}
