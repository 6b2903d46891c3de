import Glibc
import Testing

@testable import stepwell

@Suite struct `The debug endpoint` {
  @Test(arguments: [
    ("1234", "127.0.0.1", 1234),
    (":1234", "127.0.0.1", 1234),
    ("localhost:1", "localhost", 1),
    ("0.0.0.0:65535", "0.0.0.0", 65535),
    ("[::1]:2000", "::1", 2000),
  ])
  func `is a host and a port`(text: String, host: String, port: UInt16) {
    #expect(DebugEndpoint(argument: text) == DebugEndpoint(host: host, port: port))
  }

  @Test(arguments: ["", ":", "host", "host:", "1.2.3.4:0", "65536", "a:-1", "a,b:1", "[::1:1"])
  func `is refused when it is not`(text: String) {
    #expect(DebugEndpoint(argument: text) == nil)
  }

  @Test(arguments: ["127.0.0.1:1234", "[::1]:1234", "host:1"])
  func `prints as GDB takes it`(text: String) {
    #expect(DebugEndpoint(argument: text)?.description == text)
  }

  @Test func `is refused while another program listens there`() throws {
    let endpoint = try DebugEndpoint.unused()
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = endpoint.port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    // bind is told the size of the structure it reads.
    let bound = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(bound == 0 && listen(descriptor, 1) == 0)

    let failure = #expect(throws: Failure.self) { try endpoint.checkFree() }
    #expect(
      failure?.description
        == "127.0.0.1:\(endpoint.port) is already in use; choose another address or port with --gdb."
    )
  }
}
