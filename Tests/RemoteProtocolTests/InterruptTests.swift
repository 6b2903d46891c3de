import RemoteProtocol
import Testing

@Suite("Ctrl-C")
struct InterruptTests {
  // MARK: None is lost

  /// What is sent between an attached debugger's stop and the resumption, and whether a 0x03 in it is
  /// still to be answered then.
  static let betweenStopAndResumption: [(sent: String, isKept: Bool)] = [
    ("", false),
    ("\u{3}", true),
    // One at most.
    ("\u{3}\u{3}\u{3}", true),
    ("\u{3}" + frame("z1,40000120,4") + frame("g"), true),
    (frame("z1,40000120,4") + "\u{3}" + frame("g"), true),
    (frame("g") + frame("Z2,40001000,4") + "\u{3}", true),
    ("\u{3}" + frame("Hg2") + frame("qSupported:swbreak+"), true),
    // Noise between packets, a packet that is damaged, one that is given up.
    ("\u{3}\r\n+-" + "$g#00", true),
    ("$g#0\u{3}" + "\u{3}", true),
    ("$m4000" + frame("g") + "\u{3}", true),
    // Within a packet it is data.
    (frame("X40000000,1:\u{3}"), false),
    ("$m\u{3}4000" + frame("g"), false),
    // A debugger that asks for the stop's reason begins anew.
    ("\u{3}" + frame("?"), false),
    (frame("?") + "\u{3}", true),
    ("\u{3}" + frame("?") + "\u{3}", true),
    // A resumption that is refused resumes nothing.
    ("\u{3}" + frame("vCont;c:9") + frame("c1234"), true),
  ]

  @Test(
    "0x03 between a stop and the next resumption answers that resumption",
    arguments: betweenStopAndResumption)
  func kept(sent: String, isKept: Bool) {
    for resumption in ["vCont;c", "c", "C05", "vCont;s:1;c", "vCont;s:1", "s"] {
      let conversation = Conversation()
      _ = conversation.type(sent)
      conversation.machine.log = []
      let pcs = conversation.machine.vcpus.map { $0.registers[32] }
      let stop = conversation.ask(resumption)
      #expect((stop?.hasPrefix("T02") == true) == isKept, "\(resumption): \(stop ?? "")")
      if isKept {
        // Nothing has run, and nothing is to stop.
        #expect(conversation.machine.log.isEmpty)
        #expect(!conversation.machine.isRunning)
        #expect(conversation.machine.vcpus.map { $0.registers[32] } == pcs)
        // It is answered once.
        #expect(conversation.ask("vCont;c") == nil)
        #expect(conversation.machine.log == ["resume continue continue"])
      }
    }
  }

  @Test("0x03 that a breakpoint's stop overtakes answers the next resumption")
  func overtaken() {
    let conversation = Conversation()
    _ = conversation.ask("vCont;c")
    conversation.reportsStops = false
    #expect(conversation.type("\u{3}") == "")
    conversation.reportsStops = true
    // As where GDB finds the breakpoint's condition false, and steps over it.
    #expect(conversation.happen(.hardwareBreakpoint, on: 1)?.hasPrefix("T05") == true)
    let stop = conversation.ask("vCont;s:2")
    #expect(stop?.hasPrefix("T02") == true)
    #expect(stop?.contains("thread:2;") == true)
    #expect(conversation.ask("vCont;s:2")?.hasPrefix("T05") == true)
  }

  @Test("0x03 stops the machine, and however many there are, there is one answer")
  func once() {
    let conversation = Conversation()
    _ = conversation.ask("vCont;c")
    conversation.reportsStops = false
    #expect(conversation.type("\u{3}\u{3}\u{3}") == "")
    conversation.reportStop(evenIfHeldBack: true)
    conversation.reportsStops = true
    #expect(payloads(in: conversation.received()).count == 1)
    #expect(conversation.ask("vCont;c") == nil)
  }

  /// What a debugger asks of a machine that runs, with a 0x03 after it that arrives before the machine
  /// stands still, and whether the next resumption answers it.
  @Test(
    "0x03 after a packet that waits for the standstill counts as one after its answer",
    arguments: [("qC", true), ("?", true), ("g", true), ("D", false)])
  func behindHeldPacket(packet: String, isKept: Bool) {
    let conversation = Conversation()
    _ = conversation.ask("vCont;c")
    conversation.reportsStops = false
    #expect(conversation.type(frame(packet) + "\u{3}" + frame("qAttached")) == "")
    conversation.reportsStops = true
    conversation.reportStop()
    #expect(payloads(in: conversation.received()).count == 1)
    #expect((conversation.ask("vCont;c")?.hasPrefix("T02") == true) == isKept)
  }

  @Test("0x03 after a resumption that waits for the standstill stops what it resumed")
  func behindHeldResumption() {
    let conversation = Conversation(attached: false)
    conversation.reportsStops = false
    _ = conversation.type(frame("c") + "\u{3}")
    conversation.reportsStops = true
    conversation.reportStop()
    #expect(payloads(in: conversation.received()).map { $0.prefix(3) } == ["T02"])
    #expect(!conversation.machine.isRunning)
  }

  @Test(
    "A packet that begins while another waits is passed over to its end, and no part of it is read")
  func packetBehindHeldPacket() {
    let conversation = Conversation(attached: false)
    conversation.reportsStops = false
    _ = conversation.type(frame("qC") + "$X40000000,2:\u{3}")
    conversation.reportStop(evenIfHeldBack: true)
    conversation.reportsStops = true
    _ = conversation.received()
    #expect(conversation.type("\u{3}#00" + frame("qAttached")) == "+" + frame("1"))
    #expect(conversation.ask("vCont;c") == nil)
  }

  @Test("0x03 is forgotten with the debugger that sent it")
  func forgotten() {
    for leave in ["D", "k", "vKill;1"] {
      let conversation = Conversation()
      _ = conversation.type("\u{3}")
      _ = conversation.askForAll(leave)
      _ = conversation.ask("qC")
      #expect(conversation.ask("vCont;c") == nil)
    }
    for reconnect in [{ $0.connect() }, { $0.disconnect() }] as [(Conversation) -> Void] {
      let conversation = Conversation()
      _ = conversation.type("\u{3}")
      reconnect(conversation)
      _ = conversation.ask("qC")
      #expect(conversation.ask("vCont;c") == nil)
    }
    let conversation = Conversation()
    _ = conversation.type("\u{3}+" + frame("QStartNoAckMode"))
    #expect(conversation.ask("vCont;c") == nil)
  }

  @Test("0x03 from nobody is noise")
  func nobody() {
    let conversation = Conversation(attached: false)
    #expect(conversation.type("\u{3}") == "")
    #expect(conversation.machine.log.isEmpty)
    #expect(conversation.happen(.held, on: 0) == nil)
    #expect(conversation.type("\u{3}") == "")
    _ = conversation.ask("qC")
    #expect(conversation.ask("vCont;c") == nil)
  }

  // MARK: Which thread

  /// What runs, which vCPUs are off when 0x03 comes, and the thread that the stop names. Thread 1
  /// was the last to stop.
  static let interruptions: [(resumption: String, off: [Int], thread: String)] = [
    ("vCont;c", [], "1"),
    ("vCont;c:2", [], "2"),
    ("vCont;c:3", [], "3"),
    ("vCont;c:3;c:2", [], "2"),
    ("vCont;c:p1.3", [], "3"),
    ("vCont;c:2;c:1", [], "1"),
    // One that was to run and is on, if there is one.
    ("vCont;c", [0], "2"),
    ("vCont;c", [0, 1], "3"),
    ("vCont;c:2;c:3", [1], "3"),
    // Otherwise one that was to run: it has run, and went off.
    ("vCont;c:2", [1], "2"),
    ("vCont;c:2;c:3", [1, 2], "2"),
    ("vCont;c", [0, 1, 2], "1"),
  ]

  @Test("The stop names a thread that was to run", arguments: interruptions)
  func names(resumption: String, off: [Int], thread: String) {
    let conversation = Conversation(FakeMachine(vcpuCount: 3))
    #expect(conversation.ask(resumption) == nil)
    for vcpu in off { conversation.machine.vcpus[vcpu].isPoweredOn = false }
    let stop = payloads(in: conversation.type("\u{3}")).first ?? ""
    #expect(stop.hasPrefix("T02"))
    #expect(stop.contains("thread:\(thread);"), "\(stop)")
    #expect(conversation.ask("qC") == "QC\(thread)")

    // The same where the stop answers at once.
    guard off.isEmpty else { return }
    let stopped = Conversation(FakeMachine(vcpuCount: 3))
    _ = stopped.type("\u{3}")
    #expect(stopped.ask(resumption)?.contains("thread:\(thread);") == true)
  }

  @Test("c with a thread that Hc chose is no different")
  func chosenThread() {
    let conversation = Conversation()
    _ = conversation.ask("Hc2")
    _ = conversation.ask("c")
    #expect(payloads(in: conversation.type("\u{3}")).first?.contains("thread:2;") == true)
  }

  @Test(
    "The debugger that was told of a thread last stays there; one that comes begins with the first")
  func last() {
    let conversation = Conversation(FakeMachine(vcpuCount: 3))
    #expect(conversation.ask("vCont;s:2")?.contains("thread:2;") == true)
    _ = conversation.ask("vCont;c")
    #expect(payloads(in: conversation.type("\u{3}")).first?.contains("thread:2;") == true)
    _ = conversation.ask("vCont;c")
    _ = conversation.type("+" + frame("QStartNoAckMode"))
    #expect(conversation.ask("?")?.contains("thread:1;") == true)
  }

  @Test("A debugger that comes while only some run is told of one of these")
  func newcomer() {
    let conversation = Conversation()
    _ = conversation.ask("vCont;c:2")
    // On a link that cannot tell that the old one has gone.
    _ = conversation.type("+" + frame("QStartNoAckMode"))
    #expect(conversation.ask("?")?.contains("thread:2;") == true)
  }

  @Test("A stop that a vCPU caused names that vCPU")
  func caused() {
    let conversation = Conversation()
    _ = conversation.ask("vCont;c")
    #expect(conversation.happen(.stepped, on: 1)?.contains("thread:2;") == true)
  }

  @Test("A pending stop stays pending while 0x03 answers the resumption")
  func pendingStop() {
    let conversation = Conversation()
    _ = conversation.ask("Z1,40000120,4")
    #expect(conversation.ask("vCont;c")?.contains("thread:1;") == true)
    _ = conversation.type("\u{3}")
    #expect(conversation.ask("vCont;c")?.hasPrefix("T02") == true)
    let second = conversation.ask("vCont;c")
    #expect(second?.hasPrefix("T05") == true)
    #expect(second?.contains("thread:2;") == true)
  }

  @Test("What the user is to know goes before this stop too")
  func notice() {
    let conversation = Conversation()
    conversation.machine.notice = "a breakpoint is gone\n"
    _ = conversation.type("\u{3}")
    let packets = conversation.askForAll("vCont;c")
    #expect(packets.first == "O" + hex("a breakpoint is gone\n"))
    #expect(packets.last?.hasPrefix("T02") == true)
  }
}
