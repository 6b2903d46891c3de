/// A set of flags in an integer. `OptionSet` would do, but its array literals need a heap, and so a
/// type that conforms to it does not compile for EL2.
protocol FlagSet: Equatable, Sendable {
  associatedtype RawValue: FixedWidthInteger & UnsignedInteger
  var rawValue: RawValue { get set }
  init(rawValue: RawValue)
}

extension FlagSet {
  /// The empty set.
  static var none: Self { Self(rawValue: 0) }

  /// Whether all members of `other` are members.
  func contains(_ other: Self) -> Bool { rawValue & other.rawValue == other.rawValue }

  /// Makes the members of `other` members.
  mutating func insert(_ other: Self) { rawValue |= other.rawValue }

  /// Makes the members of `other` no members.
  mutating func remove(_ other: Self) { rawValue &= ~other.rawValue }

  /// What is a member of both.
  func intersection(_ other: Self) -> Self { Self(rawValue: rawValue & other.rawValue) }
}
