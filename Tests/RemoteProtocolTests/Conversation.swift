import RemoteProtocol
import Testing

/// The debugger's end of the link: it keeps what the server sent.
struct FakeLink: DebugLink {
  var sent: [UInt8] = []

  mutating func send(_ bytes: Span<UInt8>) {
    for index in bytes.indices { sent.append(bytes[index]) }
  }
}

/// A debugger, a server and a machine, and what they say to each other.
///
/// Packets are written as text, one character for each byte.
final class Conversation {
  var server: RemoteServer<FakeMachine, FakeLink>
  var machine: FakeMachine

  /// Whether the machine's stops are reported as soon as they happen.
  var reportsStops = true

  /// A debugger that finds the machine running, or standing still with everything agreed.
  init(_ machine: FakeMachine = FakeMachine(), attached: Bool = true) {
    self.machine = machine
    server = RemoteServer(link: FakeLink())
    if attached {
      _ = ask("QStartNoAckMode")
      _ = ask("?")
      self.machine.log = []
    }
  }

  // MARK: The debugger's side

  /// Sends bytes just as they are.
  ///
  /// - Returns: every byte that came back.
  func type(_ text: String) -> String {
    type(text.unicodeScalars.map { UInt8($0.value) })
  }

  func type(_ bytes: [UInt8]) -> String {
    for byte in bytes {
      server.receive(byte, target: &machine)
      reportStop()
    }
    return received()
  }

  /// Sends a packet.
  ///
  /// - Returns: the payload of the one packet that answers it, or nil if none does.
  func ask(_ payload: String, sourceLocation: SourceLocation = #_sourceLocation) -> String? {
    let packets = askForAll(payload, sourceLocation: sourceLocation)
    #expect(packets.count <= 1, sourceLocation: sourceLocation)
    return packets.first
  }

  /// Sends a packet.
  ///
  /// - Returns: the payloads of all packets that came back.
  func askForAll(
    _ payload: String, sourceLocation: SourceLocation = #_sourceLocation
  ) -> [String] {
    payloads(in: type(frame(payload)), sourceLocation: sourceLocation)
  }

  /// The debugger connects.
  func connect() {
    server.connectionOpened(target: &machine)
    reportStop()
  }

  /// The debugger is gone, whatever it had in mind.
  func disconnect() {
    server.connectionClosed(target: &machine)
    reportStop()
  }

  /// Everything that the server sent since it was last asked for.
  func received() -> String {
    server.withLink { link in
      defer { link.sent = [] }
      return text(link.sent)
    }
  }

  // MARK: The machine's side

  /// Tells the server of the machine's stop, if there is one to be told of.
  func reportStop(evenIfHeldBack: Bool = false) {
    while reportsStops || evenIfHeldBack, let stop = machine.announcement {
      machine.announcement = nil
      machine.isRunning = false
      server.targetDidStop(stop, target: &machine)
    }
  }

  /// Something happens on a vCPU while the machine runs.
  func happen(_ cause: StopEvent.Cause, on vcpu: Int) -> String? {
    machine.announcement = StopEvent(vcpu: vcpu, cause: cause)
    reportStop()
    return payloads(in: received()).first
  }
}

// MARK: - Packets as text

/// One character for each byte.
func text(_ bytes: [UInt8]) -> String {
  String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
}

/// The bytes as the protocol writes them in hexadecimal digits.
func hex(_ text: String) -> String {
  text.unicodeScalars.map { digits($0.value, 2) }.joined()
}

/// The number with leading zeros.
func digits(_ value: some BinaryInteger, _ count: Int) -> String {
  let digits = String(value, radix: 16)
  return String(repeating: "0", count: max(count - digits.count, 0)) + digits
}

/// The value as the protocol writes a register: its bytes from the lowest up.
func littleEndian(_ value: UInt64, bytes: Int = 8) -> String {
  (0..<bytes).map { digits(UInt8(truncatingIfNeeded: value >> (8 * $0)), 2) }.joined()
}

/// The packet with its frame; binary data in it must have been escaped.
func frame(_ payload: String) -> String {
  let sum = payload.unicodeScalars.reduce(UInt8(0)) { $0 &+ UInt8($1.value) }
  return "$" + payload + "#" + digits(sum, 2)
}

/// Takes off the frames of the server's packets, which must be right, and the acknowledgments.
func payloads(
  in stream: String, sourceLocation: SourceLocation = #_sourceLocation
) -> [String] {
  var payloads: [String] = []
  var rest = Substring(stream)
  while let start = rest.firstIndex(of: "$") {
    let body = rest[rest.index(after: start)...]
    guard let end = body.firstIndex(of: "#") else {
      Issue.record("a packet without an end: \(stream)", sourceLocation: sourceLocation)
      break
    }
    let payload = String(body[..<end])
    let framed = frame(payload)
    #expect(rest[start...].hasPrefix(framed), sourceLocation: sourceLocation)
    payloads.append(payload)
    rest = body[end...].dropFirst(3)
  }
  return payloads
}
