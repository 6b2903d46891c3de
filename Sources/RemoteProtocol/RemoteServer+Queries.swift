extension RemoteServer where Machine: ~Copyable, Link: ~Copyable {
  /// `qSupported`: what the debugger understands, against what the server does.
  ///
  /// A memory map is not among it: it would be one of the addresses that the debugger uses, which
  /// are virtual and change, and GDB refuses whatever stands outside without even asking.
  mutating func agreeOnFeatures() {
    session.agreed.knowsFeatures = true
    session.agreed.understandsSoftwareBreak = false
    session.agreed.understandsHardwareBreak = false
    session.agreed.namesProcesses = false
    if sender.errorForm == .text { sender.errorForm = .code }
    while receiver.packet.take(":") || receiver.packet.take(";") {
      if receiver.packet.takeName("swbreak+") {
        session.agreed.understandsSoftwareBreak = true
      } else if receiver.packet.takeName("hwbreak+") {
        session.agreed.understandsHardwareBreak = true
      } else if receiver.packet.takeName("multiprocess+") {
        session.agreed.namesProcesses = true
      } else if receiver.packet.takeName("error-message+") {
        sender.errorForm = .text
      } else {
        while let byte = receiver.packet.peek(), byte != UInt8(ascii: ";") {
          _ = receiver.packet.takeByte()
        }
      }
    }
    sender.write("PacketSize=")
    sender.write(hex: UInt64(sender.link.losesBytes ? lossyPacketSize : packetSize))
    if !sender.link.losesBytes { sender.write(";QStartNoAckMode+") }
    sender.write(";vContSupported+;qXfer:features:read+;qXfer:threads:read+")
    sender.write(";binary-upload+")
    if session.agreed.understandsSoftwareBreak { sender.write(";swbreak+") }
    if session.agreed.understandsHardwareBreak { sender.write(";hwbreak+") }
    // There is one process and always will be. But GDB, up to 17, dies when it records a thread that
    // has none.
    if session.agreed.namesProcesses { sender.write(";multiprocess+") }
    if sender.errorForm == .text { sender.write(";error-message+") }
  }

  /// `qXfer:object:read:annex:offset,length`: a piece of a document.
  mutating func transfer(_ target: inout Machine) throws(RemoteError) {
    if receiver.packet.take(":features:read:") {
      guard receiver.packet.takeName("target.xml") else { throw .noSuchDocument }
      try beginPiece()
      target.writeTargetDescription(to: &sender)
    } else if receiver.packet.take(":threads:read:") {
      try beginPiece()
      writeThreadDocument(&target)
    } else {
      return
    }
    sender.endDocument()
  }

  @inline(never)
  private mutating func beginPiece() throws(RemoteError) {
    try receiver.packet.expect(":")
    let offset = try receiver.packet.takeNumber()
    try receiver.packet.expect(",")
    let length = try receiver.packet.takeNumber()
    try receiver.packet.expectEnd()
    sender.beginDocument(offset: offset, length: length)
  }

  /// `qRcmd`: what the user typed after `monitor`, in hexadecimal digits.
  ///
  /// The answer is `OK` for a command that fails too: its text has said so, and GDB shows an error as
  /// one of the protocol, without a word of what is wrong.
  mutating func runMonitorCommand(_ target: inout Machine) throws(RemoteError) {
    try receiver.packet.expect(",")
    let command = try receiver.packet.takeHexBytes()
    try receiver.packet.expectEnd()
    sender.beginConsole()
    target.monitor(receiver.packet.bytes.span.extracting(command), output: &sender)
    sender.endConsole()
    sender.write("OK")
  }

  /// `qOffsets`: by how much the program was moved, so that the debugger moves its symbols.
  ///
  /// `TextSeg` would be shorter, but GDB takes it for an address and LLDB for a distance.
  mutating func appendOffsets(_ target: inout Machine) {
    guard let slide = target.loadSlide else { return }
    sender.write("Text=")
    sender.write(hex: slide)
    sender.write(";Data=")
    sender.write(hex: slide)
    sender.write(";Bss=")
    sender.write(hex: slide)
  }

  /// `qHostInfo` (LLDB): what kind of machine it is.
  mutating func appendHostInfo() {
    appendTriple()
    if Machine.watchpointsStopBeforeAccess {
      // Older LLDBs would otherwise hit the same watchpoint for ever.
      sender.write("watchpoint_exceptions_received:before;")
    }
  }

  /// `qProcessInfo` (LLDB): the machine as the one process that there is.
  mutating func appendProcessInfo() {
    sender.write("pid:1;")
    appendTriple()
  }

  @inline(never)
  private mutating func appendTriple() {
    sender.write("triple:")
    sender.beginHex()
    sender.write(Machine.triple)
    sender.endHex()
    sender.write(";endian:little;ptrsize:8;")
  }
}
