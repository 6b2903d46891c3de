/// Bytes in their order, in memory that its owner alone uses.
@safe struct ByteRing {
  private let memory: UnsafeMutablePointer<UInt8>
  /// A power of two.
  private let capacity: UInt
  // Counted up for ever: the difference is what is in it.
  private var start: UInt = 0
  private var end: UInt = 0

  /// - Parameters:
  ///   - memory: `capacity` bytes, which nobody else uses while the ring is there.
  ///   - capacity: a power of two.
  @unsafe
  init(_ memory: UnsafeMutablePointer<UInt8>, capacity: UInt) {
    unsafe self.memory = memory
    self.capacity = capacity
  }

  var count: Int { Int(end &- start) }
  var room: Int { Int(capacity &- (end &- start)) }
  var isEmpty: Bool { start == end }

  /// Adds a byte.
  ///
  /// - Returns: false if there is no room.
  mutating func append(_ byte: UInt8) -> Bool {
    guard end &- start < capacity else { return false }
    // Within the memory given to the initializer, for the capacity is a power of two.
    unsafe memory[Int(end & (capacity &- 1))] = byte
    end &+= 1
    return true
  }

  /// The oldest byte, which stays.
  var first: UInt8? {
    // As in `append`.
    isEmpty ? nil : unsafe memory[Int(start & (capacity &- 1))]
  }

  /// Removes the oldest byte. There must be one.
  mutating func removeFirst() { start &+= 1 }
}
