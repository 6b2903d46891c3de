/// Bytes on their way out through a virtqueue: queued first, then with the device, which reads them where
/// they lie, in a ring in memory that the driver shares with the device.
///
/// There are several such rings. After a connection has ended the device may still read the bytes that it
/// has of it, so their ring is not written again before the device has returned them or was reset. The next
/// connection uses another ring.
struct TransmitQueue {
  /// Bytes that a ring holds; a power of two, and room for several answers.
  static var capacity: UInt { 0x1_0000 }
  private static var ringCount: Int { 4 }
  /// How many bytes of memory it needs.
  static var memoryNeeded: UInt { capacity &* UInt(ringCount) }

  private let memory: UInt
  private var ring = 0
  // Counted up while the ring is not empty: from `start` to `offered` the bytes are with the device, from
  // there to `end` they are queued.
  private var start: UInt = 0
  private var offered: UInt = 0
  private var end: UInt = 0

  /// The pieces that are with the device, in turn: which buffer each is, and how long.
  private var oldest: UInt16 = 0
  private var next: UInt16 = 0
  private var buffers = InlineArray<32, UInt16>(repeating: 0)
  private var lengths = InlineArray<32, UInt32>(repeating: 0)
  /// Buffers that the device has returned before an older one, a bit each.
  private var returned: UInt32 = 0
  /// By ring, the buffers of connections that have ended.
  private var abandoned = InlineArray<4, UInt32>(repeating: 0)

  /// - Parameter memory: ``memoryNeeded`` bytes.
  init(memory: UInt) { self.memory = memory }

  /// How many bytes can be queued.
  var room: Int { Int(Self.capacity &- (end &- start)) }

  /// Whether it holds no bytes of this connection.
  var isEmpty: Bool { start == end }

  /// Whether the device has bytes of connections that have ended.
  var hasAbandoned: Bool {
    for ring in abandoned.indices where abandoned[ring] != 0 { return true }
    return false
  }

  private func address(_ position: UInt) -> UInt {
    memory &+ UInt(ring) &* Self.capacity &+ position & (Self.capacity &- 1)
  }

  /// Queues `bytes`, for which there must be ``room``.
  mutating func append(
    _ bytes: Span<UInt8>, _ hardware: borrowing some VirtioHardware & ~Copyable
  ) {
    for index in bytes.indices {
      hardware.store8(address(end), bytes[index])
      end &+= 1
    }
  }

  /// The bytes to offer to the device next, as buffer `n`, which it must not have: as many as lie in one
  /// piece. Nil if there are none.
  mutating func takePiece(as n: UInt16) -> (address: UInt, length: UInt32)? {
    guard offered != end, next &- oldest < Virtqueue.size else { return nil }
    let place = offered & (Self.capacity &- 1)
    let length = min(end &- offered, Self.capacity &- place)
    let piece = (address(offered), UInt32(length))
    let turn = Int(next & (Virtqueue.size &- 1))
    buffers[turn] = n
    lengths[turn] = piece.1
    next &+= 1
    offered &+= length
    return piece
  }

  /// The device has returned buffer `n`, which it had.
  mutating func takeReturned(_ n: UInt16) {
    let bit: UInt32 = 1 &<< UInt32(n)
    for ring in abandoned.indices where abandoned[ring] & bit != 0 {
      abandoned[ring] &= ~bit
      return
    }
    returned |= bit
    while oldest != next {
      let turn = Int(oldest & (Virtqueue.size &- 1))
      let bit: UInt32 = 1 &<< UInt32(buffers[turn])
      guard returned & bit != 0 else { break }
      returned &= ~bit
      start &+= UInt(lengths[turn])
      oldest &+= 1
    }
    // From the beginning again, so that what is queued next lies in one piece.
    if isEmpty { (start, offered, end) = (0, 0, 0) }
  }

  /// The connection has ended: queued bytes are dropped, those that the device has stay with it.
  ///
  /// - Returns: false if there is no memory for the next connection before the device is reset.
  mutating func abandon() -> Bool {
    while oldest != next {
      let bit: UInt32 = 1 &<< UInt32(buffers[Int(oldest & (Virtqueue.size &- 1))])
      if returned & bit == 0 { abandoned[ring] |= bit }
      oldest &+= 1
    }
    returned = 0
    (start, offered, end) = (0, 0, 0)
    for candidate in abandoned.indices where abandoned[candidate] == 0 {
      ring = candidate
      return true
    }
    return false
  }

  /// Forgets everything. The device must have been reset, so that it has no buffer.
  mutating func removeAll() {
    (start, offered, end) = (0, 0, 0)
    (oldest, next, returned) = (0, 0, 0)
    abandoned = InlineArray(repeating: 0)
  }
}
