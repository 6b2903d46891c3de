/// Takes text, byte by byte; what is written has no length limit.
public protocol TextOutput: ~Copyable {
  /// Writes one byte of UTF-8 text.
  mutating func write(_ byte: UInt8)
}

extension TextOutput where Self: ~Copyable {
  /// Writes `text`.
  @inline(never)
  public mutating func write(_ text: StaticString) {
    // It is a literal, which lives as long as the program.
    write(unsafe UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount).span)
  }

  /// Writes `bytes` as they are. Everything else goes this way, so that what a byte takes is in the
  /// program once for each kind of output.
  @inline(never)
  public mutating func write(_ bytes: Span<UInt8>) {
    for index in bytes.indices { write(bytes[index]) }
  }

  /// Writes `value` in decimal digits.
  @inline(never)
  public mutating func write(decimal value: UInt64) {
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var first = digits.count
    var rest = value
    repeat {
      first &-= 1
      digits[first] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    } while rest > 0
    write(digits.span.extracting(first..<digits.count))
  }

  /// Writes `value` in lower-case hexadecimal digits, `digits` (1 to 16) or as many more as it takes.
  @inline(never)
  public mutating func write(hex value: UInt64, digits count: Int = 1) {
    var digits = InlineArray<16, UInt8>(repeating: 0)
    var first = digits.count
    var rest = value
    repeat {
      first &-= 1
      digits[first] = Hex.digit(UInt8(truncatingIfNeeded: rest))
      rest >>= 4
    } while rest > 0 || digits.count &- first < min(count, digits.count)
    write(digits.span.extracting(first..<digits.count))
  }
}
