import RemoteProtocol
import Testing

@Suite("Threads and stop replies")
struct ThreadTests {
  // MARK: Threads

  @Test("vCPU n is thread n + 1, in hexadecimal digits")
  func list() {
    let conversation = Conversation(FakeMachine(vcpuCount: 17))
    #expect(conversation.ask("qfThreadInfo") == "m1,2,3,4,5,6,7,8,9,a,b,c,d,e,f,10,11")
    #expect(conversation.ask("qsThreadInfo") == "l")
  }

  @Test("An answer that would be larger than a packet may be is an error")
  func tooMany() {
    let conversation = Conversation(FakeMachine(vcpuCount: 1500))
    #expect(conversation.ask("qfThreadInfo") == "E07")
    #expect(conversation.ask("qC") == "QC1")
  }

  @Test("A vCPU that is powered off is a thread in its place, without values in its registers")
  func poweredOff() {
    let conversation = Conversation(FakeMachine(vcpuCount: 3))
    conversation.machine.vcpus[1].isPoweredOn = false
    _ = conversation.ask("QListThreadsInStopReply")
    #expect(conversation.ask("qfThreadInfo") == "m1,2,3")
    #expect(conversation.ask("qXfer:threads:read::0,fff")?.contains("id=\"2\"") == true)
    #expect(
      conversation.ask("?")?.contains("threads:1,2,3;thread-pcs:40000100,0,40000100;") == true)
    #expect(conversation.ask("T2") == "OK")
    #expect(conversation.ask("Hg2") == "OK")
    #expect(conversation.ask("qC") == "QC2")
    #expect(conversation.ask("qThreadExtraInfo,2") == hex("EL1 at 40000100"))
    #expect(conversation.ask("qThreadStopInfo2")?.contains("thread:2;") == true)
    // The general registers are zero, so that there is a frame to show; others are unavailable.
    #expect(conversation.ask("g") == String(repeating: "0", count: 2 * 268))
    #expect(conversation.ask("p20") == littleEndian(0))
    #expect(conversation.ask("p22") == String(repeating: "x", count: 32))
    #expect(conversation.ask("p43") == "E06")
    let lldb = Conversation()
    lldb.machine.vcpus[1].isPoweredOn = false
    _ = lldb.ask("QEnableErrorStrings")
    #expect(lldb.ask("p22;thread:2;")?.hasPrefix("E06;") == true)
    #expect(lldb.ask("p20;thread:2;") == littleEndian(0))
    #expect(conversation.ask("P0=0000000000000000") == "E06")
    #expect(conversation.ask("G" + String(repeating: "0", count: 2 * 268)) == "E06")
    #expect(conversation.machine.vcpus[1].registers == FakeMachine(vcpuCount: 3).vcpus[1].registers)
  }

  @Test(
    "Thread ids are checked",
    arguments: [
      ("T1", "OK"), ("T2", "OK"), ("T0002", "OK"), ("T3", "E03"), ("T0", "E03"), ("T-1", "E03"),
      ("Tffffffffffffffff", "E03"), ("T10000000000000000", "E22"), ("T", "E22"), ("T1x", "E22"),
      ("Hg1", "OK"), ("Hg0", "OK"), ("Hg-1", "OK"), ("Hc-1", "OK"), ("Hc0", "OK"), ("Hc3", "E03"),
      ("Hx1", "E22"), ("H", "E22"), ("Hg", "E22"),
      // Threads of processes, though that was not agreed: any number will do.
      ("Tp1.2", "OK"), ("Tpa410.2", "OK"), ("Tp1.3", "E03"), ("Hcp2.-1", "OK"), ("D;a410", "OK"),
    ])
  func ids(packet: String, answer: String) {
    #expect(Conversation().ask(packet) == answer)
  }

  @Test(
    "Thread ids of processes are understood, and the machine is process 1; plain ones are too",
    arguments: [
      ("T1", "OK"), ("T2", "OK"), ("T3", "E03"), ("Hg-1", "OK"), ("Hc0", "OK"), ("Hg2", "OK"),
      ("Tp1.1", "OK"), ("Tp1.2", "OK"), ("Tp0001.0002", "OK"), ("Tp1.3", "E03"), ("Tp2.1", "E03"),
      ("Tp1", "E03"), ("Tp1.-1", "E03"), ("Tp0.0", "E03"), ("Tp", "E22"), ("Tp1.", "E22"),
      ("Tp.1", "E22"), ("Tp1.1.1", "E22"), ("Tp-2.1", "E22"), ("Tp-1.2", "E22"),
      ("Hgp1.1", "OK"), ("Hgp0.0", "OK"), ("Hgp1.0", "OK"), ("Hgp0.2", "OK"), ("Hgp1", "OK"),
      ("Hcp1.-1", "OK"), ("Hcp-1.-1", "OK"), ("Hcp-1", "OK"), ("Hcp2.-1", "E03"), ("Hcp1.2", "OK"),
      ("D;1", "OK"), ("D;0000000000000001", "OK"), ("D;2", "E03"), ("vKill;2", "E03"),
      ("vAttach;2", "E03"), ("p0;thread:p1.2;", littleEndian(0x0200_0000_0000_0000)),
      ("p0;thread:0002;", littleEndian(0x0200_0000_0000_0000)), ("p0;thread:p2.1;", "E03"),
      ("qThreadExtraInfo,p1.2", hex("EL1 at 40000100")), ("qThreadExtraInfo,p2.2", "E03"),
      ("qC", "QCp1.1"), ("qfThreadInfo", "mp1.1,p1.2"), ("vCont;c:p2.-1", "E03"),
    ])
  func processIDs(packet: String, answer: String) {
    let conversation = Conversation()
    _ = conversation.ask("qSupported:multiprocess+")
    #expect(conversation.ask(packet) == answer)
  }

  @Test("Where processes were agreed on, every id that is sent has one")
  func sentProcessIDs() {
    let conversation = Conversation()
    _ = conversation.ask("qSupported:multiprocess+")
    _ = conversation.ask("QListThreadsInStopReply")
    let stop = conversation.ask("vCont;s:p1.2;c:p1.-1") ?? ""
    #expect(stop.contains("thread:p1.2;") && stop.contains("threads:p1.1,p1.2;"))
    #expect(conversation.machine.log == ["resume continue step"])
    #expect(conversation.ask("qThreadStopInfop1.2") == stop)
    #expect(conversation.ask("qXfer:threads:read::0,fff")?.contains("id=\"p1.2\"") == true)
  }

  @Test("A stop makes its thread the current one again")
  func currentThread() {
    let conversation = Conversation()
    #expect(conversation.ask("qC") == "QC1")
    #expect(conversation.ask("Hg2") == "OK")
    #expect(conversation.ask("qC") == "QC2")
    _ = conversation.ask("vCont;s:1")
    #expect(conversation.ask("qC") == "QC1")
    _ = conversation.ask("vCont;s:2")
    #expect(conversation.ask("qC") == "QC2")
  }

  @Test("What a thread is doing is for the user to read")
  func extraInfo() {
    #expect(Conversation().ask("qThreadExtraInfo,2") == hex("EL1 at 40000100"))
  }

  @Test("The list of threads as a document says the core, the name and what each is doing")
  func document() {
    #expect(
      Conversation().ask("qXfer:threads:read::0,fff") == """
        l<?xml version="1.0"?>
        <threads>
        <thread id="1" core="1" name="cpu0">EL1 at 40000100</thread>
        <thread id="2" core="0" name="cpu1">EL1 at 40000100</thread>
        </threads>

        """)
  }

  // MARK: Stop replies

  static let registers =
    "1d:1d1d000000000001;1e:1e1e000000000001;1f:1f1f000000000001;"
    + "20:0001004000000000;21:c5030060;"

  @Test(
    "A stop reply says the signal, the registers, the thread, its core and the cause",
    arguments: [
      (StopEvent.Cause.interrupted, "T02", "reason:signal;"),
      (.held, "T05", "reason:trap;"),
      (.stepped, "T05", "reason:trace;"),
      (.softwareBreakpoint, "T05", "swbreak:;reason:breakpoint;"),
      (.hardwareBreakpoint, "T05", "hwbreak:;reason:breakpoint;"),
      (
        .watchpoint(.write, address: 0xffff_ffff_ffff_fffe), "T05",
        "watch:fffffffffffffffe;reason:watchpoint;description:\(hex("18446744073709551614"));"
      ),
      (
        .watchpoint(.read, address: 0x10), "T05",
        "rwatch:10;reason:watchpoint;description:\(hex("16"));"
      ),
      (
        .watchpoint(.access, address: 0), "T05",
        "awatch:0;reason:watchpoint;description:\(hex("0"));"
      ),
    ])
  func causes(cause: StopEvent.Cause, signal: String, reason: String) {
    let conversation = Conversation()
    _ = conversation.ask("qSupported:swbreak+;hwbreak+")
    _ = conversation.ask("vCont;c")
    let reply = signal + Self.registers + "thread:1;name:cpu0;core:1;" + reason
    #expect(conversation.happen(cause, on: 0) == reply)
    #expect(conversation.ask("?") == reply)
    #expect(conversation.ask("qThreadStopInfo1") == reply)
  }

  @Test("GDB is only told of swbreak and hwbreak if it said that it knows them")
  func unknownCauses() {
    let conversation = Conversation()
    _ = conversation.ask("qSupported:multiprocess+;swbreak-;hwbreak-;swbreak;hwbreak+x")
    _ = conversation.ask("vCont;c")
    #expect(conversation.happen(.softwareBreakpoint, on: 0)?.contains("swbreak") == false)
    _ = conversation.ask("vCont;c")
    #expect(conversation.happen(.hardwareBreakpoint, on: 0)?.contains("hwbreak") == false)
  }

  @Test("LLDB can have all threads and where they are in the stop reply")
  func threadsInStopReply() {
    let conversation = Conversation()
    #expect(conversation.ask("QListThreadsInStopReply") == "OK")
    _ = conversation.ask("vCont;s:2")
    #expect(
      conversation.ask("?")?.hasSuffix(
        "thread:2;name:cpu1;core:0;threads:1,2;thread-pcs:40000100,40000104;reason:trace;") == true)
  }

  @Test("A thread that was only stopped with the others has no cause of its own")
  func otherThread() {
    let reply = Conversation().ask("qThreadStopInfo2") ?? ""
    #expect(reply.hasPrefix("T00"))
    #expect(reply.hasSuffix("20:0001004000000000;21:c5030060;thread:2;name:cpu1;core:0;"))
  }
}
