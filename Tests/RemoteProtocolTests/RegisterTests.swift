import RemoteProtocol
import Testing

@Suite("Registers")
struct RegisterTests {
  /// The whole file: number, size in bytes, value on thread 1.
  static let generalRegisters: [(number: Int, size: Int, value: UInt64)] =
    FakeMachine().vcpus[0].registers.enumerated().map { number, value in
      (number, number == 33 ? 4 : 8, value)
    }

  @Test("g is the general registers in order, each with its lowest byte first")
  func general() {
    let expected = Self.generalRegisters.map { littleEndian($0.value, bytes: $0.size) }.joined()
    #expect(expected.count == 2 * 268)
    #expect(Conversation().ask("g") == expected)
  }

  @Test("p reads one register", arguments: generalRegisters)
  func one(number: Int, size: Int, value: UInt64) {
    #expect(Conversation().ask("p" + digits(number, 1)) == littleEndian(value, bytes: size))
  }

  @Test("P writes one register, and no other", arguments: generalRegisters)
  func writeOne(number: Int, size: Int, value: UInt64) {
    let conversation = Conversation()
    var expected = conversation.machine.vcpus[0].registers
    expected[number] = ~value & (size == 4 ? 0xffff_ffff : .max)
    let packet = "P\(digits(number, 1))=\(littleEndian(expected[number], bytes: size))"
    #expect(conversation.ask(packet) == "OK")
    #expect(conversation.machine.vcpus[0].registers == expected)
    #expect(conversation.machine.vcpus[1].registers == FakeMachine().vcpus[1].registers)
  }

  @Test("G writes all general registers")
  func writeGeneral() {
    let conversation = Conversation()
    let values = (0..<34).map { UInt64($0) * 0x0001_0203_0405_0607 }
    let packet =
      values.enumerated().map { littleEndian($1, bytes: $0 == 33 ? 4 : 8) }.joined()
    #expect(conversation.ask("G" + packet) == "OK")
    #expect(
      conversation.machine.vcpus[0].registers == values.dropLast() + [values[33] & 0xffff_ffff])
    #expect(conversation.ask("g") == packet)
  }

  @Test("A register may be wider than 64 bits")
  func wide() {
    let conversation = Conversation()
    #expect(conversation.ask("p22") == "808182838485868788898a8b8c8d8e8f")
    #expect(conversation.ask("P22=000102030405060708090a0b0c0d0e0f") == "OK")
    #expect(conversation.machine.vcpus[0].v0 == Array(0..<16))
  }

  @Test("A register that does not exist, or may not be written, is an error")
  func refused() {
    let conversation = Conversation()
    #expect(conversation.ask("p43") == "E06")
    #expect(conversation.ask("P43=00") == "E06")
    #expect(conversation.ask("p7fffffffffffffff") == "E06")
    #expect(conversation.ask("pffffffffffffffff") == "E06")
    #expect(conversation.ask("p44") == "efcdab8967452301")
    #expect(conversation.ask("P44=0000000000000000") == "E06")
  }

  @Test(
    "A value of the wrong size is malformed, and nothing is written",
    arguments: [
      "P0=", "P0=00", "P0=00000000000000", "P0=000000000000000000", "P0=000000000000000",
      "P21=0000000000000000", "G", "G00", "G" + String(repeating: "0", count: 2 * 267),
      "G" + String(repeating: "0", count: 2 * 269),
    ])
  func wrongSize(packet: String) {
    let conversation = Conversation()
    #expect(conversation.ask(packet) == "E22")
    #expect(conversation.machine.vcpus[0].registers == FakeMachine().vcpus[0].registers)
  }

  @Test("Hg chooses whose registers are meant; 0 is the thread that stopped")
  func chosenThread() {
    let conversation = Conversation()
    #expect(conversation.ask("p0") == littleEndian(0x0100_0000_0000_0000))
    #expect(conversation.ask("Hg2") == "OK")
    #expect(conversation.ask("p0") == littleEndian(0x0200_0000_0000_0000))
    #expect(conversation.ask("Hg0") == "OK")
    #expect(conversation.ask("p0") == littleEndian(0x0100_0000_0000_0000))
  }

  @Test("LLDB's suffix says whose registers are meant, whatever Hg chose")
  func threadSuffix() {
    let conversation = Conversation()
    #expect(conversation.ask("QThreadSuffixSupported") == "OK")
    #expect(conversation.ask("p0;thread:0002;") == littleEndian(0x0200_0000_0000_0000))
    #expect(conversation.ask("P0=ffffffffffffffff;thread:2;") == "OK")
    #expect(conversation.machine.vcpus[1].registers[0] == .max)
    #expect(conversation.machine.vcpus[0].registers[0] == FakeMachine().vcpus[0].registers[0])

    let all = conversation.ask("g;thread:2;") ?? ""
    #expect(all.hasPrefix("ffffffffffffffff"))
    #expect(conversation.ask("G\(all);thread:1;") == "OK")
    #expect(conversation.machine.vcpus[0].registers == conversation.machine.vcpus[1].registers)
  }

  @Test("A thread that is not there has no registers", arguments: ["p0;thread:3;", "g;thread:0;"])
  func noSuchThread(packet: String) {
    #expect(Conversation().ask(packet) == "E03")
  }
}
