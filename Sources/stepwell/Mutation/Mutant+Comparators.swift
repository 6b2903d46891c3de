// What comparators match and watch.
extension Mutant {
  private static let range = "ArmDebug/WatchedRange.swift"

  static let comparators = [
    Mutant(
      "context-aware-by-one-too-many", in: "ArmDebug/DebugCapabilities.swift",
      "breakpointCount &- contextAwareCount..<breakpointCount ~= n",
      becomes: "breakpointCount &- contextAwareCount &- 1..<breakpointCount ~= n"),
    Mutant(
      "link-partner-of-an-unlinked-type", in: "ArmDebug/BreakpointMatch.swift",
      "control.e && control.comparesContext && control.isLinked }",
      becomes: "control.e && control.comparesContext }",
      caughtBy: "ArmDebugTests|PlannerTests"),
    Mutant(
      "context-not-compared", in: "ArmDebug/BreakpointMatch.swift",
      "UInt32(truncatingIfNeeded: value) == context.contextIDR", becomes: "true"),
    Mutant(
      "VMID-not-compared", in: "ArmDebug/BreakpointMatch.swift",
      "UInt16(truncatingIfNeeded: value &>> 32) == context.vmid", becomes: "true",
      caughtBy: "ComparatorTests"),
    Mutant(
      "BAS-one-byte-short", in: range,
      "last: first &+ (run &- 1))", becomes: "last: first &+ (run &- 1) &- (run > 1 ? 1 : 0))"),
    Mutant(
      "BAS-shifted-by-one", in: range,
      "let first = (base & ~0b11) &+ skip", becomes: "let first = (base & ~0b11) &+ skip &+ 1"),
    Mutant(
      "upper-BAS-of-a-word-not-ignored", in: range,
      "(value[bit: 2] ? 0x0F : 0xFF)", becomes: "0xFF",
      caughtBy: "ComparatorTests"),
    Mutant(
      "MASK-half-as-large", in: range,
      "let block = UInt64(1) &<< mask", becomes: "let block = UInt64(1) &<< (mask &- 1)"),
    Mutant(
      "FAR-below-not-accepted", in: range,
      "guard first > far, first <= far | (block &- 1) else { return nil }",
      becomes: "guard first > far, false else { return nil }",
      caughtBy: "ArmDebugTests|RoutingTests"),
    Mutant(
      "debuggers-bytes-shifted", in: "NestedDebug/WatchedRange+Comparators.swift",
      "bas: ones &<< (first & 0b111)", becomes: "bas: ones &<< (first & 0b011)"),
    Mutant(
      "piece-runs-into-the-next-doubleword", in: "NestedDebug/WatchedRange+Comparators.swift",
      "last: min(last, first | 0b111))", becomes: "last: min(last, first &+ 0b111))"),
    Mutant(
      "block-larger-than-asked", in: "NestedDebug/WatchedRange+Comparators.swift",
      "while size > 3, (1 &<< size) &- 1 > room { size &-= 1 }",
      becomes: "while size > 3, (1 &<< size) &- 1 > room &+ 1 { size &-= 1 }"),
  ]
}
