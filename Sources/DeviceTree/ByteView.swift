/// Bytes of a device tree.
///
/// With the MMU off all memory is Device memory, where an unaligned access faults, and cells are aligned only
/// if the tree is. A load that is wider than a byte therefore checks the alignment first. A view can be passed between threads, because
/// nobody changes the bytes while there are views of them.
@safe
struct ByteView: @unchecked Sendable {
  private let bytes: UnsafeRawBufferPointer

  /// - Parameter bytes: must stay in place and unchanged for as long as the view, and every view
  ///   made from it, is used.
  @unsafe
  init(_ bytes: UnsafeRawBufferPointer) {
    unsafe self.bytes = unsafe bytes
  }

  var start: UnsafeRawPointer? { unsafe bytes.baseAddress }

  static var empty: ByteView { unsafe ByteView(UnsafeRawBufferPointer(start: nil, count: 0)) }

  var count: Int { unsafe bytes.count }
  var isEmpty: Bool { count == 0 }

  /// Where the bytes are.
  var addresses: Range<UInt> {
    let start = unsafe UInt(bitPattern: bytes.baseAddress)
    return start..<(start &+ UInt(count))
  }

  subscript(offset: Int) -> UInt8 {
    precondition(offset >= 0 && offset < count)
    // In bounds, as just checked; the buffer itself checks only in debug builds.
    return unsafe bytes[offset]
  }

  /// The big-endian 32-bit cell at a byte offset; nil where the bytes do not reach that far.
  func cell(at offset: Int) -> UInt32? {
    guard offset >= 0, offset <= count - 4 else { return nil }
    // In bounds, as just checked; a tree is read cell by cell, so once for the four is enough.
    if unsafe UInt(bitPattern: bytes.baseAddress) &+ UInt(bitPattern: offset) & 3 == 0 {
      return unsafe UInt32(bigEndian: bytes.load(fromByteOffset: offset, as: UInt32.self))
    }
    return unsafe UInt32(bytes[offset]) &<< 24 | UInt32(bytes[offset &+ 1]) &<< 16
      | UInt32(bytes[offset &+ 2]) &<< 8 | UInt32(bytes[offset &+ 3])
  }

  /// The number in one or two cells at a byte offset; nil where the bytes do not reach that far.
  func number(at offset: Int, cells: CellCount) -> UInt64? {
    guard let high = cell(at: offset) else { return nil }
    switch cells {
    case .one: return UInt64(high)
    case .two:
      guard let low = cell(at: offset + 4) else { return nil }
      return UInt64(high) << 32 | UInt64(low)
    }
  }

  /// The part in a range of byte offsets; nil where the bytes do not reach that far.
  func slice(_ range: Range<Int>) -> ByteView? {
    guard range.lowerBound >= 0, range.upperBound <= count else { return nil }
    // In bounds, as just checked, and under the promise given to `init`.
    return unsafe ByteView(UnsafeRawBufferPointer(rebasing: bytes[range]))
  }

  /// What is left from a byte offset on; empty where the bytes do not reach that far.
  func suffix(from offset: Int) -> ByteView {
    offset <= count ? slice(offset..<count) ?? .empty : .empty
  }

  func firstOffset(of byte: UInt8, from start: Int = 0) -> Int? {
    precondition(start >= 0)
    var offset = start
    while offset < count {
      // In bounds: from a start that is not negative it only grows, up to the count.
      if unsafe bytes[offset] == byte { return offset }
      offset &+= 1
    }
    return nil
  }

  func starts(withTerminated text: DeviceTree.Text) -> Bool {
    // The NUL first: most names are of another length.
    text.count < count && self[text.count] == 0 && starts(with: text)
  }

  func starts(with text: DeviceTree.Text) -> Bool {
    guard text.count <= count else { return false }
    for offset in 0..<text.count where self[offset] != text.bytes[offset] { return false }
    return true
  }
}

/// How many 32-bit cells make one address or size, where it can be held in a `UInt64`.
enum CellCount: Int {
  case one = 1
  case two = 2

  var byteCount: Int { rawValue * 4 }

  init(_ count: UInt32) throws(DeviceTreeError) {
    switch count {
    case 1: self = .one
    case 2: self = .two
    default: throw .unsupportedCells
    }
  }
}
