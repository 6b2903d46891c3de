/// What the server and one debugger have agreed on. It holds for as long as the connection.
struct Agreement {
  /// Packets are acknowledged, until `QStartNoAckMode`.
  var acknowledges = true
  /// `qSupported` was sent.
  var knowsFeatures = false
  /// The debugger understands `swbreak` in stop replies.
  var understandsSoftwareBreak = false
  /// The debugger understands `hwbreak` in stop replies.
  var understandsHardwareBreak = false
  /// Thread ids have a process before them: `multiprocess`. Without one they are understood anyway.
  var namesProcesses = false
  /// Stop replies list all threads (LLDB's `QListThreadsInStopReply`).
  var listsThreads = false
  /// The connection outlasts the program, that is, the debugger's hold on the machine: `!`.
  var isExtended = false
}

/// What the server and one debugger have agreed on, and where they are in their conversation.
struct Session {
  var agreed = Agreement()

  /// A packet has arrived, and the debugger has not detached.
  var isOpen = false
  /// In extended mode: the debugger has let the machine go, and stays. What it asks now must not
  /// leave the machine standing.
  var hasLetGo = false

  /// The debugger resumed the machine, and waits to be told of the stop.
  var owesStopReply = false
  /// A packet arrived while the machine ran, and is answered when it stands still.
  var holdsPacket = false
  /// The packet's checksum is wrong, and it cannot be sent again.
  var packetIsCorrupt = false

  /// A 0x03 that no stop has answered yet. The next resumption does.
  var keepsInterrupt = false
  /// A 0x03 arrived after the packet that is held.
  var interruptFollowsPacket = false
  /// `R` was sent, and the machine is still there.
  var couldNotReset = false

  /// The vCPU that `Hg` chose, for registers and memory; nil for the one that stopped.
  var generalThread: Int?
  /// The vCPU that `Hc` chose, for `c` and `s`; nil for all (`c`) or the one that stopped (`s`).
  var continueThread: Int?
}
