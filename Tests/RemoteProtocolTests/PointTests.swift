import RemoteProtocol
import Testing

@Suite("Breakpoints and watchpoints")
struct PointTests {
  @Test(
    "Z sets a point of each kind and z takes it away",
    arguments: [
      ("0", Point.Kind.softwareBreakpoint), ("1", .hardwareBreakpoint), ("2", .writeWatchpoint),
      ("4", .accessWatchpoint),
    ])
  func kinds(type: String, kind: Point.Kind) {
    let conversation = Conversation()
    #expect(conversation.ask("Z\(type),ffff800008000000,4") == "OK")
    let point = Point(kind: kind, address: 0xffff_8000_0800_0000, length: 4)
    #expect(conversation.machine.points == [point])
    #expect(conversation.ask("z\(type),ffff800008000000,4") == "OK")
    #expect(conversation.machine.points.isEmpty)
  }

  @Test("Setting a point twice, or taking it away twice, is no error and changes nothing")
  func idempotence() {
    let conversation = Conversation()
    #expect(conversation.ask("Z1,40000100,4") == "OK")
    #expect(conversation.ask("Z1,40000100,4") == "OK")
    #expect(conversation.machine.points.count == 1)
    #expect(conversation.ask("z1,40000100,4") == "OK")
    #expect(conversation.ask("z1,40000100,4") == "OK")
    #expect(conversation.machine.points.isEmpty)
  }

  @Test("The third field of a watchpoint is its length in bytes, of any size")
  func length() {
    let conversation = Conversation()
    #expect(conversation.ask("Z2,40000000,100000000") == "OK")
    #expect(
      conversation.machine.points == [
        Point(kind: .writeWatchpoint, address: 0x4000_0000, length: 0x1_0000_0000)
      ])
  }

  @Test("A kind that the machine or the protocol does not know gets the empty answer")
  func unsupported() {
    let conversation = Conversation()
    for packet in ["Z3,40000000,4", "z3,40000000,4", "Z5,40000000,4", "Zff,0,0", "Z100,0,0"] {
      #expect(conversation.ask(packet) == "")
    }
  }

  @Test("What cannot be watched is an error, and so is one point too many")
  func refused() {
    let conversation = Conversation()
    #expect(conversation.ask("Z2,40000000,0") == "E22")
    #expect(conversation.ask("Z2,ffffffffffffffff,2") == "E22")
    #expect(conversation.ask("Z2,ffffffffffffffff,1") == "OK")
    conversation.machine.pointLimit = 1
    #expect(conversation.ask("Z1,40000000,4") == "E28")
    #expect(conversation.machine.points.count == 1)
  }

  @Test(
    "Conditions and commands were never offered, and a point with one is refused, not set",
    arguments: [
      "Z1,40080038,4;X11,26001d164022f81608021a164022031327", "Z0,40000000,4;cmds:0,X1,00",
      "Z1,40000000,4;",
    ])
  func conditions(packet: String) {
    let conversation = Conversation()
    #expect(conversation.ask(packet) == "E95")
    #expect(conversation.machine.points.isEmpty)
  }
}
