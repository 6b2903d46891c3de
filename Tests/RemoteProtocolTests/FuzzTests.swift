import RemoteProtocol
import SeededRandom
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("Any bytes at all")
struct FuzzTests {
  /// Valid packets, for the mutations to start from.
  private static let packets = [
    "?", "g", "g;thread:2;", "p20", "p22;thread:1;", "P1=0102030405060708", "P21=00000000",
    "G" + String(repeating: "00", count: 268), "m40000000,40", "m40001ff0,20", "x40000000,ffc",
    "M40000000,4:01020304", "X40000000,4:}\u{3}a}]", "Z0,40000120,4", "Z1,40000140,4",
    "Z2,40001000,8", "Z4,40001000,8;X1,00", "z0,40000120,4", "z1,40000140,4", "z2,40001000,8",
    "vCont?", "vCont;c", "vCont;s:1;c", "vCont;C05:2;S05", "vKill;1", "c", "s", "C05", "S05", "k",
    "D", "D;1", "Hg1", "Hc-1", "Hg0", "T1", "T2", "qC", "qfThreadInfo", "qsThreadInfo",
    "qThreadExtraInfo,1", "qThreadStopInfo2", "qAttached", "qOffsets", "qSymbol::", "qHostInfo",
    "qProcessInfo", "qSupported:swbreak+;hwbreak+;multiprocess+", "QStartNoAckMode",
    "QThreadSuffixSupported", "QListThreadsInStopReply", "qXfer:features:read:target.xml:0,ffb",
    "qXfer:threads:read::10,20", "qRcmd,6563686f206869", "qRcmd," + hex("count 900"),
    "vMustReplyEmpty", "!", "R00", "vRun;", "vAttach;1", "vCont;s:p1.2;c:p1.-1", "Hgp1.2",
    "qSupported:multiprocess+;error-message+", "QEnableErrorStrings",
    "jThreadExtendedInfo:{\"thread\":1}]",
  ].map { $0.unicodeScalars.map { UInt8($0.value) } }

  /// Bytes that mean something somewhere in the protocol.
  private static let special = Array(
    "$#}*+-\u{3}:;,=.?0123456789abcdefFxXzZvqQ\0\u{ff}".unicodeScalars
  )
  .map { UInt8($0.value) }

  private static func byte(_ generator: inout SplitMix64) -> UInt8 {
    Bool.random(using: &generator)
      ? special.randomElement(using: &generator) ?? 0 : .random(in: 0...255, using: &generator)
  }

  private static func mutated(_ generator: inout SplitMix64) -> [UInt8] {
    var packet = packets.randomElement(using: &generator) ?? []
    for _ in 0..<Int.random(in: 0...3, using: &generator) {
      let index = Int.random(in: 0...packet.count, using: &generator)
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: packet.insert(byte(&generator), at: index)
      case 1: if index < packet.count { packet.remove(at: index) }
      case 2: if index < packet.count { packet[index] = byte(&generator) }
      case 3: packet.removeLast(packet.count - index)
      case 4: packet += (packets.randomElement(using: &generator) ?? []).dropFirst(index)
      default:
        let count = [2, 16, 17, 100, 5000].randomElement(using: &generator) ?? 1
        packet.insert(contentsOf: repeatElement(byte(&generator), count: count), at: index)
      }
    }
    return packet
  }

  /// Some bytes for the link: noise, or a packet that may be damaged on the way.
  private static func input(_ generator: inout SplitMix64) -> [UInt8] {
    if Int.random(in: 0..<4, using: &generator) == 0 {
      return (0..<Int.random(in: 0...40, using: &generator)).map { _ in byte(&generator) }
    }
    let payload = mutated(&generator)
    var bytes = frame(text(payload)).unicodeScalars.map { UInt8($0.value) }
    if Int.random(in: 0..<8, using: &generator) == 0 {
      bytes[Int.random(in: bytes.indices, using: &generator)] = byte(&generator)
    }
    if Int.random(in: 0..<4, using: &generator) == 0 { bytes.insert(UInt8(ascii: "+"), at: 0) }
    return bytes
  }

  /// Something happens besides the bytes.
  private static func event(on conversation: Conversation, _ generator: inout SplitMix64) {
    switch Int.random(in: 0..<12, using: &generator) {
    case 0: conversation.connect()
    case 1: conversation.disconnect()
    case 2: conversation.server.targetDidExit()
    case 3:
      conversation.machine.vcpus.indices.randomElement(using: &generator)
        .map { conversation.machine.vcpus[$0].isPoweredOn.toggle() }
    case 4 where conversation.machine.isRunning:
      let cause: StopEvent.Cause? =
        [.held, .stepped, .hardwareBreakpoint, .watchpoint(.write, address: .max)]
        .randomElement(using: &generator)
      let vcpu = conversation.machine.vcpus.indices.randomElement(using: &generator)
      if let cause, let vcpu { _ = conversation.happen(cause, on: vcpu) }
    case 5: conversation.reportsStops.toggle()
    default: break
    }
  }

  /// Whether the server can still be talked to, whatever it has been through.
  private static func answers(_ conversation: Conversation) -> Bool {
    conversation.reportsStops = true
    conversation.reportStop()
    _ = conversation.received()
    return conversation.ask("qSupported")?.hasPrefix("PacketSize=") == true
      && conversation.ask("?")?.hasPrefix("T") == true
  }

  /// Runs one conversation of a hundred inputs.
  private static func run(seed: UInt64) {
    var generator = SplitMix64(state: seed)
    let vcpuCount = Int.random(in: 1...4, using: &generator)
    let conversation = Conversation(
      FakeMachine(vcpuCount: vcpuCount), attached: Bool.random(using: &generator))
    for _ in 0..<100 {
      let bytes = input(&generator)
      let reply = conversation.type(bytes)
      _ = payloads(in: reply)  // every frame must be right
      event(on: conversation, &generator)
      guard answers(conversation) else {
        Issue.record("seed \(seed): no answer after \(text(bytes).debugDescription)")
        return
      }
    }
  }

  /// A fixed set of seeds; with `STEPWELL_FUZZ_SECONDS` in the environment, as many more as that
  /// time allows.
  @Test("Whatever arrives, and whatever happens meanwhile, the server answers the next packet")
  func fuzz() {
    for seed in 0..<80 as Range<UInt64> { Self.run(seed: seed) }

    guard let variable = unsafe getenv("STEPWELL_FUZZ_SECONDS"),
      let seconds = unsafe Double(String(cString: variable))
    else { return }
    let end = ContinuousClock.now + .seconds(seconds)
    var seed: UInt64 = 1_000_000
    while ContinuousClock.now < end {
      Self.run(seed: seed)
      seed += 1
    }
    print("fuzzed \(seed - 1_000_000) conversations more")
  }
}
