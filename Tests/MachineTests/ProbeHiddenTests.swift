internal import Testing

@testable internal import stepwell

extension MachineTests {
  @Suite("EL2's own interrupts", .timeLimit(.minutes(2)))
  struct ProbeHiddenTests {
    /// The GIC's maintenance interrupt, EL2's timer, and the debug link's SPI on QEMU's `virt`. (EL2's
    /// SGI is a physical one; the guest's are virtual, and it has all sixteen.)
    static let own = [25, 26, 48]

    @Test("Their fields read as 0 whatever is written; all others are those of the bare machine")
    func registers() async throws {
      let machine = ProbeMachine(topic: "hidden-registers")
      let bare = try await machine.bareTranscript()
      let expected = bare.map { line in Word(line).map { "\($0.hiding(Self.own))" } ?? line }
      #expect(bare.contains("ISENABLER 32 ffffffff"))
      #expect(try await machine.transcript() == expected)
    }

    @Test("Ctrl-C stops a guest that has disabled, masked and silenced every interrupt")
    func spin() async throws {
      try await interruptTenTimes("hidden-spin", onceItSays: "gate silent")
    }

    @Test("Ctrl-C stops a guest while it does nothing but disable every interrupt")
    func writes() async throws {
      try await interruptTenTimes("hidden-writes", onceItSays: "gate writing")
    }

    private func interruptTenTimes(_ topic: String, onceItSays text: String) async throws {
      var stops: [String] = []
      _ = try await ProbeMachine(topic: topic).transcript { console, link in
        try await console.wait(for: text)
        let client = try await RemoteClient(link)
        try await client.attach()
        for _ in 0..<10 {
          try await client.send(packet: "vCont;c")
          try await client.interrupt()
          stops.append(try await client.receive())
        }
        try await client.openGate()
      }
      #expect(stops.count == 10)
      #expect(stops.allSatisfy { $0.hasPrefix("T02") })
    }
  }
}

/// One word of a GIC register that has a field for each interrupt, as the probe says it: "ICFGR 48
/// aaaaaaaa" begins with the fields of interrupt 48.
private struct Word: CustomStringConvertible {
  var register: Substring
  var first: Int
  var value: UInt32

  init?(_ line: String) {
    let words = line.split(separator: " ")
    guard words.count == 3, let first = Int(words[1]), let value = UInt32(words[2], radix: 16)
    else { return nil }
    (register, self.first, self.value) = (words[0], first, value)
  }

  var description: String { "\(register) \(first) \(String(value, radix: 16))" }

  /// Bits for each interrupt.
  private var width: Int {
    switch register {
    case "IPRIORITYR": 8
    case "ICFGR": 2
    default: 1
    }
  }

  func hiding(_ numbers: [Int]) -> Word {
    var word = self
    for number in numbers where (first..<first + 32 / width).contains(number) {
      let field = UInt32((1 << width) - 1)
      word.value &= ~(field << UInt32((number - first) * width))
    }
    return word
  }
}
