/// Bytes on their way out through a virtqueue: queued, then with the device, which reads them where they
/// lie. It is a ring in memory that the driver shares with the device.
struct TransmitQueue {
  /// Bytes that it holds; a power of two, and room for several answers.
  static var capacity: UInt { 0x1_0000 }

  private let memory: UInt
  // Counted up for ever: from `start` to `offered` the bytes are with the device, from there to `end`
  // they are queued.
  private var start: UInt = 0
  private var offered: UInt = 0
  private var end: UInt = 0

  /// The pieces that are with the device, in turn: the buffer of the oldest, and of the next.
  private var oldest: UInt16 = 0
  private var next: UInt16 = 0
  private var lengths = InlineArray<32, UInt32>(repeating: 0)
  /// Those of them that it has returned before an older one, a bit each.
  private var returned: UInt32 = 0

  /// - Parameter memory: ``capacity`` bytes.
  init(memory: UInt) { self.memory = memory }

  /// How many bytes can be queued.
  var room: Int { Int(Self.capacity &- (end &- start)) }

  /// Whether it holds nothing.
  var isEmpty: Bool { start == end }

  /// Queues `bytes`, for which there must be ``room``.
  mutating func append(
    _ bytes: Span<UInt8>, _ hardware: borrowing some VirtioHardware & ~Copyable
  ) {
    for index in bytes.indices {
      hardware.store8(memory &+ end & (Self.capacity &- 1), bytes[index])
      end &+= 1
    }
  }

  /// The bytes that the device is to have next, as much as lies in one piece, and the number of the
  /// buffer that they are; nil if there are none, or all buffers are with it.
  mutating func takePiece() -> (n: UInt16, address: UInt, length: UInt32)? {
    guard offered != end, next &- oldest < Virtqueue.size else { return nil }
    let place = offered & (Self.capacity &- 1)
    let length = min(end &- offered, Self.capacity &- place)
    let n = next & (Virtqueue.size &- 1)
    next &+= 1
    lengths[Int(n)] = UInt32(length)
    offered &+= length
    return (n, memory &+ place, UInt32(length))
  }

  /// The device has returned buffer `n`, which it had.
  mutating func takeReturned(_ n: UInt16) {
    returned |= 1 &<< UInt32(n & (Virtqueue.size &- 1))
    while oldest != next {
      let n = oldest & (Virtqueue.size &- 1)
      guard returned & 1 &<< UInt32(n) != 0 else { break }
      returned &= ~(1 &<< UInt32(n))
      start &+= UInt(lengths[Int(n)])
      oldest &+= 1
    }
    // From the beginning again: what is queued next lies in one piece.
    if isEmpty { (start, offered, end) = (0, 0, 0) }
  }

  /// Forgets what the device has not been given.
  mutating func removeQueued() { end = offered }

  /// Forgets everything: the device has been reset, and has nothing any more.
  mutating func removeAll() {
    (start, offered, end) = (0, 0, 0)
    (oldest, next, returned) = (0, 0, 0)
  }
}
