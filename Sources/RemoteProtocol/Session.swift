/// What the server and one debugger have agreed on, and where they are in their conversation.
struct Session {
  /// A packet has arrived, and the debugger has not detached.
  var isOpen = false

  // MARK: Agreed

  /// Packets are acknowledged, until `QStartNoAckMode`.
  var acknowledges = true
  /// `qSupported` was sent.
  var knowsFeatures = false
  /// The debugger understands `swbreak` in stop replies.
  var understandsSoftwareBreak = false
  /// The debugger understands `hwbreak` in stop replies.
  var understandsHardwareBreak = false
  /// Stop replies list all threads (LLDB's `QListThreadsInStopReply`).
  var listsThreads = false

  // MARK: Where they are

  /// The debugger resumed the machine, and waits to be told of the stop.
  var owesStopReply = false
  /// A packet arrived while the machine ran, and is answered when it stands still.
  var holdsPacket = false
  /// The packet's checksum is wrong, and it cannot be sent again.
  var packetIsCorrupt = false

  /// The vCPU that `Hg` chose, for registers and memory; nil for the one that stopped.
  var generalThread: Int?
  /// The vCPU that `Hc` chose, for `c` and `s`; nil for all (`c`) or the one that stopped (`s`).
  var continueThread: Int?
}
