/// The way out to the debugger: a serial line or a virtual console.
public protocol DebugLink: ~Copyable {
  /// Sends `bytes` in order, all of them, waiting for room where it must.
  ///
  /// If nobody listens any more they may be dropped; the debugger that comes next starts afresh.
  mutating func send(_ bytes: Span<UInt8>)
}
