/// The words of a `monitor` command, taken one after the other. The text stays with the caller.
struct CommandWords {
  private var position = 0

  /// The next word, as where it lies in `command`: an empty range at the end.
  @inline(never)
  mutating func next(in command: Span<UInt8>) -> Range<Int> {
    while position < command.count && command[position] == UInt8(ascii: " ") { position &+= 1 }
    let start = position
    while position < command.count && command[position] != UInt8(ascii: " ") { position &+= 1 }
    return start..<position
  }
}

extension Span<UInt8> {
  /// Whether these letters are those of `literal`.
  @inline(never)
  func spells(_ literal: StaticString) -> Bool {
    guard count == literal.utf8CodeUnitCount else { return false }
    for index in indices {
      // Within the literal, which lives as long as the program.
      guard unsafe self[index] == literal.utf8Start[index] else { return false }
    }
    return true
  }

  /// The number that these decimal digits are, up to 9999, or nil if they are none.
  var decimalNumber: Int? {
    guard 1...4 ~= count else { return nil }
    var number = 0
    for index in indices {
      let digit = self[index] &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      number = number &* 10 &+ Int(digit)
    }
    return number
  }
}
