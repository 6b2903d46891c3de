import RemoteProtocol
import Testing

@Suite("Debuggers that come and go")
struct SessionTests {
  // MARK: Coming

  @Test("The first packet stops a machine that runs, and is answered when it stands still")
  func attach() {
    let conversation = Conversation(attached: false)
    conversation.reportsStops = false
    #expect(conversation.type("+" + frame("qSupported:swbreak+")) == "+")
    #expect(conversation.machine.log == ["stopAll"])
    conversation.reportStop(evenIfHeldBack: true)
    #expect(conversation.received().hasPrefix("$PacketSize="))
    #expect(conversation.ask("?")?.hasPrefix("T02") == true)
  }

  @Test("A debugger that asks instead of waiting for the stop gets its answer, and no stop reply")
  func question() {
    let conversation = Conversation()
    _ = conversation.ask("vCont;c")
    #expect(conversation.askForAll("qC") == ["QC1"])
    conversation.server.targetDidExit()
    #expect(conversation.received() == "")
  }

  @Test("What arrives before the machine stands still neither stops it again nor gets an answer")
  func impatience() {
    let conversation = Conversation(attached: false)
    conversation.reportsStops = false
    _ = conversation.type(frame("qC"))
    #expect(conversation.type("\u{3}-" + frame("qAttached") + frame("D")) == "")
    conversation.reportStop(evenIfHeldBack: true)
    #expect(conversation.received() == frame("QC1"))
    #expect(conversation.machine.log == ["stopAll"])
  }

  @Test("0x03 from nobody does not stop the machine")
  func strayInterrupt() {
    let conversation = Conversation(attached: false)
    #expect(conversation.type("\u{3}") == "")
    #expect(conversation.machine.log.isEmpty)
  }

  @Test("A machine that was held from its start waits for a debugger to resume it")
  func held() {
    let conversation = Conversation(attached: false)
    #expect(conversation.happen(.held, on: 0) == nil)
    #expect(conversation.machine.log.isEmpty)
    #expect(conversation.ask("?")?.hasPrefix("T05") == true)
    #expect(conversation.ask("vCont;c") == nil)
    #expect(conversation.machine.log == ["resume continue continue"])
  }

  // MARK: Leaving

  @Test(
    "D, k and vKill let the machine run, without points",
    arguments: ["D", "D;1", "D;0000000000000001", "vKill;1", "vKill"])
  func leave(packet: String) {
    let conversation = Conversation()
    _ = conversation.ask("Z1,40000120,4")
    #expect(conversation.ask(packet) == "OK")
    #expect(conversation.machine.points.isEmpty)
    #expect(conversation.machine.log == ["resume continue continue"])
  }

  @Test("k has no answer, and never ends the machine")
  func kill() {
    let conversation = Conversation()
    _ = conversation.ask("Z1,40000120,4")
    #expect(conversation.ask("k") == nil)
    #expect(conversation.machine.points.isEmpty)
    #expect(conversation.machine.log == ["resume continue continue"])
  }

  @Test("After a debugger has left the next one finds nothing of it")
  func next() {
    let conversation = Conversation()
    _ = conversation.ask("QListThreadsInStopReply")
    _ = conversation.ask("Hg2")
    _ = conversation.ask("D")
    #expect(conversation.type(frame("qC")) == "+" + frame("QC1"))
    #expect(conversation.ask("?")?.contains("threads:") == false)
  }

  @Test("A stop that comes when its debugger has left is passed over")
  func stopAfterLeaving() {
    let conversation = Conversation()
    _ = conversation.ask("D")
    #expect(conversation.happen(.hardwareBreakpoint, on: 1) == nil)
    #expect(conversation.machine.log.count { $0 == "resume continue continue" } == 2)
    #expect(conversation.machine.isRunning)
  }

  // MARK: Disappearing

  @Test("A machine whose debugger disappears goes on if it ran: all of it, and without points")
  func disappearsWhileRunning() {
    for packet in ["vCont;c", "vCont;c:2"] {
      let conversation = Conversation()
      _ = conversation.ask("Z2,40001000,8")
      #expect(conversation.ask(packet) == nil)
      conversation.machine.log = []
      conversation.disconnect()
      #expect(conversation.machine.points.isEmpty)
      #expect(conversation.machine.log == ["stopAll", "resume continue continue"])
      #expect(conversation.machine.isRunning)
      #expect(conversation.received() == "")
    }
  }

  @Test("A machine that no debugger has spoken to is left alone when links come and go")
  func connectionOnly() {
    let conversation = Conversation(attached: false)
    conversation.connect()
    conversation.disconnect()
    #expect(conversation.machine.log.isEmpty)
  }

  @Test("A machine whose debugger disappears while it stands still waits for the next one")
  func disappearsWhileStopped() {
    let conversation = Conversation()
    _ = conversation.ask("Z1,40000120,4")
    conversation.disconnect()
    #expect(conversation.machine.points.isEmpty)
    #expect(conversation.machine.log.isEmpty)
    conversation.connect()
    #expect(conversation.type(frame("qC")) == "+" + frame("QC1"))
    #expect(conversation.machine.log.isEmpty)
  }

  @Test("A machine that was about to be stopped for a debugger that disappears goes on")
  func disappearsWhileStopping() {
    for packet in ["vCont;c", "D"] {
      let conversation = Conversation()
      _ = conversation.ask(packet)
      conversation.reportsStops = false
      _ = conversation.type(packet == "D" ? frame("qC") : "\u{3}")
      #expect(conversation.machine.log.last == "stopAll")
      _ = conversation.received()
      conversation.disconnect()
      conversation.reportStop(evenIfHeldBack: true)
      #expect(conversation.machine.log.last == "resume continue continue")
      #expect(conversation.received() == "")
    }
  }

  @Test("Half a packet of a debugger that disappeared does not spoil the next one's first")
  func halfAPacket() {
    let conversation = Conversation(attached: false)
    _ = conversation.type("$m4000")
    conversation.disconnect()
    conversation.connect()
    #expect(conversation.type("+" + frame("qC")) == "+" + frame("QC1"))
  }

  @Test(
    "On a link that cannot tell, a debugger that opens a new conversation ends the old one",
    arguments: ["qSupported:swbreak+", "QStartNoAckMode"])
  func newSession(opening: String) {
    let conversation = Conversation()
    _ = conversation.ask("qSupported")
    _ = conversation.ask("QListThreadsInStopReply")
    _ = conversation.ask("Z1,40000120,4")
    _ = conversation.ask("Z2,40001000,8")
    #expect(conversation.ask("vCont;c:2")?.contains("thread:2;") == true)
    #expect(conversation.type("+" + frame(opening)).hasPrefix("+$"))
    #expect(conversation.machine.points.isEmpty)
    #expect(conversation.ask("?")?.contains("threads:") == false)
  }

  @Test("The same on a machine that runs: it is stopped first")
  func newSessionWhileRunning() {
    let conversation = Conversation()
    _ = conversation.ask("qSupported")
    _ = conversation.ask("vCont;c")
    let answer = conversation.type("+" + frame("qSupported"))
    #expect(answer.hasPrefix("+$PacketSize="))
    #expect(payloads(in: answer).count == 1)
    #expect(conversation.machine.log.last == "stopAll")
  }

  @Test("A question that the user repeats is no new conversation")
  func repeatedQuestion() {
    let conversation = Conversation()
    _ = conversation.ask("qSupported")
    _ = conversation.ask("Z1,40000120,4")
    #expect(conversation.type(frame("qSupported")).hasPrefix("$PacketSize="))
    #expect(conversation.machine.points.count == 1)
  }
}
