import RemoteProtocol
import Testing

@Suite("Whose bytes: the first of a debugger's, or the last of another's")
struct OpeningBytesTests {
  @Test(
    "What may begin a conversation",
    arguments: [
      ("", true), ("+", true), ("+$qSupported:multiprocess+;swbreak+#00", true),
      ("$QStartNoAckMode#b0", true), ("++$qSupported#37", true), ("noise$qSupported#37", true),
      // Not whole: it is not answered before the rest of it comes.
      ("$g", true), ("$g#6", true), ("$m40200000,10", true),
      ("$g#67", false), ("+$g#67", false), ("$?#3f", false), ("$qSupporte#00", false),
      ("$QStartNoAckMod#00", false), ("$vCont;c#a8$qSupported#37", false),
      // Begun anew in the midst of another: the receiver takes it so as well.
      ("$g$qSupported#37", true),
    ])
  func openings(_ text: String, _ mayOpen: Bool) {
    var opening = OpeningBytes()
    for byte in text.utf8 { opening.take(byte) }
    #expect(opening.mayOpenConversation == mayOpen)
  }
}

/// A link with a bound.
private struct NarrowLink: DebugLink {
  var room: Int
  var sent: [UInt8] = []

  mutating func send(_ bytes: Span<UInt8>) {
    for index in bytes.indices { sent.append(bytes[index]) }
    room -= bytes.count
  }
}

@Suite("A link with little room")
struct LinkRoomTests {
  /// What is sent for `monitor` and a command whose output is `count` bytes, with `room` for it.
  private func sent(for command: String, room: Int) -> String {
    var machine = FakeMachine()
    var server = RemoteServer<FakeMachine, NarrowLink>(link: NarrowLink(room: .max))
    func type(_ text: String) {
      for byte in text.utf8 {
        server.receive(byte, target: &machine)
        if let stop = machine.announcement {
          machine.announcement = nil
          machine.isRunning = false
          server.targetDidStop(stop, target: &machine)
        }
      }
    }
    type(frame("QStartNoAckMode") + frame("?"))
    server.withLink {
      $0.sent = []
      $0.room = room
    }
    type(frame("qRcmd," + hex(command)))
    return server.withLink { String(decoding: $0.sent, as: UTF8.self) }
  }

  @Test("Console output is left out, and said to be, where there is room for the answer only")
  func leftOut() {
    let whole = sent(for: "count 5000", room: .max)
    #expect(!whole.contains(hex("left out")))
    #expect(whole.hasSuffix(frame("OK")))
    let cut = sent(for: "count 5000", room: longestAnswer)
    #expect(cut.utf8.count <= longestAnswer)
    #expect(cut.contains(hex("left out")))
    #expect(cut.hasSuffix(frame("OK")))
    #expect(cut.count < whole.count)
  }

  @Test(
    "However much room there is, an answer never takes more",
    arguments: (0..<26).map { $0 * 777 })
  func bound(_ more: Int) {
    let text = sent(for: "count 5000", room: longestAnswer + more)
    #expect(text.utf8.count <= longestAnswer + more)
    #expect(text.hasSuffix(frame("OK")))
  }
}
