/// A set of interrupts with INTIDs below 65536. A bit for each, so that an interrupt is in it once
/// however often it fires and the set never overflows; two levels of summary find the members of a
/// nearly empty set in a few loads. All zero bytes are the empty set.
struct InterruptSet: ~Copyable {
  private var members = InlineArray<1024, UInt64>(repeating: 0)
  /// Bit w of word s: `members[64 s + w]` is not zero.
  private var summary = InlineArray<16, UInt64>(repeating: 0)
  /// Bit s: `summary[s]` is not zero.
  private var top: UInt16 = 0
  private let inPlace = InPlace()

  /// The first INTID that does not fit.
  static var limit: UInt32 { 65536 }

  /// Whether there is no member.
  var isEmpty: Bool { top == 0 }

  /// Whether `number` is a member.
  func contains(_ number: InterruptNumber) -> Bool {
    guard number.rawValue < Self.limit else { return false }
    return members[Int(number.rawValue >> 6)] & 1 << UInt64(number.rawValue & 63) != 0
  }

  /// Makes `number` a member. An INTID at or above `limit` is refused: nothing happens.
  mutating func insert(_ number: InterruptNumber) {
    guard number.rawValue < Self.limit else { return }
    let word = Int(number.rawValue >> 6)
    members[word] |= 1 << UInt64(number.rawValue & 63)
    summary[word >> 6] |= 1 << UInt64(word & 63)
    top |= 1 << UInt16(word >> 6)
  }

  /// Removes `number`.
  mutating func remove(_ number: InterruptNumber) {
    guard number.rawValue < Self.limit else { return }
    let word = Int(number.rawValue >> 6)
    members[word] &= ~(1 << UInt64(number.rawValue & 63))
    guard members[word] == 0 else { return }
    summary[word >> 6] &= ~(1 << UInt64(word & 63))
    guard summary[word >> 6] == 0 else { return }
    top &= ~(1 << UInt16(word >> 6))
  }

  /// The member with the lowest INTID that is at least `start`.
  func first(from start: UInt32) -> InterruptNumber? {
    guard !isEmpty, start < Self.limit else { return nil }
    let word = Int(start >> 6)
    let rest = members[word] & (~0 << UInt64(start & 63))
    if rest != 0 { return Self.number(word: word, bits: rest) }

    // The rest of this word's summary, then the words of the later ones. A shift by 64 gives 0.
    let group = word >> 6
    let later = summary[group] & (~0 << UInt64(word & 63 &+ 1))
    if later != 0 { return number(group: group, words: later) }
    let groups = top & (~0 << UInt16(group &+ 1))
    guard groups != 0 else { return nil }
    return number(group: groups.trailingZeroBitCount, words: summary[groups.trailingZeroBitCount])
  }

  /// The members from `first` to `first + 31`, a bit each. `first` is a multiple of 32.
  func mask(from first: InterruptNumber) -> UInt32 {
    guard first.rawValue < Self.limit else { return 0 }
    let word = members[Int(first.rawValue >> 6)]
    return UInt32(truncatingIfNeeded: word >> UInt64(first.rawValue & 32))
  }

  private func number(group: Int, words: UInt64) -> InterruptNumber {
    let word = group << 6 | words.trailingZeroBitCount
    return Self.number(word: word, bits: members[word])
  }

  private static func number(word: Int, bits: UInt64) -> InterruptNumber {
    InterruptNumber(UInt32(truncatingIfNeeded: word << 6 | bits.trailingZeroBitCount))
  }
}
