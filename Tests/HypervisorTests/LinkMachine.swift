import RemoteProtocol

@testable import Hypervisor

/// The driver of the debug link on the model of its device, with a server that answers each packet
/// with what was in it, and the debuggers.
final class LinkMachine {
  let model: LinkModel
  private var console: VirtioConsole<LinkModel>
  /// What has happened, bytes as text.
  private(set) var log: [String] = []
  private(set) var isOpen = false
  private var packet: [UInt8]?
  private var checksumDigits = 0
  private var count = 0

  init(isLegacy: Bool = false) {
    model = LinkModel(isLegacy: isLegacy)
    console = VirtioConsole(model, memory: LinkModel.base)
  }

  func start() -> Bool { console.start() }

  /// A machine whose link is ready.
  static func started(isLegacy: Bool = false) -> LinkMachine {
    let machine = LinkMachine(isLegacy: isLegacy)
    _ = machine.start()
    machine.serve()
    return machine
  }

  // MARK: The debuggers

  /// A debugger connects and sends `text`.
  @discardableResult
  func connect(_ text: String = "", appetite: Int = .max) -> LinkModel.Connection {
    count += 1
    let connection = LinkModel.Connection(id: count)
    connection.unread = Array(text.utf8)
    connection.appetite = appetite
    return model.call(connection)
  }

  /// A packet, framed.
  static func packet(_ payload: String) -> String {
    let sum = payload.utf8.reduce(0) { $0 &+ $1 }
    return "$\(payload)#" + String(0x100 + Int(sum), radix: 16).dropFirst()
  }

  /// The payload of an answer as it arrives, its acknowledgment before it.
  static func answer(_ payload: String) -> String { "+" + packet("(\(payload))") }

  // MARK: The hypervisor

  /// As `DebugServer.serve()` does.
  func serve() {
    console.acknowledgeInterrupt()
    var progress: Bool
    repeat {
      progress = takeEvents()
      progress = console.pump() || progress
    } while progress
  }

  /// Takes what has happened, and hands nothing to the device.
  @discardableResult
  func takeEvents() -> Bool {
    var progress = false
    while let event = console.nextEvent() {
      progress = true
      switch event {
      case .opened:
        log.append("opened")
        isOpen = true
        packet = nil
        checksumDigits = 0
      case .closed:
        log.append("closed")
        isOpen = false
      case .failed: log.append("failed")
      case .received(let byte): take(byte)
      }
    }
    return progress
  }

  func pump() -> Bool { console.pump() }

  var room: Int { console.room }
  var hasUnsent: Bool { console.hasUnsent }

  func send(_ text: String) { console.send(Array(text.utf8).span) }

  /// Serves and lets the device work until nothing happens any more.
  func settle() {
    for _ in 0..<20 {
      model.poll()
      serve()
    }
  }

  private func take(_ byte: UInt8) {
    if byte == UInt8(ascii: "$") {
      packet = []
      checksumDigits = 0
    } else if checksumDigits > 0 {
      checksumDigits -= 1
      guard checksumDigits == 0, let payload = packet else { return }
      packet = nil
      let text = String(decoding: payload, as: UTF8.self)
      log.append(text)
      send("+")
      send(Self.packet("(\(text))"))
    } else if byte == UInt8(ascii: "#"), packet != nil {
      checksumDigits = 2
    } else {
      packet?.append(byte)
    }
  }
}

extension LinkModel.Connection {
  var text: String { String(decoding: received, as: UTF8.self) }
}
