/// The bytes that a watchpoint watches.
public struct WatchedRange: Equatable, Sendable {
  /// The first byte. Tags are removed: bits 63:56 are copies of bit 55.
  public var first: UInt64
  /// The last byte, not below `first`.
  public var last: UInt64

  public init(first: UInt64, last: UInt64) {
    self.first = first
    self.last = last
  }

  /// Whether `address` is watched.
  public func contains(_ address: UInt64) -> Bool { first <= address && address <= last }

  /// Whether any of `size` bytes at `address` is watched.
  public func overlaps(_ address: UInt64, size: UInt64) -> Bool {
    guard size > 0 else { return false }
    let start = address.untagged
    let (end, wrapped) = start.addingReportingOverflow(size &- 1)
    return start <= last && (wrapped || end >= first)
  }

  /// The watched byte nearest to `address`.
  public func clamp(_ address: UInt64) -> UInt64 { max(first, min(last, address)) }

  /// The distance from `far` up to the first watched byte that an access reported with `far` may have
  /// touched. It is 0 where `far` itself is watched, and nil where this watchpoint cannot be the cause.
  ///
  /// FAR_ELx is an address between the lowest that the access touched and the highest watched one,
  /// in the naturally aligned block of `block` bytes (a power of two; that of DC ZVA) that holds a
  /// watched address. It can therefore lie below the watched bytes, never above them
  /// (Arm ARM D2.10.5, "Determining the memory location that caused a Watchpoint exception").
  public func distance(from far: UInt64, block: UInt64) -> UInt64? {
    let far = far.untagged
    if contains(far) { return 0 }
    guard first > far, first <= far | (block &- 1) else { return nil }  // mutant: belowWatchedBytes
    return first &- far
  }
}

extension Watchpoint {
  /// The bytes that the comparator watches, or nil if its fields select none.
  ///
  /// MASK of 3 or more watches an aligned block, and 1 and 2 are reserved. Otherwise BAS watches
  /// bytes of the doubleword, or of the upper or lower word where WVR[2] is 1; its bits have to be
  /// contiguous, and of others only the first run is taken, one of the behaviours that the
  /// architecture allows.
  public var range: WatchedRange? {
    guard control.watches(.any) else { return nil }
    let base = value.untagged
    let mask = control.mask
    if mask != 0 {
      guard mask >= 3 else { return nil }
      let block = UInt64(1) &<< mask  // mutant: blockOfMASK
      let first = base & ~(block &- 1)
      return WatchedRange(first: first, last: first | (block &- 1))
    }
    // A word-aligned WVR has only a word's worth of BAS.
    let bas = control.bas & (value[bit: 2] ? 0x0F : 0xFF)  // mutant: basOfWord
    guard bas != 0 else { return nil }
    let skip = UInt64(truncatingIfNeeded: bas.trailingZeroBitCount)
    let run = UInt64(truncatingIfNeeded: (~(bas &>> skip)).trailingZeroBitCount)
    let first = (base & ~0b11) &+ skip  // mutant: firstOfBAS
    return WatchedRange(first: first, last: first &+ (run &- 1))  // mutant: bytesOfBAS
  }
}
