internal import Testing

@testable internal import stepwell

/// A few instructions in place of a guest, at EL1 with the MMU off and everything masked: the debugger writes
/// them over the first ones of a kernel that is held.
enum BareCode {
  /// Runs `body` with a debugger that stands before the first of `code`, at the address that it is given.
  static func run(
    board: Machine.Board = .plain, cpu: String = "cortex-a72", _ code: [UInt32],
    _ body: (RemoteClient, UInt64) async throws -> Void
  ) async throws {
    let machine = try await LinuxGuest.machine(board: board, cpu: cpu, holdsGuest: true)
    try await machine.boot { _ in
      let client = try await RemoteClient(machine.debugger)
      try await client.attach()
      let start = try await client.readRegister(32)
      try await client.write(code, at: start)
      try await body(client, start)
    }
  }
}

extension RemoteClient {
  /// Writes instructions.
  func write(_ code: [UInt32], at address: UInt64) async throws {
    let digits = code.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }
    .map { String(0x100 + Int($0), radix: 16).dropFirst() }.joined()
    let answer = try await request(
      "M\(String(address, radix: 16)),\(String(code.count * 4, radix: 16)):\(digits)")
    #expect(answer == "OK")
  }

  /// Lets the guest, which stands still, run to `place`.
  func run(to place: UInt64) async throws {
    let point = "1,\(String(place, radix: 16)),4"
    for (packet, expected) in [("Z\(point)", "OK"), ("vCont;c", "T05"), ("z\(point)", "OK")] {
      let answer = try await request(packet)
      guard answer.hasPrefix(expected) else { throw Failure("\(packet): \(answer)") }
    }
    let pc = try await readRegister(32)
    guard pc == place else { throw Failure("The guest stands at \(pc), not at \(place).") }
  }
}
