extension DeviceTree {
  /// Text in a device tree, or a literal to compare it with: bytes, without the NUL at the end.
  ///
  /// The Devicetree Specification allows only ASCII in names and says nothing about other text. Texts are
  /// therefore equal if their bytes are.
  public struct Text: Equatable, Sendable, ExpressibleByStringLiteral {
    let bytes: ByteView

    init(_ bytes: ByteView) {
      self.bytes = bytes
    }

    /// The text before the first NUL; nil if there is none.
    init?(terminatedIn bytes: ByteView) {
      guard let end = bytes.firstOffset(of: 0), let text = bytes.slice(0..<end) else { return nil }
      self.bytes = text
    }

    public init(stringLiteral literal: StaticString) {
      // A literal lives as long as the program.
      let literal = unsafe UnsafeRawBufferPointer(
        start: literal.utf8Start, count: literal.utf8CodeUnitCount)
      bytes = unsafe ByteView(literal)
    }

    /// Text that is in memory.
    ///
    /// - Parameter bytes: must stay in place and unchanged while the text, or an edit made from it, is used.
    @unsafe
    public init(_ bytes: UnsafeRawBufferPointer) {
      self.bytes = unsafe ByteView(bytes)
    }

    /// Length in bytes.
    public var count: Int { bytes.count }
    public var isEmpty: Bool { bytes.isEmpty }

    /// - Parameter index: from 0 to below `count`.
    public subscript(index: Int) -> UInt8 { bytes[index] }

    public static func == (left: Text, right: Text) -> Bool {
      left.count == right.count && left.bytes.starts(with: right)
    }

    public func starts(with prefix: Text) -> Bool { bytes.starts(with: prefix) }

    public func ends(with suffix: Text) -> Bool {
      bytes.suffix(from: max(count - suffix.count, 0)).starts(with: suffix)
    }

    /// The text before the first separator and the text after it; no tail if there is no separator.
    func split(at separator: Unicode.Scalar) -> (head: Text, tail: Text?) {
      guard let offset = bytes.firstOffset(of: UInt8(truncatingIfNeeded: separator.value)),
        let head = bytes.slice(0..<offset)
      else { return (self, nil) }
      return (Text(head), Text(bytes.suffix(from: offset + 1)))
    }
  }
}
