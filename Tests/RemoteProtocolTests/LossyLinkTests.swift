import RemoteProtocol
import Testing

/// The way out to a debugger on a line that loses bytes.
private struct LossyLink: DebugLink {
  var sent: [UInt8] = []
  var losesBytes: Bool { true }

  mutating func send(_ bytes: Span<UInt8>) {
    for index in bytes.indices { sent.append(bytes[index]) }
  }
}

/// A debugger that sends, acknowledges and asks again as GDB does (gdb/remote.c: `putpkt_binary` and
/// `getpkt`), on a line that loses bytes.
private final class LossyConversation {
  private var server = RemoteServer<FakeMachine, LossyLink>(link: LossyLink())
  private(set) var machine = FakeMachine()
  private var generator: SplitMix
  /// One byte of so many is lost on the way to the server, and from it; nil for none.
  var lossOut: UInt64?
  var lossIn: UInt64?
  private var inbox: [UInt8] = []
  private(set) var lost = 0

  private struct SplitMix {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
      return z ^ z >> 31
    }
  }

  init(seed: UInt64 = 0) { generator = SplitMix(state: seed) }

  private func isLost(_ odds: UInt64?) -> Bool {
    guard let odds, generator.next() % odds == 0 else { return false }
    lost += 1
    return true
  }

  /// Puts bytes on the line.
  func type(_ text: String) {
    for scalar in text.unicodeScalars where !isLost(lossOut) {
      server.receive(UInt8(scalar.value), target: &machine)
      while let stop = machine.announcement {
        machine.announcement = nil
        machine.isRunning = false
        server.targetDidStop(stop, target: &machine)
      }
    }
    server.withLink { link in
      for byte in link.sent where !isLost(lossIn) { inbox.append(byte) }
      link.sent = []
    }
  }

  /// Everything that has come and was not read.
  func takeAll() -> String {
    defer { inbox = [] }
    return text(inbox)
  }

  /// Sends a packet until it is acknowledged, and returns the answer; nil after too many tries.
  func ask(_ payload: String) -> String? {
    guard send(payload) else { return nil }
    return receive()
  }

  private func send(_ payload: String) -> Bool {
    for _ in 0..<20 {
      type(frame(payload))
      var asksAgain = false
      while !asksAgain, !inbox.isEmpty {
        switch inbox.removeFirst() {
        case UInt8(ascii: "+"): return true
        case UInt8(ascii: "-"): asksAgain = true
        case UInt8(ascii: "$"):
          // A packet in place of an acknowledgment is an old answer.
          if let end = inbox.firstIndex(of: UInt8(ascii: "#")) {
            inbox.removeFirst(min(end + 3, inbox.count))
          } else {
            inbox = []
          }
          type("+")
        default: break
        }
      }
      // Either it was refused, or the time is up.
    }
    return false
  }

  private func receive() -> String? {
    for _ in 0..<20 {
      if let payload = takePacket() {
        type("+")
        // Console output is not the answer.
        if payload.hasPrefix("O"), payload != "OK" { continue }
        return payload
      }
      inbox = []
      type("-")
    }
    return nil
  }

  private func takePacket() -> String? {
    guard let start = inbox.firstIndex(of: UInt8(ascii: "$")),
      let end = inbox[start...].firstIndex(of: UInt8(ascii: "#")), inbox.count > end + 2
    else { return nil }
    let payload = text(Array(inbox[(start + 1)..<end]))
    let whole = text(Array(inbox[start...(end + 2)]))
    guard whole == frame(payload) else { return nil }
    inbox.removeFirst(end + 3)
    return payload
  }

  var memory: [UInt8] { machine.memory }
  var pc: UInt64 { machine.vcpus[0].registers[32] }
  var resumptions: Int { machine.log.filter { $0.hasPrefix("resume") }.count }
}

@Suite("A link that loses bytes")
struct LossyLinkTests {
  @Test("Packets are short there, and acknowledged throughout")
  func agreement() throws {
    let debugger = LossyConversation()
    let features = try #require(debugger.ask("qSupported:multiprocess+"))
    #expect(features.hasPrefix("PacketSize=200;"))
    #expect(!features.contains("QStartNoAckMode"))
    // LLDB asks without being offered it.
    #expect(debugger.ask("QStartNoAckMode") == "")
    debugger.type(frame("?"))
    #expect(debugger.takeAll().hasPrefix("+$T"))
  }

  @Test("What the debugger writes arrives whole, and once each step, whatever of its bytes is lost")
  func requests() throws {
    for seed in 1...20 as ClosedRange<UInt64> {
      let debugger = LossyConversation(seed: seed)
      debugger.lossOut = 60
      try converse(debugger, counts: true)
      #expect(debugger.lost > 15)
    }
  }

  @Test("The same where bytes of the answers are lost too")
  func bothWays() throws {
    for seed in 1...20 as ClosedRange<UInt64> {
      let debugger = LossyConversation(seed: seed)
      debugger.lossOut = 80
      debugger.lossIn = 200
      try converse(debugger, counts: false)
      #expect(debugger.lost > 15)
    }
  }

  /// A debugger attaches, writes and reads memory, and steps.
  private func converse(_ debugger: LossyConversation, counts: Bool) throws {
    debugger.type("+")
    #expect(try #require(debugger.ask("qSupported:swbreak+")).hasPrefix("PacketSize="))
    #expect(try #require(debugger.ask("?")).hasPrefix("T"))
    for round in 0..<40 {
      let address = digits(0x4000_0000 + round * 32, 8)
      let value = digits(0x1234_5678 &* UInt32(truncatingIfNeeded: round + 1), 8)
      #expect(debugger.ask("M\(address),4:\(value)") == "OK")
      #expect(debugger.ask("m\(address),4") == value)
      guard counts else { continue }
      let before = debugger.pc
      #expect(try #require(debugger.ask("vCont;s:1;c")).hasPrefix("T05"))
      #expect(debugger.ask("p20") == littleEndian(before + 4))
      #expect(debugger.pc == before + 4, "a step was made twice, or not at all")
    }
  }

  @Test("A resumption that comes again, because nothing acknowledged it, is no second debugger")
  func repeatedResumption() {
    let debugger = LossyConversation()
    _ = debugger.ask("qSupported")
    _ = debugger.ask("?")
    debugger.type(frame("vCont;c"))
    #expect(debugger.takeAll() == "+")
    debugger.type(frame("vCont;c"))
    #expect(debugger.takeAll() == "+")
    #expect(debugger.machine.isRunning && debugger.resumptions == 1)
    debugger.type("\u{3}")
    #expect(debugger.takeAll().hasPrefix("$T02"))
  }

  @Test("A packet that comes again before its answer was acknowledged gets the same answer")
  func repeatedPacket() {
    let debugger = LossyConversation()
    _ = debugger.ask("qSupported")
    _ = debugger.ask("?")
    debugger.type(frame("vCont;s:1;c"))
    let first = debugger.takeAll()
    let pc = debugger.pc
    debugger.type(frame("vCont;s:1;c"))
    #expect(debugger.takeAll() == first)
    #expect(debugger.pc == pc)
    // Acknowledged, the same packet is another request.
    debugger.type("+" + frame("vCont;s:1;c"))
    #expect(debugger.pc == pc + 4)
  }

  @Test(
    "Ctrl-C of a debugger that has not had the stop reply gets it once more, and stops nothing later"
  )
  func lostStopReply() {
    let debugger = LossyConversation()
    _ = debugger.ask("qSupported")
    _ = debugger.ask("?")
    debugger.type(frame("vCont;s:1;c"))
    let reply = debugger.takeAll().dropFirst()
    #expect(reply.hasPrefix("$T05"))
    debugger.type("\u{3}")
    #expect(debugger.takeAll() == reply)
    debugger.type("+" + frame("vCont;c"))
    #expect(debugger.takeAll() == "+")
    #expect(debugger.machine.isRunning)
  }

  @Test("A new debugger's first packet takes the conversation over, though all are acknowledged")
  func newDebugger() throws {
    let debugger = LossyConversation()
    _ = debugger.ask("qSupported:multiprocess+")
    _ = debugger.ask("?")
    #expect(debugger.ask("Z1,40000100,4") == "OK")
    debugger.type(frame("vCont;c"))
    _ = debugger.takeAll()
    debugger.type("+" + frame("qSupported"))
    #expect(debugger.takeAll().contains("$PacketSize="))
    #expect(debugger.machine.points.isEmpty)
  }
}
