internal import RemoteProtocol

/// What has happened on a debug link.
enum PortEvent: Equatable, Sendable {
  /// A debugger is there. What follows is of its connection.
  case opened
  /// The debugger has gone, and all its bytes came before this.
  case closed
  /// The debugger sent a byte.
  case received(UInt8)
  /// The device does what no such device may. It has been switched off, for good.
  case failed
}

/// A debug link as the hypervisor drives it: it never blocks.
///
/// Bytes for the debugger are queued whole (`DebugLink.send`), and handed to the device by ``pump()`` as
/// it has room. Those of one connection never reach the next. A port belongs to the link core, which
/// looks at it at its interrupt and whenever it wakes up in the waiting loop.
protocol Port: DebugLink, ~Copyable {
  /// Takes the device's interrupt back. What caused it is then asked for.
  mutating func acknowledgeInterrupt()

  /// The next thing that has happened, or nil. While there is not ``longestAnswer`` of room, bytes wait
  /// with the device; that the debugger goes is told all the same, and makes room.
  mutating func nextEvent() -> PortEvent?

  /// Hands what is queued to the device, all that one buffer takes at once.
  ///
  /// - Returns: true if something has happened meanwhile that comes first: the caller must take it and
  ///   pump again.
  mutating func pump() -> Bool

  /// Whether anything is still queued, or with the device and not sent.
  var hasUnsent: Bool { get }

  /// How often anything was sent on it.
  var sends: UInt64 { get }
}
