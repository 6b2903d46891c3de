import RemoteProtocol
import Testing

/// How many answers each packet of the GDB manual has, and what kind. An answer where none is waited for
/// is taken for that of the next packet, and so is every later one.
@Suite("Packets of the manual")
struct PacketTests {
  enum Reply {
    /// None ever.
    case none
    case ok
    /// The empty one: "not supported".
    case empty
    /// A stop reply, now or when the machine stops.
    case stop
    /// Something else, or an error.
    case some
  }

  /// In the order of the manual's sections "Packets", "General Query Packets", "Tracepoint Packets".
  static let packets: [(packet: String, reply: Reply)] = [
    ("!", .ok), ("?", .stop), ("A4,0,61", .empty), ("b9600", .empty), ("B40000000,S", .empty),
    ("bc", .empty), ("bs", .empty), ("c", .stop), ("C05", .stop), ("d", .empty), ("D", .ok),
    ("D;1", .ok), ("F0", .empty), ("g", .some), ("G00", .some), ("Hg1", .ok), ("Hc-1", .ok),
    ("i", .empty), ("I", .empty), ("k", .none), ("m40000000,4", .some), ("M40000000,1:00", .ok),
    ("p0", .some), ("P0=0000000000000000", .ok), ("r", .none), ("R00", .none), ("R0", .none),
    ("s", .stop),
    ("S05", .stop), ("t40000000:0,0", .empty), ("T1", .ok), ("vAttach;1", .stop),
    ("vCont;c", .stop), ("vCont?", .some), ("vCtrlC", .empty), ("vFile:setfs:0", .empty),
    ("vFlashErase:0,100", .empty), ("vFlashWrite:0:a", .empty), ("vFlashDone", .empty),
    ("vKill;1", .ok), ("vMustReplyEmpty", .empty), ("vRun;", .empty), ("vStopped", .empty),
    ("x40000000,4", .some), ("X40000000,1:a", .ok), ("Z0,40000000,4", .ok),
    ("z0,40000000,4", .ok), ("Z1,40000000,4", .ok), ("z1,40000000,4", .ok),
    ("Z2,40000000,4", .ok), ("z2,40000000,4", .ok), ("Z3,40000000,4", .empty),
    ("z3,40000000,4", .empty), ("Z4,40000000,4", .ok), ("z4,40000000,4", .ok),

    ("QAgent:1", .empty), ("QAllow:WriteReg:1", .empty), ("qC", .some), ("qCRC:0,1", .empty),
    ("QDisableRandomization:1", .empty), ("QStartupWithShell:1", .empty),
    ("QEnvironmentHexEncoded:61", .empty), ("QEnvironmentUnset:61", .empty),
    ("QEnvironmentReset", .empty), ("QSetWorkingDir:", .empty), ("qfThreadInfo", .some),
    ("qsThreadInfo", .some), ("qGetTLSAddr:1,0,0", .empty), ("qGetTIBAddr:1", .empty),
    ("qL1100000000", .empty), ("qMemTags:0,1:1", .empty), ("QMemTags:0,1:1:00", .empty),
    ("qOffsets", .empty), ("qP0000001f0000000000000001", .empty), ("QNonStop:0", .empty),
    ("QCatchSyscalls:0", .empty), ("QPassSignals:", .empty), ("QProgramSignals:", .empty),
    ("QThreadEvents:0", .empty), ("QThreadOptions;0", .empty), ("qRcmd,", .some),
    ("qSearch:memory:0;1;a", .empty), ("QStartNoAckMode", .ok), ("qSupported", .some),
    ("qSymbol::", .ok), ("qThreadExtraInfo,1", .some), ("qXfer:auxv:read::0,fff", .empty),
    ("qXfer:btrace:read:all:0,fff", .empty), ("qXfer:exec-file:read::0,fff", .empty),
    ("qXfer:features:read:target.xml:0,fff", .some), ("qXfer:libraries:read::0,fff", .empty),
    ("qXfer:memory-map:read::0,fff", .empty), ("qXfer:siginfo:read::0,fff", .empty),
    ("qXfer:threads:read::0,fff", .some), ("qXfer:traceframe-info:read::0,fff", .empty),
    ("qXfer:osdata:read::0,fff", .empty), ("qAttached", .some), ("qAttached:1", .some),
    ("Qbtrace:off", .empty), ("QTinit", .empty), ("qTStatus", .empty), ("qTfV", .empty),
    ("qTfP", .empty), ("qTP:1:0", .empty), ("QTStart", .empty), ("QTFrame:0", .empty),
    ("qTMinFTPILen", .empty), ("QTBuffer:size:-1", .empty),
  ]

  @Test(
    "Each has exactly the answers that the manual says, and the next packet has its own",
    arguments: packets)
  func answers(packet: String, reply: Reply) {
    for opening in [[], ["!"], ["qSupported:multiprocess+;error-message+"]] {
      for canReset in [true, false] where packet != "vRun;" || canReset {
        let conversation = Conversation()
        conversation.machine.canReset = canReset
        for packet in opening { _ = conversation.ask(packet) }
        var answers = conversation.askForAll(packet)
        if reply == .stop, answers.isEmpty {
          #expect(conversation.machine.isRunning, "\(packet)")
          answers = payloads(in: conversation.type("\u{3}"))
        }
        switch reply {
        case .none: #expect(answers == [])
        case .ok: #expect(answers == ["OK"])
        case .empty: #expect(answers == [""])
        case .stop: #expect(answers.map { $0.first } == ["T"])
        case .some:
          // `monitor` has console output before its answer.
          #expect(!answers.isEmpty && answers.dropLast().allSatisfy { $0.hasPrefix("O") })
          #expect(answers.last != "")
        }
        #expect(conversation.ask("qAttached") == "1", "\(packet)")
        #expect(conversation.ask("qSymbol::") == "OK", "\(packet)")
      }
    }
  }

  // MARK: Extended mode

  /// A debugger that stays when it lets the machine go.
  private func extended() -> Conversation {
    let conversation = Conversation()
    _ = conversation.ask("qSupported:multiprocess+;error-message+;hwbreak+")
    #expect(conversation.ask("!") == "OK")
    conversation.machine.log = []
    return conversation
  }

  @Test(
    "In extended mode the agreement outlasts D and vKill, the machine runs, and vAttach takes it up",
    arguments: ["D;1", "vKill;1"])
  func letsGoAndStays(packet: String) {
    let conversation = extended()
    _ = conversation.ask("Z1,40000120,4")
    #expect(conversation.ask(packet) == "OK")
    #expect(conversation.machine.points.isEmpty)
    #expect(conversation.machine.isRunning)

    // Whatever is asked meanwhile is answered, and the machine goes on. Nothing is acknowledged.
    for (question, answer) in [
      ("qTStatus", ""), ("vRun;", ""), ("qAttached:1", "1"), ("Hgp1.2", "OK"),
      // What was chosen is not forgotten: a debugger knows of no stop.
      ("qC", "QCp1.2"), ("qfThreadInfo", "l"),
      ("qXfer:threads:read::0,fff", "l<?xml version=\"1.0\"?>\n<threads>\n</threads>\n"),
    ] {
      #expect(conversation.type(frame(question)) == frame(answer))
      #expect(conversation.machine.isRunning, "\(question)")
    }
    #expect(conversation.ask("vAttach;2")?.hasPrefix("E.") == true)
    #expect(conversation.machine.isRunning)

    let stop = conversation.ask("vAttach;1")
    #expect(stop?.hasPrefix("T02") == true)
    #expect(stop?.contains("thread:p1.1;") == true)
    #expect(!conversation.machine.isRunning)
    #expect(conversation.ask("qC") == "QCp1.1")
    #expect(!conversation.machine.isRunning)
    #expect(conversation.ask("vCont;c") == nil)
    #expect(conversation.happen(.hardwareBreakpoint, on: 1)?.contains("hwbreak:;") == true)
  }

  @Test("Without extended mode D and vKill end the agreement", arguments: ["D", "vKill;1"])
  func letsGoAndLeaves(packet: String) {
    let conversation = Conversation()
    _ = conversation.ask("qSupported:multiprocess+")
    _ = conversation.ask(packet)
    #expect(conversation.type(frame("qC")) == "+" + frame("QC1"))
  }

  @Test("k lets the machine go in extended mode as well, without an answer")
  func kill() {
    let conversation = extended()
    #expect(conversation.ask("k") == nil)
    #expect(conversation.machine.isRunning)
    #expect(conversation.ask("qAttached") == "1")
    #expect(conversation.machine.isRunning)
  }

  @Test("LLDB waits for an answer to k, and gets one")
  func killedByLLDB() {
    let conversation = Conversation()
    #expect(conversation.ask("QEnableErrorStrings") == "OK")
    #expect(conversation.ask("k") == "X09")
    #expect(conversation.machine.isRunning)
  }

  @Test("run: GDB kills, asks for vRun and then for R, which resets the machine and has no answer")
  func run() {
    let conversation = extended()
    #expect(conversation.ask("vKill;1") == "OK")
    #expect(conversation.ask("vRun;") == "")
    #expect(conversation.machine.isRunning)
    #expect(conversation.ask("R0") == nil)
    #expect(conversation.machine.log.last == "reset")
  }

  @Test(
    "The packet after one without an answer comes at once, and is answered, on a machine that runs",
    arguments: ["R0", "r", "k"])
  func nextPacket(packet: String) {
    for canReset in [true, false] {
      let conversation = extended()
      conversation.machine.canReset = canReset
      _ = conversation.ask("D;1")
      conversation.reportsStops = false
      #expect(conversation.type(frame(packet) + frame("qAttached:1")) == "")
      conversation.reportsStops = true
      conversation.reportStop()
      #expect(conversation.received() == frame("1"))
    }
  }

  @Test("R is for extended mode, and names two digits; r is not to be used")
  func resetsOnlyInExtendedMode() {
    let conversation = Conversation()
    #expect(conversation.ask("R00") == nil)
    #expect(conversation.machine.log.isEmpty)
    let other = extended()
    for packet in ["R", "Rxx", "R00x", "r", "r00"] { #expect(other.ask(packet) == nil) }
    #expect(other.machine.log.isEmpty)
  }

  @Test("A machine that cannot be reset refuses vRun, and says at the next stop that R did nothing")
  func cannotReset() {
    let conversation = extended()
    conversation.machine.canReset = false
    #expect(conversation.ask("vRun;")?.hasPrefix("E.") == true)
    #expect(conversation.ask("R00") == nil)
    #expect(!conversation.machine.log.contains("reset"))
    #expect(conversation.ask("qC") == "QCp1.1")
    let packets = conversation.askForAll("vCont;s:p1.1")
    #expect(packets.count == 2)
    #expect(packets.first?.hasPrefix("O" + hex("The machine was not reset")) == true)
    #expect(conversation.askForAll("vCont;s:p1.1").count == 1)
  }

  @Test("On a link that cannot tell, the next debugger begins anew after extended mode too")
  func nextAfterExtendedMode() {
    let conversation = extended()
    _ = conversation.ask("D;1")
    #expect(conversation.type("+" + frame("qSupported")).hasPrefix("+$PacketSize="))
    #expect(conversation.ask("qC") == "QC1")
    #expect(!conversation.machine.isRunning)
  }
}
