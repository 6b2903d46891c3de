import RemoteProtocol

@testable import Hypervisor

/// The far end of the debug link: what a debugger does, in order.
enum DebuggerAct {
  case connect
  case hangUp
  /// A packet, without its frame.
  case send(String)
  /// Ctrl-C.
  case interrupt
  /// Waits for a packet that begins with this, "" for any; console output is passed over.
  case expect(String)
}

/// The debug link and a debugger with a script.
final class ScriptedLink {
  let script: [DebuggerAct]
  private(set) var position = 0
  var events: [PortEvent] = []
  private var received: [UInt8] = []
  private(set) var sends: UInt64 = 0
  /// How often a debugger has come or gone, at this end and as far as the hypervisor knows.
  private var changes = 0
  private var knownChanges = 0
  /// All packets that came, but for console output.
  private(set) var packets: [String] = []
  /// Those that were received, and not expected yet.
  private var inbox: [String] = []
  /// All stop replies that came.
  private(set) var stopReplies = 0
  /// An answer that was not the one expected.
  private(set) var surprise: String?

  init(script: [DebuggerAct]) { self.script = script }

  var isDone: Bool { position == script.count }

  var canAct: Bool {
    guard !isDone else { return false }
    if case .expect = script[position] { return !inbox.isEmpty }
    return true
  }

  /// The debugger's next thing. It raises the link's interrupt, except for reading.
  ///
  /// - Returns: whether the link core hears of it.
  func act() -> Bool {
    defer { position += 1 }
    switch script[position] {
    case .connect:
      changes += 1
      events.append(.opened)
    case .hangUp:
      changes += 1
      events.append(.closed)
      inbox = []
    case .interrupt: events.append(.received(3))
    case .send(let payload):
      for byte in LinkMachine.packet(payload).utf8 { events.append(.received(byte)) }
    case .expect(let prefix):
      let packet = inbox.removeFirst()
      if !packet.hasPrefix(prefix) { surprise = "\(packet) instead of \(prefix)" }
      return false
    }
    return true
  }

  /// The next event, for the hypervisor.
  func nextEvent() -> PortEvent? {
    guard !events.isEmpty else { return nil }
    let event = events.removeFirst()
    if event == .opened || event == .closed { knownChanges += 1 }
    return event
  }

  func take(_ bytes: Span<UInt8>) {
    sends += 1
    // No byte for one debugger reaches the next: `Port`.
    guard changes == knownChanges else { return }
    for index in bytes.indices { take(bytes[index]) }
  }

  private func take(_ byte: UInt8) {
    if byte == UInt8(ascii: "$") { received = [] }
    received.append(byte)
    guard received.count > 3, received[received.count - 3] == UInt8(ascii: "#") else { return }
    let packet = String(decoding: received.dropFirst().dropLast(3), as: UTF8.self)
    received = []
    guard !packet.hasPrefix("O") || packet == "OK" else { return }
    if packet.hasPrefix("T05") { stopReplies += 1 }
    inbox.append(packet)
    packets.append(packet)
  }

  /// What the debugger waits for.
  var wish: String { isDone ? "nothing" : "\(script[position])" }
  var hasUnexpected: Bool { !inbox.isEmpty }
}

/// The hypervisor's end. It never fills.
struct ScriptedPort: Port {
  let link: ScriptedLink
  let takes: (PortEvent) -> Void

  mutating func send(_ bytes: Span<UInt8>) { link.take(bytes) }
  mutating func acknowledgeInterrupt() {}
  mutating func nextEvent() -> PortEvent? {
    let event = link.nextEvent()
    if let event { takes(event) }
    return event
  }
  mutating func pump() -> Bool { false }
  var hasUnsent: Bool { false }
  var sends: UInt64 { link.sends }
}
