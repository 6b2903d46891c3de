import Testing

@testable import RemoteProtocol

@Suite("Resuming")
struct ResumeTests {
  @Test("The server offers what GDB wants before it uses vCont at all")
  func offer() {
    #expect(Conversation().ask("vCont?") == "vCont;c;C;s;S")
  }

  @Test(
    "Each thread does what the first action that fits it says, and is held if none does",
    arguments: [
      ("vCont;c", "continue continue continue"),
      ("vCont;C05", "continue continue continue"),
      ("vCont;c:-1", "continue continue continue"),
      ("vCont;s:2;c", "continue step continue"),
      ("vCont;S05:2;C05", "continue step continue"),
      ("vCont;s:2", "hold step hold"),
      ("vCont;c:3", "hold hold continue"),
      ("vCont;s:1;c:3", "step hold continue"),
      ("vCont;s:1;c:1;c", "step continue continue"),
      ("vCont;c;s:1", "continue continue continue"),
      ("vCont;s:0", "step hold hold"),
      ("vCont;s:0001;c:00000003", "step hold continue"),
      ("vCont;s:p1.2;c:p1.-1", "continue step continue"),
      ("vCont;s:p1.3;c:p1", "continue continue step"),
      ("vCont;c:p-1.-1", "continue continue continue"),
      ("vCont;c:p1.2", "hold continue hold"),
    ])
  func actions(packet: String, actions: String) {
    let conversation = Conversation(FakeMachine(vcpuCount: 3))
    _ = conversation.ask(packet)
    #expect(conversation.machine.log == ["resume " + actions])
  }

  @Test(
    "The packets from before vCont take the thread from Hc",
    arguments: [
      ("Hc-1", "c", "continue continue"), ("Hc0", "c", "continue continue"),
      ("Hc0", "C05", "continue continue"), ("Hc2", "c", "hold continue"),
      ("Hc-1", "s", "step hold"), ("Hc2", "s", "hold step"), ("Hc2", "S05", "hold step"),
    ])
  func oldActions(selection: String, packet: String, actions: String) {
    let conversation = Conversation()
    #expect(conversation.ask(selection) == "OK")
    _ = conversation.ask(packet)
    #expect(conversation.machine.log == ["resume " + actions])
  }

  @Test(
    "A packet that is wrong anywhere resumes nothing",
    arguments: [
      ("vCont;", "E22"), ("vCont;c;", "E22"), ("vCont;c:", "E22"), ("vCont;c:1:", "E22"),
      ("vCont;c:1;x", "E95"), ("vCont;r40000100,40000200:1", "E95"), ("vCont;t", "E95"),
      ("vCont;C:1", "E22"), ("vCont;C5", "E22"), ("vCont;c:9", "E03"), ("vCont;c:1;s:9", "E03"),
      ("vCont;c:p1.9", "E03"), ("c40000100", "E95"), ("s40000100", "E95"), ("C", "E22"),
      ("Cxx", "E22"), ("S5", "E22"), ("C05;40000100", "E95"),
    ])
  func wrong(packet: String, answer: String) {
    let conversation = Conversation()
    #expect(conversation.ask(packet) == answer)
    #expect(conversation.machine.log.isEmpty)
  }

  @Test("The stop is the answer, and comes when it comes")
  func stopReply() {
    let conversation = Conversation()
    #expect(conversation.ask("vCont;c") == nil)
    #expect(conversation.machine.isRunning)
    #expect(conversation.happen(.hardwareBreakpoint, on: 1)?.contains("thread:2;") == true)
  }

  @Test("0x03 stops the machine, and there is exactly one answer")
  func interrupt() {
    let conversation = Conversation()
    _ = conversation.ask("vCont;c")
    conversation.reportsStops = false
    #expect(conversation.type("\u{3}\u{3}") == "")
    #expect(conversation.machine.log.last == "stopAll")
    conversation.reportStop(evenIfHeldBack: true)
    let reply = conversation.received()
    #expect(payloads(in: reply).count == 1)
    #expect(reply.hasPrefix("$T02"))
    #expect(reply.contains("thread:1;"))
    #expect(conversation.machine.log.count { $0 == "stopAll" } == 1)
  }

  @Test("A breakpoint that is hit while the machine is being stopped is what is reported")
  func breakpointBeforeInterrupt() {
    let conversation = Conversation()
    _ = conversation.ask("vCont;c")
    conversation.reportsStops = false
    _ = conversation.type("\u{3}")
    conversation.reportsStops = true
    #expect(conversation.happen(.hardwareBreakpoint, on: 1)?.hasPrefix("T05") == true)
  }

  @Test("Stops at the same time are reported one after the other, each on a resumption")
  func pendingStops() {
    let conversation = Conversation()
    _ = conversation.ask("Z1,40000120,4")
    #expect(conversation.ask("vCont;c")?.contains("thread:1;") == true)

    // As GDB steps thread 1 past the breakpoint, with the breakpoint away.
    _ = conversation.ask("z1,40000120,4")
    #expect(conversation.ask("vCont;s:1")?.contains("reason:trace;") == true)
    _ = conversation.ask("Z1,40000120,4")
    let second = conversation.ask("vCont;c")
    #expect(second?.contains("thread:2;") == true)
    #expect(second?.contains("reason:breakpoint;") == true)
    #expect(conversation.ask("vCont;c") == nil)
  }

  @Test("A pending stop at a breakpoint that is gone is never reported")
  func droppedStop() {
    let conversation = Conversation()
    _ = conversation.ask("Z1,40000120,4")
    _ = conversation.ask("vCont;c")
    _ = conversation.ask("z1,40000120,4")
    #expect(conversation.ask("vCont;c") == nil)
    #expect(conversation.machine.isRunning)
  }

  @Test("A vCPU that is off takes its action for when it comes on, and cannot be all there is")
  func poweredOff() {
    let conversation = Conversation()
    conversation.machine.vcpus[1].isPoweredOn = false
    #expect(conversation.askForAll("vCont;s:2").last == "E03")
    // GDB before 16 shows the two digits; the sentence goes before.
    let words = hex(RemoteError.nothingRuns.sentence.description + "\n")
    #expect(conversation.askForAll("vCont;c:2") == ["O" + words, "E03"])
    #expect(conversation.machine.log.isEmpty)
    #expect(conversation.ask("vCont;s:1;c")?.contains("thread:1;") == true)
    #expect(conversation.machine.log == ["resume step continue"])
  }

  @Test("c and s with a thread that is off, while the others are held, would never end")
  func chosenThreadIsOff() {
    let conversation = Conversation()
    conversation.machine.vcpus[1].isPoweredOn = false
    #expect(conversation.ask("Hc2") == "OK")
    #expect(conversation.askForAll("c").last == "E03")
    #expect(conversation.askForAll("s").last == "E03")
    #expect(conversation.ask("qSupported:error-message+") != nil)
    #expect(conversation.ask("s") == "E." + RemoteError.nothingRuns.sentence.description)
    #expect(conversation.machine.log.isEmpty)
  }

  @Test("A machine whose power goes off has exited, for a debugger that waits for it")
  func exit() {
    let conversation = Conversation()
    _ = conversation.ask("vCont;c")
    conversation.server.targetDidExit()
    conversation.server.targetDidExit()
    #expect(conversation.received() == frame("W00"))

    _ = conversation.ask("?")
    _ = conversation.ask("qSupported:multiprocess+")
    _ = conversation.ask("vCont;c")
    conversation.server.targetDidExit()
    #expect(conversation.received() == frame("W00;process:1"))
  }

  @Test("What the user is to know comes before the stop reply, once, and only to who waits for it")
  func notice() {
    let conversation = Conversation()
    _ = conversation.ask("vCont;c")
    conversation.machine.notice = "a breakpoint is gone\n"
    conversation.machine.announcement = StopEvent(vcpu: 1, cause: .stepped)
    conversation.reportStop()
    let packets = payloads(in: conversation.received())
    #expect(packets.count == 2)
    #expect(packets.first == "O" + hex("a breakpoint is gone\n"))
    #expect(packets.last?.hasPrefix("T05") == true)
    _ = conversation.ask("vCont;c")
    #expect(conversation.happen(.stepped, on: 0)?.hasPrefix("T05") == true)

    // A debugger that has just come asked something else, and gets its answer.
    let newcomer = Conversation(attached: false)
    newcomer.machine.notice = "a breakpoint is gone\n"
    #expect(newcomer.ask("QStartNoAckMode") == "OK")
    #expect(newcomer.machine.notice != "")
  }
}
