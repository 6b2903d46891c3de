import Testing

@testable import RemoteProtocol

@Suite("Packets on the link")
struct FramingTests {
  @Test("A good packet is acknowledged and answered")
  func acknowledgment() {
    let conversation = Conversation(attached: false)
    #expect(conversation.type(frame("qAttached")) == "+" + frame("1"))
  }

  @Test("The checksum is the sum of all bytes between $ and #, in two digits of either case")
  func checksumDigits() {
    let conversation = Conversation(attached: false)
    #expect(conversation.type("$qC#b4") == "+" + frame("QC1"))
    #expect(conversation.type("$qC#B4") == "+" + frame("QC1"))
  }

  @Test("A packet that was damaged is asked for again", arguments: ["$qC#b5", "$qC#zz", "$qC#b\n"])
  func damaged(packet: String) {
    let conversation = Conversation(attached: false)
    #expect(conversation.type(packet) == "-")
    #expect(conversation.type("$qC#b4") == "+" + frame("QC1"))
  }

  @Test("Without acknowledgments a damaged packet is answered with an error, and not obeyed")
  func damagedWithoutAcknowledgments() {
    let conversation = Conversation()
    #expect(conversation.type("$M40000000,1:ff#00") == frame("E74"))
    #expect(conversation.machine.memory[0] == 0)
  }

  @Test("An answer that the debugger refuses is sent again, as often as it likes")
  func retransmission() {
    let conversation = Conversation(attached: false)
    _ = conversation.type(frame("qC"))
    #expect(conversation.type("-") == frame("QC1"))
    #expect(conversation.type("-") == frame("QC1"))
    #expect(conversation.type("+") == "")
  }

  @Test("A stop reply is an answer too, and is sent again when it is refused")
  func retransmissionOfStopReply() {
    let conversation = Conversation(attached: false)
    let reply = conversation.ask("vCont;s:1").map(frame)
    #expect(reply?.hasPrefix("$T05") == true)
    #expect(conversation.type("-") == reply)
  }

  @Test("Nothing is sent again while the answer to the next packet is not there yet")
  func nothingToRetransmit() {
    let conversation = Conversation(attached: false)
    _ = conversation.type(frame("qC"))
    #expect(conversation.type(frame("c")) == "+")
    #expect(conversation.type("-") == "")
  }

  @Test("After QStartNoAckMode nothing is acknowledged or sent again")
  func noAcknowledgmentMode() {
    let conversation = Conversation(attached: false)
    #expect(conversation.type(frame("QStartNoAckMode")) == "+" + frame("OK"))
    #expect(conversation.type("+" + frame("qC")) == frame("QC1"))
    #expect(conversation.type("-") == "")
  }

  @Test("A $ inside a packet begins another one")
  func restart() {
    let conversation = Conversation()
    #expect(conversation.type("$m4000" + frame("qC")) == frame("QC1"))
    #expect(conversation.type("$m4000}" + frame("qC")) == frame("QC1"))
    #expect(conversation.type("$m4000#" + frame("qC")) == frame("QC1"))
    #expect(conversation.type("$m4000#1" + frame("qC")) == frame("QC1"))
  }

  @Test("Bytes may arrive one at a time or many at once")
  func pieces() {
    let conversation = Conversation()
    let bytes = (frame("qC") + frame("qAttached")).unicodeScalars.map { UInt8($0.value) }
    conversation.server.receive(bytes.span, target: &conversation.machine)
    #expect(conversation.received() == frame("QC1") + frame("1"))
  }

  @Test("Bytes between packets that mean nothing are passed over")
  func noise() {
    let conversation = Conversation()
    #expect(conversation.type("\r\nAT\0#00\u{ff}}" + frame("qC")) == frame("QC1"))
  }

  @Test("An escaped byte stands for itself with bit 5 turned over")
  func escapes() {
    let conversation = Conversation()
    // $, #, } and * in the data of an X packet.
    #expect(conversation.ask("X40000000,4:}\u{4}}\u{3}}]}\n") == "OK")
    #expect(text(Array(conversation.machine.memory[..<4])) == "$#}*")
  }

  @Test("An escape before the end of a packet stands for nothing")
  func danglingEscape() {
    let conversation = Conversation()
    #expect(conversation.ask("X40000000,1:}") == "E22")
  }

  @Test("0x03 and * inside a packet are data")
  func dataBytes() {
    let conversation = Conversation()
    #expect(conversation.ask("X40000000,2:\u{3}*") == "OK")
    #expect(text(Array(conversation.machine.memory[..<2])) == "\u{3}*")
  }

  @Test("Run-length encoding is for the server's packets: a debugger's is malformed")
  func runLengthEncoding() {
    let conversation = Conversation()
    #expect(conversation.ask("M40000000,8:0*,") == "E22")
    #expect(conversation.ask("P1=0*,") == "E22")
  }

  @Test("A packet of the announced size is taken; a longer one is refused, and the next one taken")
  func longPackets() {
    let conversation = Conversation()
    let command = "M40000000,7f8:"
    let data = String(repeating: "a", count: packetSize - command.count)
    #expect(data.count == 2 * 0x7f9)
    #expect(conversation.ask("M40000000,7f9:" + data) == "OK")
    #expect(conversation.ask("M40000000,7fa:" + data + "aa") == "E07")
    #expect(conversation.ask("X40000000,ffff:" + String(repeating: "a", count: 0xffff)) == "E07")
    #expect(conversation.ask("qC") == "QC1")
  }

  @Test("An answer of the announced size is sent; a longer one is an error instead")
  func longAnswers() {
    for (count, expected) in [(4096, String(repeating: "a", count: 4096)), (4097, "E07")] {
      var sender = PacketSender(link: FakeLink())
      sender.begin()
      for _ in 0..<count { sender.write("a") }
      sender.send()
      #expect(text(sender.link.sent) == frame(expected))
    }
  }

  @Test("Escapes do not count towards the size of a packet")
  func longEscapedPacket() {
    let conversation = Conversation()
    let command = "X40000000,ff0:"
    #expect(conversation.ask(command + String(repeating: "}\u{4}", count: 0xff0)) == "OK")
    #expect(conversation.machine.memory[..<0xff0].allSatisfy { $0 == UInt8(ascii: "$") })
  }

  @Test("A damaged packet that was too long is first of all damaged")
  func longDamagedPacket() {
    let conversation = Conversation(attached: false)
    #expect(conversation.type("$" + String(repeating: "a", count: 0x2000) + "#01") == "-")
  }
}
