import ArmDebug

extension WatchedRange {
  /// The largest part of the range, from its first byte on, that one comparator can watch: an
  /// aligned block of 2^k bytes (MASK), or bytes within one doubleword (BAS).
  var firstPiece: WatchedRange {
    let room = last &- first
    // The largest block that begins here by alignment; MASK holds at most 31.
    var size = min(
      first == 0 ? 31 : UInt64(truncatingIfNeeded: first.trailingZeroBitCount), 31)
    while size > 3, (1 &<< size) &- 1 > room { size &-= 1 }  // mutant: blockInRange
    if size > 3, (1 &<< size) &- 1 <= room {
      return WatchedRange(first: first, last: first | ((1 &<< size) &- 1))
    }
    return WatchedRange(first: first, last: min(last, first | 0b111))  // mutant: pieceInDoubleword
  }

  /// The number of comparators that watch the range, or nil if it is more than `limit`.
  func comparatorCount(atMost limit: Int) -> Int? {
    var rest = self
    var count = 1
    while count <= limit {
      let piece = rest.firstPiece
      if piece.last == last { return count }
      rest.first = piece.last &+ 1
      count &+= 1
    }
    return nil
  }

  /// The comparator that watches this range, which must be a `firstPiece` or the range of a watchpoint.
  func comparator(for kind: AccessKind) -> Watchpoint {
    let size = last &- first &+ 1
    if size > 8 {
      return Watchpoint(
        value: first,
        control: .accesses(
          kind, bas: 0xFF, mask: UInt64(truncatingIfNeeded: size.trailingZeroBitCount)))
    }
    let ones = UInt64(0xFF) &>> (8 &- size)
    return Watchpoint(
      // mutant: basOfPiece
      value: first & ~0b111, control: .accesses(kind, bas: ones &<< (first & 0b111), mask: 0))
  }
}

extension Watchpoint {
  /// Whether the watchpoint is for one run of bytes in a doubleword and, except for an address tag, in the
  /// form that `WatchedRange.comparator` gives it.
  var isPlain: Bool {
    let bas = control.bas
    // Adding the lowest bit of a run carries through the run.
    return control.mask == 0 && !value[bit: 2] && bas != 0
      && (bas &+ (bas & (0 &- bas))) & bas == 0 && control.watches(.any)
  }

  /// The same watchpoint with MASK, BAS and address in the form that `WatchedRange.comparator` gives them; nil
  /// if the fields select nothing.
  var inPlainForm: Watchpoint? {
    guard let range else { return nil }
    let plain = range.comparator(for: .any)
    var watchpoint = Watchpoint(value: plain.value, control: control)
    watchpoint.control.bas = plain.control.bas
    watchpoint.control.mask = plain.control.mask
    return watchpoint
  }

  /// Whether a watchpoint in that form watches the byte at `address`.
  @inline(__always)
  func watchesInPlainForm(_ address: UInt64) -> Bool {
    let distance = address.untagged ^ value
    if control.mask != 0 { return distance &>> control.mask == 0 }
    return distance &>> 3 == 0 && control.bas &>> (address & 0b111) & 1 != 0
  }
}
