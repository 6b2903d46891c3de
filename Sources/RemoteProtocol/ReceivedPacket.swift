/// How many payload bytes a packet may have, in either direction: the `PacketSize` that the server
/// announces.
var packetSize: Int { PacketBytes.count }

/// The `PacketSize` that the server announces on a link that loses bytes: what is sent again is short then. It takes
/// longer packets all the same.
var lossyPacketSize: Int { 512 }

typealias PacketBytes = InlineArray<4096, UInt8>

/// The payload of a packet from the debugger, without frame and escapes, and how far it is read.
///
/// Reading never goes past the end, whatever the bytes are. All of it is `mutating`, even what
/// changes nothing: an array inside a borrowed value would be copied, all of it, to read one byte.
struct ReceivedPacket: ~Copyable {
  private(set) var bytes = PacketBytes(repeating: 0)
  private(set) var count = 0
  private(set) var position = 0

  /// More bytes arrived than fit, and the rest of them is lost.
  private(set) var isTooLong = false

  // MARK: Receiving

  mutating func removeAll() {
    count = 0
    position = 0
    isTooLong = false
  }

  mutating func append(_ byte: UInt8) {
    guard count < bytes.count else {
      isTooLong = true
      return
    }
    bytes[count] = byte
    count &+= 1
  }

  /// A number that is the same for packets that are the same, and for hardly any others (FNV-1a of 64 bits).
  @inline(never)
  mutating func fingerprint() -> UInt64 {
    var value: UInt64 = 0xcbf2_9ce4_8422_2325
    for index in 0..<count {
      value = (value ^ UInt64(bytes[index])) &* 0x100_0000_01b3
    }
    return value
  }

  // MARK: Reading

  var isAtEnd: Bool { position == count }

  /// The next byte, if there is one.
  mutating func peek() -> UInt8? { isAtEnd ? nil : bytes[position] }

  @inline(never)
  mutating func takeByte() -> UInt8? {
    guard let byte = peek() else { return nil }
    position &+= 1
    return byte
  }

  /// Whether `text` is next.
  @inline(never)
  mutating func isNext(_ text: StaticString) -> Bool {
    guard text.utf8CodeUnitCount <= count &- position else { return false }
    for index in 0..<text.utf8CodeUnitCount {
      // The text is a literal of this module and the index is below its length.
      guard unsafe bytes[position &+ index] == text.utf8Start[index] else { return false }
    }
    return true
  }

  /// Goes past `text` if that is next.
  @inline(never)
  mutating func take(_ text: StaticString) -> Bool {
    guard isNext(text) else { return false }
    position &+= text.utf8CodeUnitCount
    return true
  }

  /// Goes past `name` if that is next and no longer name begins with it.
  @inline(never)
  mutating func takeName(_ name: StaticString) -> Bool {
    let start = position
    guard take(name) else { return false }
    switch peek() {
    case nil, UInt8(ascii: ":"), UInt8(ascii: ";"), UInt8(ascii: ","), UInt8(ascii: "."):
      return true
    default:
      position = start
      return false
    }
  }

  /// Goes past `text`, which must be next.
  @inline(never)
  mutating func expect(_ text: StaticString) throws(RemoteError) {
    guard take(text) else { throw .malformed }
  }

  /// Everything must have been read.
  func expectEnd() throws(RemoteError) {
    guard isAtEnd else { throw .malformed }
  }

  /// Reads a number in hexadecimal digits, most significant first: at least one digit, and at most
  /// 64 significant bits.
  @inline(never)
  mutating func takeNumber() throws(RemoteError) -> UInt64 {
    var value: UInt64 = 0
    let start = position
    while let byte = peek(), let digit = Hex.value(byte) {
      guard value >> 60 == 0 else { throw .malformed }
      value = value << 4 | UInt64(digit)
      position &+= 1
    }
    guard position > start else { throw .malformed }
    return value
  }

  /// Reads pairs of hexadecimal digits up to the first byte that is none, and puts the bytes that
  /// they stand for in their place: no second buffer is needed, for they are half as long.
  ///
  /// - Returns: where in ``bytes`` they are now.
  @inline(never)
  mutating func takeHexBytes() throws(RemoteError) -> Range<Int> {
    let start = position
    var end = start
    while let high = peek().flatMap(Hex.value) {
      position &+= 1
      guard let low = peek().flatMap(Hex.value) else { throw .malformed }
      position &+= 1
      bytes[end] = high << 4 | low
      end &+= 1
    }
    return start..<end
  }

  /// Reads all that is left, as it is.
  ///
  /// - Returns: where in ``bytes`` it is.
  mutating func takeRest() -> Range<Int> {
    let start = position
    position = count
    return start..<count
  }

  /// Goes back to `position`, to read again from there.
  mutating func rewind(to position: Int) {
    self.position = min(max(position, 0), count)
  }
}
