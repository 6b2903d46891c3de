import RemoteProtocol
import SeededRandom
import Testing

@testable import Hypervisor

@Suite("The debug link on a virtio console", .timeLimit(.minutes(2)))
struct LinkTests {
  private func packet(_ payload: String) -> String { LinkMachine.packet(payload) }
  private func answer(_ payload: String) -> String { LinkMachine.answer(payload) }

  @Test("A debugger connects, is answered and goes", arguments: [false, true])
  func conversation(isLegacy: Bool) {
    let machine = LinkMachine(isLegacy: isLegacy)
    #expect(machine.start())
    machine.serve()
    let debugger = machine.connect(packet("qSupported"))
    machine.settle()
    #expect(debugger.text == answer("qSupported"))
    machine.model.finish()
    machine.settle()
    #expect(machine.log == ["opened", "qSupported", "closed"])
    #expect(machine.model.resets == 1, "the one at the start")
  }

  @Test("A console without several ports, or with small queues, is refused")
  func refusal() {
    let machine = LinkMachine()
    machine.model.maximumQueueSize = 16
    #expect(!machine.start())
  }

  @Test("An acknowledgment and the answer behind it leave as one, however long")
  func whole() {
    let machine = LinkMachine.started()
    let payload = String(repeating: "m", count: 4094)
    let debugger = machine.connect(packet(payload))
    machine.settle()
    #expect(debugger.text == answer(payload))
    #expect(machine.model.transmitted == [answer(payload).utf8.count])
    #expect(machine.model.notifications[5] == 1)
  }

  // MARK: Readers that do not read

  @Test("EL2 never waits for a reader: it takes no more packets than it has room to answer")
  func flood() {
    let machine = LinkMachine.started()
    let long = packet(String(repeating: "g", count: 2000))
    let debugger = machine.connect(
      String(repeating: long, count: 200) + packet("last"), appetite: 100)
    machine.settle()
    #expect(machine.room < longestAnswer)
    #expect(!machine.log.contains("last"))
    #expect(!debugger.unread.isEmpty, "what was not taken waits on the debugger's side")
    // It reads after all, a little at a time, and nothing is missing.
    for _ in 0..<2000 {
      machine.model.read(1000)
      machine.settle()
    }
    #expect(machine.log.suffix(1) == ["last"])
    #expect(
      debugger.text
        == String(
          repeating: answer(String(repeating: "g", count: 2000)), count: 200) + answer("last"))
  }

  @Test("A buffer that the device never returns costs nothing once its connection has ended")
  func lostBuffers() {
    let machine = LinkMachine.started()
    for round in 1...100 {
      let dead = machine.connect(packet("g\(round)"), appetite: 3)
      machine.settle()
      #expect(dead.text == "+$(")
      machine.model.disconnect()
      let next = machine.connect(packet("m\(round)"))
      machine.settle()
      #expect(next.text == answer("m\(round)"))
      machine.model.finish()
      machine.settle()
    }
    #expect(machine.room == Int(TransmitQueue.capacity))
  }

  @Test("A device that returns nothing, for any number of connections, does not stop EL2")
  func returnsNothing() {
    let machine = LinkMachine.started()
    machine.model.returnsNothing = true
    for round in 1...100 {
      machine.connect(packet("g\(round)"))
      machine.settle()
      machine.model.disconnect()
      machine.settle()
    }
    machine.model.returnsNothing = false
    let next = machine.connect(packet("alive"))
    machine.settle()
    #expect(next.text == answer("alive"))
  }

  @Test("That the debugger goes is noticed while there is no room for its packets")
  func hangsUpInTheFlood() {
    let machine = LinkMachine.started()
    let long = packet(String(repeating: "g", count: 2000))
    machine.connect(String(repeating: long, count: 200), appetite: 0)
    machine.settle()
    #expect(machine.room < longestAnswer)
    machine.model.disconnect()
    machine.settle()
    #expect(machine.log.last == "closed")
    let next = machine.connect(packet("alive"))
    machine.settle()
    #expect(next.text == answer("alive"))
  }

  // MARK: Whose bytes are whose

  @Test("An answer that is queued when its debugger goes does not reach the next one")
  func queued() {
    let machine = LinkMachine.started()
    machine.connect(packet("old"))
    machine.model.poll()
    machine.serve()
    machine.model.poll()
    machine.takeEvents()
    #expect(machine.hasUnsent)
    machine.model.disconnect()
    let next = machine.connect()
    machine.model.poll()
    machine.settle()
    #expect(next.text == "")
    #expect(machine.log == ["opened", "old", "closed", "opened"])
  }

  @Test("Nor does one that the device has, whenever the next one comes")
  func offered() {
    // At each access of the driver's on the way of the answer to the device.
    for moment in 0..<200 {
      let machine = LinkMachine.started()
      machine.connect(packet("old"))
      machine.model.poll()
      machine.serve()
      machine.model.poll()
      machine.takeEvents()
      let next = machine.connect()
      var accesses = 0
      machine.model.meanwhile = {
        accesses += 1
        guard accesses == moment else { return }
        machine.model.disconnect()
        machine.model.poll()
      }
      machine.serve()
      machine.model.meanwhile = {}
      machine.model.disconnect()
      machine.model.poll()
      machine.settle()
      #expect(next.text == "", "after \(moment) accesses")
      let last = machine.connect(packet("alive"))
      machine.model.disconnect()
      machine.settle()
      #expect(last.text == answer("alive"), "after \(moment) accesses")
    }
  }

  @Test("What a debugger sent last is taken, though it has hung up: it may be to continue")
  func lastWord() {
    let machine = LinkMachine.started()
    machine.connect()
    machine.settle()
    machine.model.connection?.unread = Array(packet("c").utf8)
    machine.model.poll()
    machine.model.disconnect()
    machine.settle()
    #expect(machine.log == ["opened", "c", "closed"])
    // One that came and went before anybody looked.
    let machine2 = LinkMachine.started()
    machine2.connect(packet("c"))
    machine2.model.poll()
    machine2.model.poll()
    machine2.model.disconnect()
    machine2.settle()
    #expect(machine2.log == ["opened", "c", "closed"])
  }

  /// What is found in the one buffer together with an end and a beginning, and whose it is.
  struct HandOver: CustomTestStringConvertible {
    var testDescription: String
    /// The first debugger's last packet; its connection is reset then, or else ends in order.
    var last: String?
    /// The second one's first.
    var next: String
  }

  static let handOvers = [
    HandOver(testDescription: "in order, a GDB", next: "+" + LinkMachine.packet("qSupported:two")),
    HandOver(testDescription: "in order, an LLDB", next: LinkMachine.packet("QStartNoAckMode")),
    HandOver(testDescription: "in order, a script", next: LinkMachine.packet("g")),
    HandOver(
      testDescription: "reset, a GDB", last: LinkMachine.packet("m"),
      next: "+" + LinkMachine.packet("qSupported:two")),
    HandOver(
      testDescription: "reset, a script", last: "+" + LinkMachine.packet("m"),
      next: LinkMachine.packet("g")),
    HandOver(
      testDescription: "reset in a packet", last: String(LinkMachine.packet("m").dropLast()),
      next: LinkMachine.packet("g")),
  ]

  @Test(
    "Whose bytes are found with an end and a beginning", arguments: handOvers, [false, true])
  func handOver(_ change: HandOver, isAnswered: Bool) {
    let machine = LinkMachine.started()
    let first = machine.connect(isAnswered ? packet("one") : "")
    machine.settle()
    if let last = change.last {
      first.unread = Array(last.utf8)
      machine.model.poll()
      machine.model.disconnect()
    } else {
      first.isFinished = true
    }
    let second = machine.connect(change.next)
    // The end, the beginning, the bytes: all before EL2 looks.
    for _ in 0..<3 { machine.model.poll() }
    // QEMU's main loop goes on while EL2 looks.
    machine.model.meanwhile = { machine.model.poll() }
    machine.settle()
    let payload = change.next.drop { $0 == "+" || $0 == "$" }.prefix { $0 != "#" }
    #expect(second.text == answer(String(payload)))
    #expect(
      machine.log
        == ["opened"] + (isAnswered ? ["one"] : []) + ["closed", "opened", String(payload)])
  }

  @Test("Connections that come and go by the hundred before EL2 looks leave the last one served")
  func unseen() {
    for count in 1...100 {
      let machine = LinkMachine.started()
      for _ in 1...count {
        machine.connect()
        machine.model.poll()
        machine.model.disconnect()
      }
      let last = machine.connect(packet("alive"))
      machine.model.poll()
      machine.model.poll()
      machine.settle()
      // Bytes whose connection was not announced are not taken for anybody's; a debugger sends again.
      if last.text.isEmpty {
        last.unread = Array(packet("alive").utf8)
        machine.settle()
      }
      #expect(last.text == answer("alive"), "\(count)")
    }
  }

  @Test("A debugger that calls while the device is reset after another one's end loses nothing")
  func callsDuringReset() {
    // At each access of the driver's: the call, and what it sends.
    for moment in 1..<400 {
      let machine = LinkMachine.started()
      machine.connect(packet("g"), appetite: 3)
      machine.settle()
      machine.model.disconnect()
      let next = machine.connect(packet("qSupported:two"))
      machine.model.callers = []
      var accesses = 0
      machine.model.meanwhile = {
        accesses += 1
        guard accesses == moment else { return }
        machine.model.callers = [next]
        for _ in 0..<3 { machine.model.poll() }
      }
      machine.serve()
      machine.model.meanwhile = {}
      if accesses < moment { machine.model.callers = [next] }
      machine.settle()
      #expect(next.text == answer("qSupported:two"), "after \(moment) accesses")
    }
  }

  // MARK: Nonsense

  struct Nonsense: CustomTestStringConvertible {
    var testDescription: String
    var queue: Int
    var index: UInt16?
    var id: UInt32?
    var length: UInt32?
  }

  static let nonsense: [Nonsense] = [2, 3, 4, 5].flatMap { queue in
    [
      Nonsense(testDescription: "queue \(queue), index far ahead", queue: queue, index: 0x8000),
      Nonsense(testDescription: "queue \(queue), index behind", queue: queue, index: 0xffff),
      Nonsense(testDescription: "queue \(queue), no such buffer", queue: queue, id: 32),
      Nonsense(testDescription: "queue \(queue), a wild buffer", queue: queue, id: .max),
      Nonsense(testDescription: "queue \(queue), one it has not", queue: queue, id: 31),
      Nonsense(
        testDescription: "queue \(queue), more bytes than room", queue: queue, id: 0, length: .max),
    ]
  }

  @Test("What the device returns it must have been given; else it is reset", arguments: nonsense)
  func garbage(_ nonsense: Nonsense) {
    let machine = LinkMachine.started()
    // Six times in a row it is forgiven.
    for round in 1...6 {
      let debugger = machine.connect(packet("a\(round)"))
      machine.settle()
      // The debugger sends once more where its bytes were lost with the device's state.
      if debugger.text.isEmpty {
        debugger.unread = Array(packet("a\(round)").utf8)
        machine.settle()
      }
      #expect(debugger.text == answer("a\(round)"))
      machine.model.corrupt(
        queue: nonsense.queue, index: nonsense.index, id: nonsense.id, length: nonsense.length)
      machine.settle()
      machine.send(packet("to nobody, perhaps"))
      machine.settle()
      machine.model.disconnect()
      machine.settle()
    }
    #expect(!machine.log.contains("failed"))
  }

  @Test("A device that never stops talking nonsense is switched off, which is said once")
  func failure() {
    let machine = LinkMachine.started()
    machine.connect(packet("a"))
    machine.settle()
    for _ in 1...50 {
      machine.model.corrupt(queue: 2, index: 0x8000)
      machine.serve()
      machine.model.poll()
    }
    #expect(machine.log.count { $0 == "failed" } == 1)
    #expect(machine.log.last == "failed")
    #expect(!machine.isOpen)
    // Nothing that it does makes a difference any more.
    machine.send(packet("x"))
    machine.connect(packet("b"))
    machine.settle()
    #expect(machine.log.last == "failed")
  }

  // MARK: Everything at once

  @Test(
    "Connects, half packets, readers that stop and hang-ups, at any access of the driver's",
    arguments: 1...12)
  func storm(seed: UInt64) {
    var generator = SplitMix64(state: seed)
    let machine = LinkMachine.started()
    var everybody: [LinkModel.Connection] = []
    func act() {
      switch Int.random(in: 0..<12, using: &generator) {
      case 0:
        guard machine.model.callers.count < 3 else { return }
        let id = everybody.count + 1
        var text = (Bool.random(using: &generator) ? "+" : "") + packet("qSupported:\(id)")
        if Bool.random(using: &generator) { text += packet("g\(id)") + "+" + packet("m:\(id)") }
        if Int.random(in: 0..<3, using: &generator) == 0 {
          text = String(text.dropLast(Int.random(in: 1...8, using: &generator)))
        }
        let connection = machine.connect(text)
        if Int.random(in: 0..<4, using: &generator) == 0 {
          connection.appetite = Int.random(in: 0..<60, using: &generator)
        }
        everybody.append(connection)
      case 1: machine.model.finish()
      case 2: machine.model.disconnect()
      case 3:
        guard let connection = machine.model.connection else { return }
        connection.unread += Array(packet("g\(connection.id)").utf8)
      case 4: machine.model.read(Int.random(in: 0..<100, using: &generator))
      default: machine.model.poll()
      }
    }
    machine.model.meanwhile = {
      if Int.random(in: 0..<300, using: &generator) == 0 { act() }
    }
    for _ in 0..<6_000 {
      act()
      if machine.model.isInterrupting || Bool.random(using: &generator) { machine.serve() }
    }
    machine.model.meanwhile = {}
    for connection in everybody {
      // Each answer names whom it is for.
      for answer in connection.text.split(separator: "(").dropFirst() where answer.contains(")") {
        let digits = answer.prefix { $0 != ")" }.filter(\.isNumber)
        #expect(Int(digits) == connection.id, "\(answer) reached \(connection.id)")
      }
    }
    // And the link is alive.
    machine.model.callers = []
    machine.model.disconnect()
    machine.settle()
    let last = machine.connect(packet("alive"))
    machine.settle()
    #expect(last.text == answer("alive"))
    #expect(everybody.count > 30)
    #expect(!machine.log.contains("failed"))
  }
}
