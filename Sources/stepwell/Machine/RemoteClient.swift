internal import Foundation
internal import Glibc

/// A client of the GDB remote serial protocol that sends any packet, also those that GDB never sends.
final class RemoteClient {
  private var descriptor: Int32
  private var received: [UInt8] = []
  /// The text that the target has written for the user, outside of `monitor`.
  private(set) var console = ""
  /// Whether packets are acknowledged, which they are until QStartNoAckMode.
  private var acknowledges = true

  /// Connects to `endpoint` (an IPv4 address), and waits until somebody listens there.
  init(_ endpoint: DebugEndpoint, within limit: Duration = .seconds(20)) async throws {
    let deadline = ContinuousClock.now + limit
    while true {
      descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = endpoint.port.bigEndian
      // The string is a C string for the call.
      address.sin_addr.s_addr = unsafe inet_addr(endpoint.host)
      // A sockaddr_in is what connect expects for AF_INET, and it is told its size.
      let result = unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      if result == 0 { break }
      Glibc.close(descriptor)
      descriptor = -1
      guard ContinuousClock.now < deadline else {
        throw Failure("Nobody listens at \(endpoint.description).")
      }
      try await Task.sleep(for: .milliseconds(20))
    }
    // Bytes are sent without waiting for more. The option's value is an Int32, and setsockopt is told
    // its size.
    var yes: Int32 = 1
    unsafe setsockopt(
      descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
  }

  deinit { close() }

  /// Hangs up, in the middle of anything.
  func close() {
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }

  // MARK: Sending

  /// Sends bytes as they are, and waits while a peer that does not read cannot take them.
  func send(_ bytes: some Sequence<UInt8>, within limit: Duration = .seconds(20)) async throws {
    var rest = Array(bytes)[...]
    let deadline = ContinuousClock.now + limit
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        // The buffer is valid during the call.
        unsafe Glibc.send(
          descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
      }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN, ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(1))
      } else {
        throw Failure("The debug link does not take \(rest.count) bytes.")
      }
    }
  }

  /// Sends a packet, framed and with its checksum.
  func send(packet: String) async throws {
    let checksum = packet.utf8.reduce(0) { $0 &+ $1 }
    let digits = String(checksum, radix: 16)
    try await send("$\(packet)#\(checksum < 16 ? "0" : "")\(digits)".utf8)
  }

  /// Asks a running target to stop, as Ctrl-C does.
  func interrupt() async throws { try await send([0x03]) }

  // MARK: Receiving

  /// Waits for the next packet that is not console output.
  ///
  /// - Returns: the payload. It may have any bytes; each is one scalar.
  func receive(within limit: Duration = .seconds(20)) async throws -> String {
    let deadline = ContinuousClock.now + limit
    while true {
      if let payload = try takePacket() {
        if acknowledges { try await send("+".utf8) }
        // "OK" is an answer; console output has "O" and an even number of digits.
        guard payload.hasPrefix("O"), payload != "OK" else { return payload }
        console += Self.text(hex: payload.dropFirst())
        continue
      }
      if try !readMore() {
        guard ContinuousClock.now < deadline else {
          throw Failure("\(limit) went by without a packet from the debug link.")
        }
        try await Task.sleep(for: .milliseconds(1))
      }
    }
  }

  /// Sends a packet and waits for the answer.
  @discardableResult
  func request(_ packet: String, within limit: Duration = .seconds(20)) async throws -> String {
    try await send(packet: packet)
    let answer = try await receive(within: limit)
    if packet == "QStartNoAckMode" && answer == "OK" { acknowledges = false }
    return answer
  }

  /// Begins a conversation as GDB does. The machine then stands still.
  func attach() async throws {
    try await request("qSupported:swbreak+;hwbreak+")
    try await request("QStartNoAckMode")
    try await request("?")
  }

  /// Reads `count` bytes of memory as a little-endian number.
  func readNumber(at address: UInt64, count: Int = 8) async throws -> UInt64 {
    let answer = try await request("m\(String(address, radix: 16)),\(String(count, radix: 16))")
    return try Self.number(littleEndian: answer)
  }

  /// Reads `count` bytes of memory, by packets of the size that every target takes.
  func readMemory(at address: UInt64, count: Int) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      let place = address + UInt64(bytes.count)
      let size = min(count - bytes.count, 0x400)
      let answer = Array(
        try await request("m\(String(place, radix: 16)),\(String(size, radix: 16))").utf8)
      let piece = stride(from: 0, to: answer.count, by: 2).compactMap {
        UInt8(String(decoding: answer[$0..<min($0 + 2, answer.count)], as: UTF8.self), radix: 16)
      }
      guard answer.count == 2 * size, piece.count == size else {
        throw Failure(
          "A read of \(size) bytes at 0x\(String(place, radix: 16)) is answered "
            + "\(String(decoding: answer, as: UTF8.self)).")
      }
      bytes += piece
    }
    return bytes
  }

  /// Reads a register of 64 bits: x0 to x30 are 0 to 30, SP 31, PC 32.
  func readRegister(_ number: Int) async throws -> UInt64 {
    try Self.number(littleEndian: try await request("p\(String(number, radix: 16))"))
  }

  /// Writes a register of 64 bits.
  func writeRegister(_ number: Int, _ value: UInt64) async throws {
    let digits = String(value.byteSwapped, radix: 16)
    let padding = String(repeating: "0", count: 16 - digits.count)
    let answer = try await request("P\(String(number, radix: 16))=\(padding)\(digits)")
    guard answer == "OK" else { throw Failure("Register \(number): \(answer)") }
  }

  private static func number(littleEndian digits: String) throws -> UInt64 {
    guard digits.count.isMultiple(of: 2), let value = UInt64(digits, radix: 16) else {
      throw Failure("The debug link answered \"\(digits)\" where a number was asked for.")
    }
    return value.byteSwapped >> UInt64(64 - 4 * digits.count)
  }

  /// Runs a `monitor` command and returns its output.
  func monitor(_ command: String) async throws -> String {
    let digits = command.utf8.map { String(0x100 + Int($0), radix: 16).dropFirst() }.joined()
    let earlier = console
    console = ""
    defer { console = earlier }
    // "OK" ends it, and so does an error.
    try await request("qRcmd,\(digits)")
    return console
  }

  /// Text from the protocol's hexadecimal digits.
  static func text(hex digits: some StringProtocol) -> String {
    let digits = Array(digits.utf8)
    let bytes = stride(from: 0, to: digits.count & ~1, by: 2).map {
      UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16) ?? 0x3f
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Removes the first whole packet from the received bytes.
  private func takePacket() throws -> String? {
    guard let start = received.firstIndex(of: UInt8(ascii: "$")),
      let end = received[start...].firstIndex(of: UInt8(ascii: "#")), received.count > end + 2
    else { return nil }
    let payload = received[start + 1..<end]
    let sum = UInt8(String(decoding: received[end + 1...end + 2], as: UTF8.self), radix: 16)
    received.removeFirst(end + 3)
    guard sum == payload.reduce(0, { $0 &+ $1 }) else {
      throw Failure("The debug link sent a packet with a wrong checksum.")
    }
    return payload.reduce(into: "") { $0.unicodeScalars.append(Unicode.Scalar($1)) }
  }

  /// Reads the bytes that have arrived.
  ///
  /// - Returns: false if there are none yet.
  private func readMore() throws -> Bool {
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = unsafe buffer.withUnsafeMutableBytes {
      // The buffer is valid during the call, which is told its size.
      unsafe recv(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT))
    }
    if count > 0 {
      received += buffer[..<count]
      return true
    }
    if count < 0 && errno == EAGAIN { return false }
    throw Failure("The debug link hung up.")
  }
}
