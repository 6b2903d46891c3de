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
  /// Acknowledges the device's interrupt. The caller must ask for ``nextEvent()`` then.
  mutating func acknowledgeInterrupt()

  /// The next thing that has happened, or nil. While there is less room than ``longestAnswer``, bytes wait
  /// with the device. The end of a connection is told all the same, and makes room.
  mutating func nextEvent() -> PortEvent?

  /// Hands queued bytes to the device, as many at once as one buffer takes.
  ///
  /// - Returns: true if something has happened meanwhile that comes first: the caller must take it and
  ///   pump again.
  mutating func pump() -> Bool

  /// Whether anything is still queued, or with the device and not sent.
  var hasUnsent: Bool { get }

  /// How often something was sent on it.
  var sends: UInt64 { get }
}
