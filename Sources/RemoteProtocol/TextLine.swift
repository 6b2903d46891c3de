/// One line of a text that lists names in the order of their numbers.
///
/// In the image that is the text and no more, where a `switch` takes some five instructions a name.
@safe public struct TextLine {
  fileprivate let bytes: UnsafeBufferPointer<UInt8>

  /// - Parameters:
  ///   - number: of the line, from 0; past the last one, the line is empty.
  @inline(never)
  public init(_ number: Int, of text: StaticString) {
    var lines = TextLines(of: text)
    for _ in 0..<number { _ = lines.next() }
    self = lines.next() ?? TextLine()
  }

  private init() { unsafe bytes = UnsafeBufferPointer(start: nil, count: 0) }

  fileprivate init(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) {
    unsafe self.bytes = UnsafeBufferPointer(rebasing: bytes)
  }

  /// Length in bytes.
  public var count: Int { unsafe bytes.count }
}

/// The lines of a text, one after the other.
@safe public struct TextLines: IteratorProtocol {
  private let text: UnsafeBufferPointer<UInt8>
  private var position = 0

  public init(of text: StaticString) {
    // It is a literal, which lives as long as the program.
    unsafe self.text = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
  }

  @inline(never)
  public mutating func next() -> TextLine? {
    guard unsafe position < text.count else { return nil }
    let start = position
    var end = start
    // No index goes beyond the text.
    while unsafe end < text.count && text[end] != UInt8(ascii: "\n") { end &+= 1 }
    position = end &+ 1
    return unsafe TextLine(text[start..<end])
  }
}

extension TextOutput where Self: ~Copyable {
  /// Writes `line`.
  public mutating func write(_ line: TextLine) { write(unsafe line.bytes.span) }
}
