/// The destination of a new tree.
///
/// The sink goes on counting when the memory is full. A sink without memory therefore says how much is needed.
@safe
struct ByteSink {
  private let memory: UnsafeMutableRawBufferPointer
  /// How many bytes were written.
  private(set) var count = 0

  /// - Parameter memory: must stay in place while the sink is used.
  @unsafe
  init(_ memory: UnsafeMutableRawBufferPointer) {
    unsafe self.memory = unsafe memory
  }

  /// Whether everything so far fits into the memory.
  var isComplete: Bool { unsafe count <= memory.count }

  mutating func append(_ byte: UInt8) {
    store(byte, at: count)
    count += 1
  }

  mutating func append(_ bytes: ByteView) {
    for offset in 0..<bytes.count { append(bytes[offset]) }
  }

  /// Writes a cell, big-endian.
  mutating func append(cell: UInt32) {
    store(cell: cell, at: count)
    count += 4
  }

  mutating func append(_ number: UInt64, cells: CellCount) {
    switch cells {
    case .one: append(cell: UInt32(truncatingIfNeeded: number))
    case .two:
      append(cell: UInt32(truncatingIfNeeded: number >> 32))
      append(cell: UInt32(truncatingIfNeeded: number))
    }
  }

  /// Writes zeros up to the next offset that is a multiple of four.
  mutating func pad() {
    while count % 4 != 0 { append(0) }
  }

  /// Writes a cell, big-endian, in place of one that was written before.
  func store(cell: UInt32, at offset: Int) {
    store(UInt8(truncatingIfNeeded: cell >> 24), at: offset)
    store(UInt8(truncatingIfNeeded: cell >> 16), at: offset + 1)
    store(UInt8(truncatingIfNeeded: cell >> 8), at: offset + 2)
    store(UInt8(truncatingIfNeeded: cell), at: offset + 3)
  }

  private func store(_ byte: UInt8, at offset: Int) {
    // The buffer itself makes this check only in debug builds.
    guard unsafe offset >= 0 && offset < memory.count else { return }
    unsafe memory[offset] = byte
  }
}
