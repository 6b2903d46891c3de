internal import DeviceTree

/// A debugger whose every byte is given, on the benchmark's payload in its endless loop. It asks EL2 what
/// its packets cost: from the first byte of a packet taken to the last byte of the answer queued.
struct BenchDebugger {
  let endpoint: DebugEndpoint
  /// The payload's `debugger_place`: reached once a round.
  let place: UInt64
  /// The payload's `debugger_word`: written once a round.
  let word: UInt64

  /// The cost of an operation.
  struct Count {
    var name: String
    var rounds: Int
    var ticks: Int
  }

  /// The results of a run.
  struct Findings {
    var counts: [Count]
    /// Bytes of RAM in the device tree that the guest got.
    var guestMemory: Int
  }

  private static let rounds = 100
  private static let attachRounds = 32

  /// - Throws: `Failure` if an answer is not the expected one.
  func run() async throws -> Findings {
    let before = try await visit()
    // The bytes of so many packets arrive in other pieces at each attach.
    for _ in 1..<Self.attachRounds { try await attach(RemoteClient(endpoint)) }
    let client = try await RemoteClient(endpoint)
    try await attach(client)
    let after = try await Self.ticks(client)
    var counts = [
      Count(
        name: "attach", rounds: Self.attachRounds,
        ticks: after - before.ticks - before.ofAsking)
    ]

    func count(_ name: String, _ operation: () async throws -> Void) async throws {
      let asked = try await Self.ticks(client)
      let start = try await Self.ticks(client)
      for _ in 0..<Self.rounds { try await operation() }
      let ticks = try await Self.ticks(client) - start - (start - asked)
      counts.append(Count(name: name, rounds: Self.rounds, ticks: ticks))
    }
    try await count("read") {
      // Two packets, each of the largest size that there is.
      for half in [place & ~4095, place & ~4095 + 2048] {
        let answer = try await client.request("m\(hex(half)),800")
        guard answer.count == 4096 else { throw Failure("A read is answered \(answer).") }
      }
    }
    let breakpoint = "1,\(hex(place)),4"
    try await client.expect("OK", for: "Z\(breakpoint)")
    try await client.expectStop("hwbreak:", for: "vCont;c")
    try await count("false_breakpoint") {
      try await client.request("p0")
      try await client.expect("OK", for: "z\(breakpoint)")
      try await client.expectStop("reason:trace", for: "vCont;s:1")
      try await client.expect("OK", for: "Z\(breakpoint)")
      try await client.expectStop("hwbreak:", for: "vCont;c")
    }
    try await client.expect("OK", for: "z\(breakpoint)")
    let watchpoint = "2,\(hex(word)),8"
    try await client.expect("OK", for: "Z\(watchpoint)")
    try await client.expectStop("watch:", for: "vCont;c")
    try await count("false_watchpoint") {
      try await client.expect("OK", for: "z\(watchpoint)")
      try await client.expectStop("reason:trace", for: "vCont;s:1")
      try await client.request("m\(hex(word)),8")
      try await client.expect("OK", for: "Z\(watchpoint)")
      try await client.expectStop("watch:", for: "vCont;c")
    }
    try await client.expect("OK", for: "z\(watchpoint)")
    try await count("step") { try await client.expectStop("reason:trace", for: "vCont;s:1") }
    return Findings(counts: counts, guestMemory: before.guestMemory)
  }

  /// Lets the machine, which is held, run; it runs on when this debugger has gone.
  ///
  /// - Returns: what all packets have cost until then, what asking for that costs, and the memory in the
  ///   guest's device tree.
  private func visit() async throws -> (ticks: Int, ofAsking: Int, guestMemory: Int) {
    let client = try await RemoteClient(endpoint)
    try await client.attach()
    // Before its first instruction the guest has the address of the tree in x0.
    let tree = try await client.readRegister(0)
    let guestMemory = try await Self.memory(inTreeAt: tree, client)
    try await client.expect("OK", for: "Z1,\(hex(place)),4")
    try await client.expectStop("hwbreak:", for: "vCont;c")
    let first = try await Self.ticks(client)
    let second = try await Self.ticks(client)
    try await client.send(packet: "vCont;c")
    return (second, second - first, guestMemory)
  }

  /// How many bytes of RAM the device tree at an address has.
  private static func memory(inTreeAt address: UInt64, _ client: RemoteClient) async throws -> Int {
    // totalsize, big-endian, is behind the magic number.
    let size = UInt32(truncatingIfNeeded: try await client.readNumber(at: address + 4, count: 4))
      .byteSwapped
    guard size <= DeviceTree.maximumSize else {
      throw Failure("The guest's device tree claims \(size) bytes, which is impossible.")
    }
    return try memory(in: try await client.readMemory(at: address, count: Int(size)))
  }

  /// How many bytes of RAM a device tree has.
  ///
  /// - Throws: `Failure` if the bytes are no device tree, or the tree has no RAM.
  static func memory(in bytes: [UInt8]) throws -> Int {
    do {
      // The buffer stays in place for the closure, and nothing read from the tree leaves it.
      let size = try unsafe bytes.withUnsafeBytes { buffer in
        let tree = try unsafe DeviceTree(validating: buffer)
        var total: UInt64 = 0
        var nodes = tree.memoryNodes
        while let node = nodes.next() {
          var regions = try node.regions()
          while let region = regions.next() { total += region.size }
        }
        return total
      }
      guard size > 0 else { throw Failure("The guest's device tree has no memory.") }
      return Int(size)
    } catch let error as DeviceTreeError {
      throw Failure("The guest's device tree cannot be read: \(error).")
    }
  }

  /// Sends the packets that GDB 13 sends when it attaches.
  private func attach(_ client: RemoteClient) async throws {
    try await client.request(
      "qSupported:multiprocess+;swbreak+;hwbreak+;qRelocInsn+;fork-events+;vfork-events+;"
        + "exec-events+;vContSupported+;QThreadEvents+;no-resumed+;memory-tagging+;"
        + "xmlRegisters=i386")
    for packet in ["vMustReplyEmpty", "QStartNoAckMode", "Hg0"] {
      try await client.request(packet)
    }
    var description = 0
    while true {
      let piece = try await client.request(
        "qXfer:features:read:target.xml:\(String(description, radix: 16)),ffb")
      description += piece.utf8.count - 1
      if piece.hasPrefix("l") { break }
      guard piece.hasPrefix("m") else { throw Failure("The description is answered \(piece).") }
    }
    for packet in [
      "qTStatus", "?", "qXfer:threads:read::0,ffb", "qAttached", "Hc-1", "qOffsets", "g",
      "m\(hex(place)),4", "qSymbol::",
    ] {
      try await client.request(packet)
    }
  }

  /// The cost of all packets before this one.
  private static func ticks(_ client: RemoteClient) async throws -> Int {
    let text = try await client.monitor("exits")
    guard
      let ticks = text.split(separator: "\n").last(where: { $0.hasPrefix("ticks from packets") })?
        .split(separator: " ").last.flatMap({ Int($0) })
    else { throw Failure("`monitor exits` does not say what packets cost.") }
    return ticks
  }

  private func hex(_ number: UInt64) -> String { String(number, radix: 16) }
}

extension RemoteClient {
  /// - Throws: `Failure` if the answer is not `answer`.
  func expect(_ answer: String, for packet: String) async throws {
    let given = try await request(packet)
    guard given == answer else { throw Failure("\(packet) is answered \(given).") }
  }

  /// - Throws: `Failure` if the machine does not stop with `reason` in its stop reply.
  func expectStop(_ reason: String, for packet: String) async throws {
    let given = try await request(packet)
    guard given.hasPrefix("T05"), given.contains(reason) else {
      throw Failure("\(packet) is answered \(given).")
    }
  }
}
