import Testing

@testable import RemoteProtocol

@Suite("Questions")
struct QueryTests {
  @Test("The features of the server, and of GDB's only those that GDB has")
  func features() {
    let own =
      "PacketSize=1000;QStartNoAckMode+;vContSupported+;qXfer:features:read+;"
      + "qXfer:threads:read+;binary-upload+"
    let conversation = Conversation()
    #expect(conversation.ask("qSupported") == own)
    #expect(conversation.ask("qSupported:multiprocess-;xmlRegisters=i386") == own)
    #expect(conversation.ask("qSupported:hwbreak+") == own + ";hwbreak+")
    #expect(conversation.ask("qSupported:swbreak+;x;hwbreak+") == own + ";swbreak+;hwbreak+")
    #expect(
      conversation.ask("qSupported:error-message+;multiprocess+")
        == own + ";multiprocess+;error-message+")
    // Each time anew.
    #expect(conversation.ask("qSupported") == own)
    #expect(conversation.ask("qC") == "QC1")
    #expect(conversation.ask("T9") == "E03")
  }

  @Test("The machine was there before the debugger")
  func attached() {
    #expect(Conversation().ask("qAttached") == "1")
    #expect(Conversation().ask("qAttached:1") == "1")
  }

  @Test("No symbols are asked for")
  func symbols() {
    #expect(Conversation().ask("qSymbol::") == "OK")
  }

  @Test("By how much the program was moved, if that is known")
  func offsets() {
    let conversation = Conversation()
    #expect(conversation.ask("qOffsets") == "")
    conversation.machine.loadSlide = 0x1_2340_0000
    #expect(conversation.ask("qOffsets") == "Text=123400000;Data=123400000;Bss=123400000")
    conversation.machine.loadSlide = 0
    #expect(conversation.ask("qOffsets") == "Text=0;Data=0;Bss=0")
  }

  @Test("LLDB is told the kind of machine, and that watchpoints stop before the access")
  func hostInfo() {
    let triple = hex("aarch64-none-elf")
    let conversation = Conversation()
    #expect(
      conversation.ask("qHostInfo")
        == "triple:\(triple);endian:little;ptrsize:8;watchpoint_exceptions_received:before;")
    #expect(
      conversation.ask("qProcessInfo") == "pid:1;triple:\(triple);endian:little;ptrsize:8;")
  }

  // MARK: Documents

  @Test("A document comes in pieces of the asked size, the last one marked")
  func pieces() {
    let conversation = Conversation()
    conversation.machine.description = "0123456789"
    let ask = { conversation.ask("qXfer:features:read:target.xml:" + $0) }
    #expect(ask("0,4") == "m0123")
    #expect(ask("4,4") == "m4567")
    #expect(ask("8,4") == "l89")
    #expect(ask("0,a") == "l0123456789")
    #expect(ask("0,9") == "m012345678")
    #expect(ask("a,4") == "l")
    #expect(ask("b,4") == "l")
    #expect(ask("0,0") == "m")
    #expect(ask("0,ffffffffffffffff") == "l0123456789")
    #expect(ask("ffffffffffffffff,ffffffffffffffff") == "l")
  }

  @Test("A piece is as long as was asked, up to the size of a packet")
  func longPieces() {
    let conversation = Conversation()
    conversation.machine.description = String(repeating: "x", count: 3 * packetSize)
    let ask = { conversation.ask("qXfer:features:read:target.xml:" + $0) }
    #expect(ask("0,ffb") == "m" + String(repeating: "x", count: 0xffb))
    #expect(ask("0,fff") == "m" + String(repeating: "x", count: 0xfff))
    #expect(ask("0,1000") == "m" + String(repeating: "x", count: 0xfff))
    #expect(ask("2f00,fff") == "l" + String(repeating: "x", count: 0x100))
  }

  @Test("Bytes of a document that have a meaning on the link are escaped, and count as one")
  func escapes() {
    let conversation = Conversation()
    conversation.machine.description = "a}b#c$d*e"
    let ask = { conversation.ask("qXfer:features:read:target.xml:" + $0) }
    #expect(ask("0,fff") == "la}]b}\u{3}c}\u{4}d}\ne")
    #expect(ask("1,2") == "m}]b")
    #expect(ask("2,2") == "mb}\u{3}")
  }

  @Test("A piece ends before an escape that no longer fits, and loses nothing")
  func escapesAtTheEnd() {
    let conversation = Conversation()
    conversation.machine.description = "x" + String(repeating: "}", count: packetSize)
    var pieces: [String] = []
    var offset = 0
    repeat {
      let piece =
        conversation.ask("qXfer:features:read:target.xml:\(digits(offset, 1)),fff") ?? ""
      offset += piece.dropFirst().filter { $0 != "]" }.count
      pieces.append(piece)
    } while pieces.last?.hasPrefix("m") == true && pieces.count < 10
    #expect(pieces.count == 3)
    #expect(
      pieces.map { $0.dropFirst() }.joined()
        == "x" + String(repeating: "}]", count: packetSize))
  }

  @Test(
    "A document that is not there is an error; a kind of document that is not there is unknown",
    arguments: [
      ("qXfer:features:read:core.xml:0,100", "E06"), ("qXfer:features:read:target.xm:0,1", "E06"),
      ("qXfer:features:read::0,1", "E06"), ("qXfer:memory-map:read::0,100", ""),
      ("qXfer:features:write:target.xml:0:00", ""), ("qXfer", ""), ("qXfer:", ""),
      ("qXfer:features:read:target.xml", "E22"), ("qXfer:features:read:target.xml:", "E22"),
      ("qXfer:features:read:target.xml:0", "E22"), ("qXfer:features:read:target.xml:0,", "E22"),
      ("qXfer:features:read:target.xml:0,1,1", "E22"), ("qXfer:threads:read:x:0,100", "E22"),
    ])
  func documents(packet: String, answer: String) {
    #expect(Conversation().ask(packet) == answer)
  }

  // MARK: monitor

  @Test("What a monitor command writes comes before the answer, as text for the console")
  func monitor() {
    let conversation = Conversation()
    #expect(
      conversation.askForAll("qRcmd," + hex("echo Hello!")) == ["O" + hex("Hello!"), "OK"])
    #expect(conversation.askForAll("qRcmd," + hex("count 0")) == ["OK"])
  }

  @Test("A monitor command may write any amount; no packet is larger than the announced size")
  func longMonitorOutput() {
    let conversation = Conversation()
    let packets = conversation.askForAll("qRcmd," + hex("count 2000"))
    #expect(packets.last == "OK")
    #expect(packets.allSatisfy { $0.count <= packetSize })
    let console = packets.dropLast()
    #expect(console.count == 5)
    #expect(console.allSatisfy { $0.hasPrefix("O") })
    #expect(
      console.map { $0.dropFirst() }.joined() == hex((0..<2000).map { "\($0) " }.joined()))
  }

  @Test("A monitor command that fails says so in words: GDB shows an error without any")
  func failedMonitorCommand() {
    let words = hex("error: no such command\n")
    #expect(Conversation().askForAll("qRcmd," + hex("fly")) == ["O" + words, "OK"])
    #expect(Conversation().askForAll("qRcmd,") == ["O" + words, "OK"])
  }

  // MARK: Unknown and malformed

  @Test(
    "What the server does not know gets the empty answer",
    arguments: [
      "", "A", "b", "bc", "bs", "d", "F", "i", "I", "t", "y", "\u{0}", "\u{ff}",
      "vMustReplyEmpty", "vRun;", "vStopped", "vCont", "vContinue", "vKillall",
      "vFile:open:", "q", "Q", "qCRC:0,1", "qSupportedX", "qTStatus", "qTfV", "qL", "qSearch",
      "qStructuredDataPlugins", "qShlibInfoAddr", "qVAttachOrWaitSupported", "qRegisterInfo0",
      "qMemoryRegionInfo:0", "qWatchpointSupportInfo:", "QEnableErrorStringsX", "QNonStop:1",
      "QThreadEvents:1", "QPassSignals:", "jThreadsInfo", "jThreadExtendedInfo:{}", "qAttachedX",
    ])
  func unknown(packet: String) {
    #expect(Conversation().ask(packet) == "")
  }

  @Test(
    "What the server knows but cannot read gets an error",
    arguments: [
      "?x", "gx", "g;thread:1;x", "p", "px", "p0x", "p-1", "P", "P0", "P0x", "P=00", "P0=0x",
      "p10000000000000000", "m", "m40000000", "m40000000,", "m,4", "m40000000,4,4", "m40000000,0",
      "m40000000;4", "m 40000000,4", "m0x40000000,4", "m10000000000000000,1",
      "m40000000,10000000000000000", "x40000000", "x40000000,4:", "M", "M40000000,1",
      "M40000000,1:", "M40000000,1:0", "M40000000,1:0g", "M40000000,1:0000", "M40000000,2:00",
      "M40000000,ffffffffffffffff:00", "X40000000,2:a", "X40000000,1:ab", "Z", "Z1", "Z1,",
      "Z1,40000000", "Z1,40000000,", "Z1,40000000,4x", "Z1,40000000,4,4", "Zx,40000000,4", "z",
      "D;", "D;x", "D1", "!x", "vKill;", "vKill;x", "vAttach", "vAttach;", "vAttach;1x", "vCont?x",
      "qThreadExtraInfo", "qThreadExtraInfo,", "qThreadExtraInfo,1x",
      "qThreadStopInfo", "qThreadStopInfo1x", "qRcmd", "qRcmd,0", "qRcmd,zz", "QStartNoAckMode:1",
      "QThreadSuffixSupported;", "QListThreadsInStopReply:",
    ])
  func malformed(packet: String) {
    let conversation = Conversation()
    #expect(conversation.ask(packet) == "E22")
    #expect(conversation.machine.memory == FakeMachine().memory)
    #expect(conversation.machine.log.isEmpty)
  }
}
