/// Takes the debugger's bytes apart (GDB manual, "Overview" of the remote protocol).
struct PacketReceiver: ~Copyable {
  /// What a byte completed.
  enum Event {
    /// Nothing yet, or noise.
    case none
    /// ``packet`` arrived, and as it was sent.
    case packet
    /// ``packet`` arrived, and its checksum is wrong.
    case corruptPacket
    /// `+`: the debugger has the last packet.
    case acknowledgment
    /// `-`: the debugger wants the last packet again.
    case retransmission
    /// 0x03: the debugger wants the machine stopped.
    case interrupt
  }

  private enum State {
    case betweenPackets
    case payload
    case escaped
    case checksum
    case checksumEnd(high: UInt8?)
  }

  /// The packet that arrived last; only to be read until the next byte is received.
  var packet = ReceivedPacket()

  /// Whether ``packet`` came right after a `+`.
  private(set) var packetFollowsAcknowledgment = false

  private var state = State.betweenPackets
  private var acknowledgmentIsLast = false
  private var sum: UInt8 = 0
  /// The packet that arrives is not stored and not reported.
  private var isPassedOver = false

  /// Forgets a packet that has begun.
  mutating func reset() {
    state = .betweenPackets
    packet.removeAll()
  }

  /// Takes the next byte.
  ///
  /// - Parameter keepsPacket: ``packet`` is still needed. One that begins now is passed over, up to its
  ///   end, so that its bytes are not taken for what they would mean between packets.
  mutating func receive(_ byte: UInt8, keepsPacket: Bool = false) -> Event {
    defer { acknowledgmentIsLast = byte == UInt8(ascii: "+") }
    switch (state, byte) {
    case (.betweenPackets, UInt8(ascii: "+")): return .acknowledgment
    case (.betweenPackets, UInt8(ascii: "-")): return .retransmission
    case (.betweenPackets, 0x03): return .interrupt
    case (_, UInt8(ascii: "$")):
      // Inside a packet it can only mean that the debugger gave up and begins again.
      isPassedOver = keepsPacket
      if !isPassedOver {
        packet.removeAll()
        packetFollowsAcknowledgment = acknowledgmentIsLast
      }
      sum = 0
      state = .payload
    case (.betweenPackets, _): break
    case (.payload, UInt8(ascii: "#")), (.escaped, UInt8(ascii: "#")): state = .checksum
    case (.payload, UInt8(ascii: "}")):
      sum &+= byte
      state = .escaped
    case (.payload, _):
      // `*` too: run-length encoding is for the server's packets only.
      sum &+= byte
      if !isPassedOver { packet.append(byte) }
    case (.escaped, _):
      sum &+= byte
      if !isPassedOver { packet.append(byte ^ 0x20) }
      state = .payload
    case (.checksum, _): state = .checksumEnd(high: Hex.value(byte))
    case (.checksumEnd(let high), _):
      state = .betweenPackets
      if isPassedOver { return .none }
      guard let high, let low = Hex.value(byte), high << 4 | low == sum else {
        return .corruptPacket
      }
      return .packet
    }
    return .none
  }
}
