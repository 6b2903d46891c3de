extension UInt64 {
  /// One bit of a register, numbered as in Arm's manual.
  package subscript(bit position: Int) -> Bool {
    get { self[bits: position...position] != 0 }
    set { self[bits: position...position] = newValue ? 1 : 0 }
  }

  /// The field from bit `range.lowerBound` up to bit `range.upperBound`, right-aligned.
  /// A value wider than the field is cut to the field.
  package subscript(bits range: ClosedRange<Int>) -> UInt64 {
    get { (self &>> UInt64(truncatingIfNeeded: range.lowerBound)) & UInt64.ones(range) }
    set {
      let shift = UInt64(truncatingIfNeeded: range.lowerBound)
      let mask = UInt64.ones(range)
      self = self & ~(mask &<< shift) | (newValue & mask) &<< shift
    }
  }

  /// As many ones, right-aligned, as the field has bits.
  private static func ones(_ range: ClosedRange<Int>) -> UInt64 {
    UInt64.max &>> UInt64(truncatingIfNeeded: 63 &- range.upperBound &+ range.lowerBound)
  }

  /// The address with bits 63:56 made copies of bit 55, so that an address tag
  /// (top-byte-ignore) does not take part in a comparison.
  package var untagged: UInt64 {
    UInt64(bitPattern: Int64(bitPattern: self &<< 8) &>> 8)
  }
}
