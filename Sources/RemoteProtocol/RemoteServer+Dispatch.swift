/// Whether a packet is answered at once.
enum Answer {
  /// It is, with what the sender holds by now; nothing at all means "not supported".
  case now
  /// It is not: a stop reply follows later, or none ever.
  case later
}

extension RemoteServer where Machine: ~Copyable, Link: ~Copyable {
  /// Does what a packet says that has no answer, whatever comes of it: `k`, `R`, and `r`, which the
  /// manual says is not to be used and which is not obeyed.
  ///
  /// The debugger does not wait, so the next packet comes right after this one. It is for that reason
  /// that this does not wait for a standstill.
  ///
  /// - Returns: false if it is another packet.
  mutating func obeyWithoutAnswer(_ target: inout Machine) -> Bool {
    switch receiver.packet.takeByte() {
    case UInt8(ascii: "k"):
      // But LLDB waits for an answer, some seconds, and says that it could not kill: "ended by SIGKILL"
      // is what its own servers say.
      let isLLDB = sender.errorForm == .codeAndText
      letGo(&target)
      guard isLLDB else { break }
      sender.begin()
      sender.write("X09")
      sender.send()
    case UInt8(ascii: "R"): try? restart(&target)
    case UInt8(ascii: "r"): break
    default:
      receiver.packet.rewind(to: 0)
      return false
    }
    return true
  }

  /// Does what the packet says, and puts its answer together.
  mutating func dispatch(_ target: inout Machine) throws(RemoteError) -> Answer {
    guard let command = receiver.packet.takeByte() else { return .now }
    switch command {
    case UInt8(ascii: "?"):
      try receiver.packet.expectEnd()
      session.keepsInterrupt = false
      session.hasLetGo = false
      appendStopReply(for: stop, target: &target)
    case UInt8(ascii: "g"): try readGeneralRegisters(&target)
    case UInt8(ascii: "G"): try writeGeneralRegisters(&target)
    case UInt8(ascii: "p"): try readRegister(&target)
    case UInt8(ascii: "P"): try writeRegister(&target)
    case UInt8(ascii: "m"): try readMemory(as: .hex, &target)
    case UInt8(ascii: "x"): try readMemory(as: .binary, &target)
    case UInt8(ascii: "M"): try writeMemory(as: .hex, &target)
    case UInt8(ascii: "X"): try writeMemory(as: .binary, &target)
    case UInt8(ascii: "Z"): try insertPoint(&target)
    case UInt8(ascii: "z"): try removePoint(&target)
    case UInt8(ascii: "c"), UInt8(ascii: "C"), UInt8(ascii: "s"), UInt8(ascii: "S"):
      try resume(command, &target)
      return .later
    case UInt8(ascii: "H"): try selectThread(&target)
    case UInt8(ascii: "T"):
      _ = try takeOneThread(&target)
      try receiver.packet.expectEnd()
      sender.write("OK")
    case UInt8(ascii: "D"): try detach(&target)
    case UInt8(ascii: "!"):
      try receiver.packet.expectEnd()
      session.agreed.isExtended = true
      sender.write("OK")
    case UInt8(ascii: "v"): return try dispatchMultiletter(&target)
    case UInt8(ascii: "q"): try dispatchQuery(&target)
    case UInt8(ascii: "Q"): try dispatchSetting()
    default: break
    }
    return .now
  }

  private mutating func dispatchMultiletter(
    _ target: inout Machine
  ) throws(RemoteError) -> Answer {
    if receiver.packet.take("Cont?") {
      try receiver.packet.expectEnd()
      sender.write("vCont;c;C;s;S")
    } else if receiver.packet.take("Cont;") {
      try resumeThreads(&target)
      return .later
    } else if receiver.packet.takeName("Kill") {
      try kill(&target)
    } else if receiver.packet.takeName("Attach") {
      try attach(&target)
    } else if receiver.packet.takeName("Run") {
      try startProgram(&target)
    }
    return .now
  }

  private mutating func dispatchQuery(_ target: inout Machine) throws(RemoteError) {
    if receiver.packet.takeName("Supported") {
      agreeOnFeatures()
    } else if receiver.packet.takeName("Attached") {
      // The machine was there before the debugger: quitting detaches from it.
      sender.write("1")
    } else if receiver.packet.takeName("C") {
      sender.write("QC")
      appendThread(generalThread)
    } else if receiver.packet.takeName("fThreadInfo") {
      listThreads(&target)
    } else if receiver.packet.takeName("sThreadInfo") {
      sender.write("l")
    } else if receiver.packet.takeName("ThreadExtraInfo") {
      try describeThread(&target)
    } else if receiver.packet.take("ThreadStopInfo") {
      try describeStop(&target)
    } else if receiver.packet.takeName("Xfer") {
      try transfer(&target)
    } else if receiver.packet.takeName("Rcmd") {
      try runMonitorCommand(&target)
    } else if receiver.packet.takeName("Offsets") {
      appendOffsets(&target)
    } else if receiver.packet.takeName("Symbol") {
      // The debugger offers to look symbols up; none is wanted.
      sender.write("OK")
    } else if receiver.packet.takeName("HostInfo") {
      appendHostInfo()
    } else if receiver.packet.takeName("ProcessInfo") {
      appendProcessInfo()
    }
  }

  private mutating func dispatchSetting() throws(RemoteError) {
    // Not supported where bytes are lost: without acknowledgments nothing is sent again.
    if !sender.link.losesBytes, receiver.packet.takeName("StartNoAckMode") {
      session.agreed.acknowledges = false
    } else if receiver.packet.takeName("ThreadSuffixSupported") {
      // Packets with the suffix are understood whether it was announced or not.
    } else if receiver.packet.takeName("ListThreadsInStopReply") {
      session.agreed.listsThreads = true
    } else if receiver.packet.takeName("EnableErrorStrings") {
      sender.errorForm = .codeAndText
    } else {
      return
    }
    try receiver.packet.expectEnd()
    sender.write("OK")
  }
}
