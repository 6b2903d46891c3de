import RemoteProtocol
import Testing

/// What GDB 13.1 and LLDB 23.1 send to this server, with what they get.
@Suite("Whole conversations")
struct TranscriptTests {
  /// Plays the debugger's part, byte for byte, and compares the server's with `lines`.
  ///
  /// - Parameter lines: what the debugger sends, with `+` where it acknowledges, and the payload
  ///   that it gets, or nil if it gets none.
  private func play(
    _ lines: [(sent: String, got: String?)], on conversation: Conversation,
    acknowledged: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for (index, line) in lines.enumerated() {
      let reply = conversation.type(line.sent)
      let mark = index < acknowledged ? "+" : ""
      #expect(
        reply == mark + (line.got.map(frame) ?? ""), "\(line.sent)", sourceLocation: sourceLocation)
    }
  }

  private func registers(_ vcpu: Int, pc: UInt64) -> String {
    let top = UInt64(vcpu + 1) << 56
    return "1d:\(littleEndian(top | 0x1d1d));1e:\(littleEndian(top | 0x1e1e));"
      + "1f:\(littleEndian(top | 0x1f1f));20:\(littleEndian(pc));21:c5030060;"
      + "thread:p1.\(vcpu + 1);name:cpu\(vcpu);core:\(1 - vcpu);"
  }

  @Test("GDB attaches to a machine that runs, breaks, steps over the breakpoint and detaches")
  func gdb() {
    let conversation = Conversation(attached: false)
    let start = FakeMachine.firstInstruction
    let threads = """
      l<?xml version="1.0"?>
      <threads>
      <thread id="p1.1" core="1" name="cpu0">EL1 at 40000100</thread>
      <thread id="p1.2" core="0" name="cpu1">EL1 at 40000100</thread>
      </threads>

      """
    play(
      [
        (
          "+"
            + frame(
              "qSupported:multiprocess+;swbreak+;hwbreak+;qRelocInsn+;fork-events+;vfork-events+;"
                + "exec-events+;vContSupported+;QThreadEvents+;no-resumed+;memory-tagging+;"
                + "xmlRegisters=i386"),
          "PacketSize=1000;QStartNoAckMode+;vContSupported+;qXfer:features:read+;"
            + "qXfer:threads:read+;binary-upload+;swbreak+;hwbreak+;multiprocess+"
        ),
        ("+" + frame("vMustReplyEmpty"), ""),
        ("+" + frame("QStartNoAckMode"), "OK"),
        ("+" + frame("Hgp0.0"), "OK"),
        (frame("qXfer:features:read:target.xml:0,ffb"), "l<target/>"),
        (frame("qTStatus"), ""),
        (frame("?"), "T02" + registers(0, pc: start) + "reason:signal;"),
        (frame("qXfer:threads:read::0,ffb"), threads),
        (frame("qAttached"), "1"),
        (frame("Hcp1.-1"), "OK"),
        (frame("qOffsets"), ""),
        (frame("g"), conversation.generalRegisters(of: 0)),
        (frame("m40000100,4"), "01000302"),
        (frame("qSymbol::"), "OK"),
        (frame("vCont?"), "vCont;c;C;s;S"),
        (frame("Z1,40000120,4"), "OK"),
        (frame("Z2,40001000,8"), "OK"),
        (
          frame("vCont;c:p1.1"),
          "T05" + registers(0, pc: start + 0x20) + "hwbreak:;reason:breakpoint;"
        ),
        (frame("z1,40000120,4"), "OK"),
        (frame("z2,40001000,8"), "OK"),
        (frame("Z2,40001000,8"), "OK"),
        (frame("vCont;s:p1.1"), "T05" + registers(0, pc: start + 0x24) + "reason:trace;"),
        (frame("Z1,40000120,4"), "OK"),
        (frame("vCont;c:p1.1"), nil),
        ("\u{3}", "T02" + registers(0, pc: start + 0x24) + "reason:signal;"),
        (frame("z1,40000120,4"), "OK"),
        (frame("z2,40001000,8"), "OK"),
        (frame("X40000200,0:"), "OK"),
        (frame("X40000200,4:\u{5}\0\0\0"), "OK"),
        (frame("D;1"), "OK"),
      ], on: conversation, acknowledged: 3)
    #expect(conversation.machine.isRunning)
  }

  @Test("LLDB attaches to a machine that runs, watches and detaches")
  func lldb() {
    let conversation = Conversation(attached: false)
    let start = FakeMachine.firstInstruction
    let triple = hex("aarch64-none-elf")
    let threads = "threads:p1.1,p1.2;thread-pcs:40000100,40000100;"
    play(
      [
        ("+" + frame("QStartNoAckMode"), "OK"),
        (
          "+"
            + frame(
              "qSupported:xmlRegisters=i386,arm,mips,arc;multiprocess+;fork-events+;"
                + "vfork-events+;swbreak+;hwbreak+;qXfer:libraries:read+"),
          "PacketSize=1000;QStartNoAckMode+;vContSupported+;qXfer:features:read+;"
            + "qXfer:threads:read+;binary-upload+;swbreak+;hwbreak+;multiprocess+"
        ),
        (frame("QThreadSuffixSupported"), "OK"),
        (frame("QListThreadsInStopReply"), "OK"),
        (
          frame("qHostInfo"),
          "triple:\(triple);endian:little;ptrsize:8;watchpoint_exceptions_received:before;"
        ),
        (frame("vCont?"), "vCont;c;C;s;S"),
        (frame("qVAttachOrWaitSupported"), ""),
        (frame("QEnableErrorStrings"), "OK"),
        (frame("qProcessInfo"), "pid:1;triple:\(triple);endian:little;ptrsize:8;"),
        (frame("?"), "T02" + registers(0, pc: start) + threads + "reason:signal;"),
        (frame("qXfer:features:read:target.xml:0,fff"), "l<target/>"),
        (frame("p0;thread:0001;"), littleEndian(0x0100_0000_0000_0000)),
        (frame("qStructuredDataPlugins"), ""),
        (frame("qShlibInfoAddr"), ""),
        (frame("x0,0"), "b"),
        (
          frame("xfffffff000002010,8"),
          "E14;" + hex("There is no memory at this address that a debugger can reach")
        ),
        (frame("qThreadStopInfo2"), "T00" + registers(1, pc: start)),
        (frame("jThreadsInfo"), ""),
        (frame("qMemoryRegionInfo:40000100"), ""),
        (frame("x40000100,4"), "b\u{1}\u{0}\u{3}\u{2}"),
        (frame("qWatchpointSupportInfo:"), ""),
        (frame("Z4,40001000,8"), "OK"),
        (frame("c"), nil),
      ], on: conversation, acknowledged: 1)
    #expect(
      conversation.happen(.watchpoint(.access, address: 0x4000_1004), on: 1)
        == "T05" + registers(1, pc: start) + threads + "awatch:40001004;reason:watchpoint;"
        + "description:\(hex("1073745924"));")
    play(
      [
        (frame("z4,40001000,8"), "OK"),
        (
          frame("vCont;s:p1.2"),
          "T05" + registers(1, pc: start + 4) + "threads:p1.1,p1.2;thread-pcs:40000100,40000104;"
            + "reason:trace;"
        ),
        (frame("P1=0900000000000000;thread:0002;"), "OK"),
        (frame("M40000200,4:05000000"), "OK"),
        (frame("D;0000000000000001"), "OK"),
      ], on: conversation, acknowledged: 0)
    #expect(conversation.machine.isRunning)
    #expect(conversation.machine.vcpus[1].registers[1] == 9)
  }
}

extension Conversation {
  /// What `g` is to give.
  fileprivate func generalRegisters(of vcpu: Int) -> String {
    machine.vcpus[vcpu].registers.enumerated()
      .map { littleEndian($1, bytes: $0 == 33 ? 4 : 8) }.joined()
  }
}
