public import ArmDebug

/// Up to 16 bytes of memory: the byte at the lowest address is the lowest of `low`, and the ninth that
/// of `high`. Bytes beyond the size of the access are 0.
public struct ExclusiveValue: Equatable, Sendable {
  public var low: UInt64
  public var high: UInt64

  public init(low: UInt64, high: UInt64 = 0) {
    self.low = low
    self.high = high
  }
}

/// What EL2 performs in place of a store-exclusive of the guest's.
public struct ExclusiveStore: Equatable, Sendable {
  /// The guest's virtual address, a multiple of `size`.
  public var address: UInt64
  /// Bytes: 1, 2, 4, 8 or 16.
  public var size: UInt64
  /// The exception level whose permissions count.
  public var el: ExceptionLevel
  /// What the load-exclusive found.
  public var expected: ExclusiveValue
  public var replacement: ExclusiveValue

  public init(
    address: UInt64, size: UInt64, el: ExceptionLevel, expected: ExclusiveValue,
    replacement: ExclusiveValue
  ) {
    self.address = address
    self.size = size
    self.el = el
    self.expected = expected
    self.replacement = replacement
  }
}

/// What became of it.
public enum ExclusiveStoreOutcome: Equatable, Sendable {
  case stored
  /// Memory holds something else by now.
  case differs
  /// The guest's own translation forbids it: the data abort that its store would have taken to EL1.
  case fault(Syndrome)
  /// Not memory of a kind on which EL2 can do this; nothing was stored. The processor has to run the
  /// instruction.
  case impossible
}
