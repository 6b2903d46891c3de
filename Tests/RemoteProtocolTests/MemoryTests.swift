import Testing

@testable import RemoteProtocol

@Suite("Memory")
struct MemoryTests {
  @Test("m reads bytes as digits, x as they are after a b")
  func read() {
    let conversation = Conversation()
    #expect(conversation.ask("m40000000,4") == "00010203")
    #expect(conversation.ask("x40000000,4") == "b\u{0}\u{1}\u{2}\u{3}")
  }

  @Test("M writes bytes from digits, X as they are")
  func write() {
    let conversation = Conversation()
    #expect(conversation.ask("M40000010,3:C0ffee") == "OK")
    #expect(conversation.machine.memory[0x10..<0x14] == [0xc0, 0xff, 0xee, 0x13])
    #expect(conversation.ask("X40000010,3:abc") == "OK")
    #expect(conversation.machine.memory[0x10..<0x14] == [0x61, 0x62, 0x63, 0x13])
  }

  @Test("Bytes that have a meaning on the link go out escaped")
  func escapes() {
    let conversation = Conversation()
    conversation.machine.memory[..<5] = [0x23, 0x24, 0x2a, 0x7d, 0x03]
    #expect(conversation.ask("x40000000,5") == "b}\u{3}}\u{4}}\n}]\u{3}")
  }

  @Test("As much as can be read is read, across any number of pieces")
  func prefix() {
    let conversation = Conversation()
    // The memory ends at 0x40002000.
    #expect(conversation.ask("m40001ff0,20")?.count == 2 * 0x10)
    #expect(conversation.ask("m40001e00,400")?.count == 2 * 0x200)
    #expect(conversation.ask("x40001ff8,20")?.hasPrefix("b") == true)
  }

  @Test("Where nothing can be read or written there is an error")
  func badAddress() {
    let conversation = Conversation()
    for packet in ["m0,4", "x0,4", "m40002000,1", "M0,1:00", "X40002000,1:a", "M40001fff,2:0000"] {
      #expect(conversation.ask(packet) == "E14")
    }
    #expect(conversation.machine.memory == FakeMachine().memory)
  }

  @Test("A read of more than a packet holds gives as much as it holds")
  func longRead() {
    let conversation = Conversation()
    conversation.machine.memory = [UInt8](repeating: 0xa5, count: 0x2000)
    #expect(conversation.ask("m40000000,2000") == String(repeating: "a5", count: packetSize / 2))
    #expect(
      conversation.ask("x40000000,2000")
        == "b" + String(repeating: "\u{a5}", count: packetSize - 1))
  }

  @Test("An escape that no longer fits is left for the next read", arguments: [0, 1])
  func longEscapedRead(shift: Int) {
    let conversation = Conversation()
    conversation.machine.memory = [UInt8](repeating: 0x7d, count: 0x2000)
    for index in 0..<shift { conversation.machine.memory[index] = 0 }
    let reply = conversation.ask("x40000000,2000") ?? ""
    let escaped = (packetSize - 1 - shift) / 2
    #expect(
      reply == "b" + String(repeating: "\0", count: shift)
        + String(repeating: "}]", count: escaped))
  }

  @Test("Reading all that a write of the same size holds gives the same back")
  func roundTrip() {
    let conversation = Conversation()
    let data = (0..<0x600).map { digits(UInt8(truncatingIfNeeded: $0 &* 7), 2) }.joined()
    #expect(conversation.ask("M40000100,600:" + data) == "OK")
    #expect(conversation.ask("m40000100,600") == data)
  }

  @Test(
    "No address or length is too large",
    arguments: [
      "mffffffffffffffff,1", "mffffffffffffffff,ffffffffffffffff", "m0,ffffffffffffffff",
      "x1,ffffffffffffffff", "m8000000000000000,8000000000000000", "xffffffffffffff00,1000",
    ])
  func extremes(packet: String) {
    #expect(Conversation().ask(packet) == "E14")
  }

  @Test("A read does not go on at address 0 beyond the top of the address space")
  func top() {
    let conversation = Conversation()
    #expect(conversation.ask("m40001f00,ffffffffffffffff")?.count == 2 * 0x100)
    #expect(conversation.ask("Mffffffffffffffff,2:0000") == "E22")
  }

  @Test("GDB's and LLDB's questions whether X and x are known touch no memory")
  func probes() {
    let conversation = Conversation()
    #expect(conversation.ask("X0,0:") == "OK")
    #expect(conversation.ask("x0,0") == "b")
  }

  @Test(
    "Memory is seen through the thread that Hg chose or, if that is off, through one that is on")
  func poweredOff() {
    // The machine holds the server to it: none that is off is asked.
    let conversation = Conversation(FakeMachine(vcpuCount: 3))
    _ = conversation.ask("vCont;s:3")
    #expect(conversation.ask("Hg2") == "OK")
    for off in [1, 2, 0] {
      conversation.machine.vcpus[off].isPoweredOn = false
      #expect(conversation.ask("m40000000,4") == "00010203")
      #expect(conversation.ask("M40000000,1:00") == "OK")
    }
  }
}
