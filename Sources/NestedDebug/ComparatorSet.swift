import ArmDebug

/// Some of the comparators of one kind: bit n is number n. Loops over comparators on the way back to the
/// guest are loops over such a set, so that they cost what is in use, not what the processor has.
struct ComparatorSet: Equatable, Sendable {
  private(set) var bits: UInt16

  static let none = ComparatorSet(bits: 0)

  /// Comparators 0 to `count` - 1; `count` is 0 to 16.
  static func first(_ count: Int) -> ComparatorSet {
    ComparatorSet(bits: UInt16(truncatingIfNeeded: (UInt32(1) &<< UInt32(count)) &- 1))
  }

  var isEmpty: Bool { bits == 0 }
  /// The only one; nil if there is none or another.
  var only: Int? { bits & (bits &- 1) == 0 ? first : nil }
  var count: Int { bits.nonzeroBitCount }
  /// The lowest-numbered one.
  var first: Int? { bits == 0 ? nil : bits.trailingZeroBitCount }

  func contains(_ n: Int) -> Bool { bits & Self.bit(n) != 0 }
  func union(_ other: ComparatorSet) -> ComparatorSet { ComparatorSet(bits: bits | other.bits) }
  func intersection(_ other: ComparatorSet) -> ComparatorSet {
    ComparatorSet(bits: bits & other.bits)
  }
  func subtracting(_ other: ComparatorSet) -> ComparatorSet {
    ComparatorSet(bits: bits & ~other.bits)
  }

  mutating func formUnion(_ other: ComparatorSet) { bits |= other.bits }
  mutating func insert(_ n: Int) { bits |= Self.bit(n) }
  mutating func remove(_ n: Int) { bits &= ~Self.bit(n) }

  /// Takes the lowest-numbered one out.
  mutating func popFirst() -> Int? {
    guard let first else { return nil }
    bits &= bits &- 1
    return first
  }

  /// Takes the highest-numbered one out.
  mutating func popLast() -> Int? {
    guard bits != 0 else { return nil }
    let last = 15 &- bits.leadingZeroBitCount
    remove(last)
    return last
  }

  private static func bit(_ n: Int) -> UInt16 { 1 &<< UInt16(truncatingIfNeeded: n) }
}

/// The comparators that a processor has, in the form that the planner needs.
struct Comparators: Equatable, Sendable {
  let breakpoints: ComparatorSet
  /// Those of the breakpoints that can compare context identifiers.
  let contextAware: ComparatorSet
  let watchpoints: ComparatorSet

  init(of capabilities: DebugCapabilities) {
    breakpoints = .first(capabilities.breakpointCount)
    contextAware = breakpoints.subtracting(
      .first(capabilities.breakpointCount &- capabilities.contextAwareCount))
    watchpoints = .first(capabilities.watchpointCount)
  }
}
