/// The way out to the debugger: a serial line or a virtual console.
///
/// It never waits for its reader. What it is given it keeps until it can be sent, as far as there is
/// ``room``; the server is only called while there is ``longestAnswer`` of that.
public protocol DebugLink: ~Copyable {
  /// Takes `bytes` behind those that it was given before, all of them.
  ///
  /// If nobody listens any more they may be dropped; the debugger that comes next starts afresh.
  mutating func send(_ bytes: Span<UInt8>)

  /// How many bytes can be sent now.
  var room: Int { get }

  /// Whether bytes may be lost on the way, in both directions, as on a serial line. Packets are acknowledged there
  /// throughout, and are short (``lossyPacketSize``).
  var losesBytes: Bool { get }
}

extension DebugLink where Self: ~Copyable {
  /// A link without a bound.
  public var room: Int { .max }

  /// A link that is a stream.
  public var losesBytes: Bool { false }
}

/// How many bytes the server sends at most for one byte that it receives or one stop that it is told of:
/// an acknowledgment, an answer, and that console output was left out. Other console output is sent only
/// as far as there is more room than that.
public var longestAnswer: Int { 1 &+ packetSize &+ 4 &+ leftOutPacketSize }

/// Bytes of the packet that says that console output was left out, at most.
var leftOutPacketSize: Int { 128 }
