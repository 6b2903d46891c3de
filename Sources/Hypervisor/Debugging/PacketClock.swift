/// What the debugger's packets cost: ticks of the physical counter from the first byte of each to the
/// last of its answer. That of a packet that resumes is the stop reply, and the guest's own instructions
/// are in it.
struct PacketClock {
  /// Of all packets so far that were answered.
  private(set) var total: UInt64 = 0
  /// When the first byte came of what is not answered yet.
  private var start: UInt64?
  /// How often the link had sent anything when that was looked at last.
  private var sends: UInt64 = 0

  /// A byte was taken from the link; `now` gives the counter.
  mutating func take(_ byte: UInt8, at now: () -> UInt64) {
    guard start == nil else { return }
    // The mark that an answer arrived is no packet, and the next packet may be long in coming.
    if byte != UInt8(ascii: "+") && byte != UInt8(ascii: "-") { start = now() }
  }

  /// Another debugger is there, or none: what is not answered yet never will be.
  mutating func forget() { start = nil }

  /// The link has sent something `sends` times so far.
  mutating func notice(sends: UInt64, at now: () -> UInt64) {
    guard sends != self.sends else { return }
    self.sends = sends
    if let start { total &+= now() &- start }
    start = nil
  }
}
