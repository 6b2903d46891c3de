/// Takes text, byte by byte; what is written has no length limit.
public protocol TextOutput: ~Copyable {
  /// Writes one byte of UTF-8 text.
  mutating func write(_ byte: UInt8)
}

extension TextOutput where Self: ~Copyable {
  /// Writes `text`.
  @inline(never)  // or the loop is unrolled into one call for each character of each text
  public mutating func write(_ text: StaticString) {
    // The buffer is that of a literal and is not kept beyond the closure.
    text.withUTF8Buffer { literal in
      for index in literal.indices { write(unsafe literal[index]) }
    }
  }

  /// Writes `bytes` as they are.
  public mutating func write(_ bytes: Span<UInt8>) {
    for index in bytes.indices { write(bytes[index]) }
  }

  /// Writes `value` in decimal digits.
  public mutating func write(decimal value: UInt64) {
    var divisor: UInt64 = 1
    while value / divisor >= 10 { divisor &*= 10 }
    while divisor > 0 {
      write(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: value / divisor % 10))
      divisor /= 10
    }
  }

  /// Writes `value` in lower-case hexadecimal digits, `digits` (1 to 16) or as many more as it takes.
  public mutating func write(hex value: UInt64, digits: Int = 1) {
    let significant = (67 &- value.leadingZeroBitCount) / 4
    var remaining = max(significant, min(max(digits, 1), 16))
    while remaining > 0 {
      remaining &-= 1
      write(Hex.digit(UInt8(truncatingIfNeeded: value >> UInt64(4 &* remaining))))
    }
  }
}
