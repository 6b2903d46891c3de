internal import ArgumentParser
internal import Foundation
internal import Glibc

/// The TCP address of the host where GDB finds the machine.
struct DebugEndpoint: Equatable, ExpressibleByArgument {
  var host: String
  var port: UInt16

  static let standard = DebugEndpoint(host: "127.0.0.1", port: 1234)

  init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// HOST:PORT, :PORT or PORT; an IPv6 address stands in brackets.
  init?(argument: String) {
    let colon = argument.lastIndex(of: ":")
    let digits = colon.map { argument[argument.index(after: $0)...] } ?? argument[...]
    guard let port = UInt16(digits), port > 0 else { return nil }
    var host = colon.map { String(argument[..<$0]) } ?? ""
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    // A comma would end the host within QEMU's option.
    guard !host.contains(","), !host.contains("[") else { return nil }
    self.init(host: host.isEmpty ? Self.standard.host : host, port: port)
  }

  var defaultValueDescription: String { description }

  /// As GDB's `target remote` takes it.
  var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// A port of the host that nobody uses now.
  static func unused() throws -> DebugEndpoint {
    DebugEndpoint(
      host: standard.host, port: try DebugEndpoint(host: standard.host, port: 0).bind())
  }

  /// - Throws: `Failure` if QEMU could not listen there.
  func checkFree() throws {
    _ = try bind()
  }

  /// Binds a socket to the address for a moment.
  ///
  /// - Returns: the port, which the system chooses if it is 0.
  private func bind() throws -> UInt16 {
    // getaddrinfo gives a list, which is freed below and not used after that.
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    guard unsafe getaddrinfo(host, "\(port)", &hints, &found) == 0, let found = unsafe found else {
      throw Failure(
        "\(host) is no address of this machine; give --gdb one that is, such as 127.0.0.1:\(port).")
    }
    defer { unsafe freeaddrinfo(found) }
    let family = unsafe found.pointee.ai_family
    let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    // QEMU does the same: a connection that ended a moment ago does not keep the port.
    var yes: Int32 = 1
    unsafe setsockopt(
      descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    guard unsafe Glibc.bind(descriptor, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0,
      listen(descriptor, 1) == 0
    else {
      let reason =
        errno == EADDRINUSE ? "already in use" : "no address that this machine can listen on"
      throw Failure("\(description) is \(reason); choose another address or port with --gdb.")
    }
    guard port == 0 else { return port }

    var address = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    // The socket is IPv4 (`unused` alone asks for port 0), and getsockname is told the size.
    let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe getsockname(descriptor, $0, &size)
      }
    }
    guard result == 0 else { throw Failure("This machine has no free TCP port.") }
    return UInt16(bigEndian: address.sin_port)
  }
}
