import Testing

@testable import RemoteProtocol

@Suite("Errors")
struct ErrorTests {
  static let sentences: [RemoteError] = [
    .noSuchThread, .noSuchProcess, .nothingRuns, .noSuchRegister, .registerRefuses, .vcpuIsOff,
    .noSuchDocument, .coreDoesNotAnswer, .tooLong, .badAddress, .malformed, .corrupt, .unsupported,
    RemoteError(0x22, PointError.invalid.reason), RemoteError(0x28, PointError.exhausted.reason),
  ]

  @Test(
    "Each is a sentence without its full stop, in characters that a packet can carry as they are")
  func sentences() {
    for error in Self.sentences {
      let sentence = error.sentence.description
      #expect(!sentence.hasSuffix(".") && sentence.first?.isUppercase == true, "\(sentence)")
      #expect(sentence.utf8.allSatisfy { 0x20..<0x7f ~= $0 }, "\(sentence)")
      #expect(!sentence.contains { "#$}*".contains($0) }, "\(sentence)")
    }
  }

  /// A packet of each kind that fails, and the code.
  static let failures: [(packet: String, code: String)] = [
    ("T9", "03"), ("Hg9", "03"), ("vCont;c:9", "03"), ("p43", "06"), ("P44=0000000000000000", "06"),
    ("qXfer:features:read:core.xml:0,100", "06"), ("m0,4", "14"), ("x0,4", "14"),
    ("M0,1:00", "14"), ("X0,1:a", "14"), ("Z2,40000000,0", "22"), ("m", "22"),
    ("Z1,40000000,4;X1,00", "95"), ("vCont;t", "95"), ("Z1,40000500,4", "28"),
  ]

  @Test("Each debugger gets its errors in the form that it knows", arguments: failures)
  func forms(packet: String, code: String) {
    func answer(_ agreement: String...) -> String? {
      let conversation = Conversation()
      conversation.machine.pointLimit = 0
      for packet in agreement { _ = conversation.ask(packet) }
      return conversation.ask(packet)
    }
    // GDB before 16, and whoever says nothing.
    #expect(answer() == "E" + code)
    #expect(answer("qSupported:multiprocess+;error-message-") == "E" + code)

    // GDB from 16 on.
    let text = answer("qSupported:swbreak+;error-message+") ?? ""
    #expect(text.hasPrefix("E.") && text.contains(" "), "\(text)")

    // LLDB, in either order.
    let both = "E\(code);" + hex(String(text.dropFirst(2)))
    #expect(answer("QEnableErrorStrings") == both)
    #expect(answer("qSupported:multiprocess+", "QEnableErrorStrings") == both)
    #expect(answer("QEnableErrorStrings", "qSupported:multiprocess+") == both)
  }

  @Test(
    "What a core does not answer is said in one sentence, and the conversation goes on",
    arguments: ["p1", "P1=0000000000000000", "g", "m40000000,4", "x40000000,4", "M40000000,1:00"])
  func noAnswer(packet: String) {
    let conversation = Conversation()
    _ = conversation.ask("qSupported:error-message+")
    conversation.machine.vcpus[0].isDeaf = true
    let error = conversation.ask(packet)
    #expect(error == "E.\(RemoteError.coreDoesNotAnswer.sentence)")
    // The stop reply goes without its registers.
    #expect(conversation.ask("?")?.hasPrefix("T02thread:1;") == true)
    conversation.machine.vcpus[0].isDeaf = false
    #expect(conversation.ask(packet)?.hasPrefix("E") == false)
  }

  @Test("A machine's own reason is what the user reads")
  func reason() {
    let conversation = Conversation()
    _ = conversation.ask("qSupported:error-message+")
    #expect(conversation.ask("Z2,40000000,0") == "E.There are no such bytes")
  }

  @Test("An answer that is too long is an error in the same form")
  func tooLong() {
    let conversation = Conversation(FakeMachine(vcpuCount: 1500))
    _ = conversation.ask("qSupported:error-message+")
    #expect(conversation.ask("qfThreadInfo") == "E." + RemoteError.tooLong.sentence.description)
  }

  @Test("The next debugger gets codes, until it asks for more")
  func nextDebugger() {
    for leave in [{ _ = $0.ask("D") }, { $0.connect() }] as [(Conversation) -> Void] {
      let conversation = Conversation()
      _ = conversation.ask("QEnableErrorStrings")
      leave(conversation)
      #expect(conversation.ask("T9") == "E03")
    }
  }
}
