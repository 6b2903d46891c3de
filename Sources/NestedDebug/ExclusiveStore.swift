public import ArmDebug

/// Up to 16 bytes of memory. The byte at the lowest address is the lowest byte of `low`, and the ninth is
/// the lowest of `high`. Bytes beyond the size of the access are 0.
public struct ExclusiveValue: Equatable, Sendable {
  public var low: UInt64
  public var high: UInt64

  public init(low: UInt64, high: UInt64 = 0) {
    self.low = low
    self.high = high
  }
}

/// A store that EL2 performs in place of the guest's store-exclusive.
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

/// The outcome of an `ExclusiveStore`.
public enum ExclusiveStoreOutcome: Equatable, Sendable {
  case stored
  /// Memory holds another value than expected.
  case differs
  /// The guest's own translation forbids the store. This is the data abort that it would take to EL1.
  case fault(Syndrome)
  /// EL2 cannot do this on memory of that kind. Nothing was stored, and the processor must run the
  /// instruction.
  case impossible
}
