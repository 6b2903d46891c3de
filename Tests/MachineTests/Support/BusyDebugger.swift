internal import Foundation
internal import SeededRandom

@testable internal import stepwell

/// A debugger that leaves its guest no peace until it ends: it stops it wherever it is, steps it, sets
/// and removes breakpoints and watchpoints of each kind, reads all there is to read and writes back what
/// it has read, detaches, hangs up in the middle of that, and attaches again. What it does is random, and
/// chosen by a seed; what it is told in return has to be right.
struct BusyDebugger {
  private(set) var tally = DebuggerWork()

  /// Where breakpoints may be, all of them instructions.
  private let code: [UInt64]
  /// Those of them that are executed all the time.
  private let often: [UInt64]
  /// Words of eight bytes that may be watched, read and written back.
  private let words: [UInt64]
  /// The first address of `image`, and what is there in memory: a breakpoint must not show in it.
  private let start: UInt64
  private let image: [UInt8]
  private let cpus: Int
  private var random: SplitMix64

  /// `Z` and `z` packets: kind, address, length.
  private struct Point: Hashable {
    var kind: Int
    var address: UInt64
    var length: Int
    var isBreakpoint: Bool { kind < 2 }
    var packet: String { "\(kind),\(String(address, radix: 16)),\(String(length, radix: 16))" }
  }
  /// The points in force, and how often each may stop the guest before it is removed, so that the guest
  /// comes on.
  private var points: [Point: Int] = [:]
  /// The thread that the guest stopped in, as the protocol names it.
  private var thread = "1"
  /// The last packets, for a failure to show.
  private var trace: [String] = []

  /// - Parameters:
  ///   - code: addresses of instructions.
  ///   - start: the address of the first byte of `image`.
  init(
    seed: UInt64, cpus: Int, code: [UInt64], often: [UInt64], words: [UInt64], start: UInt64,
    image: [UInt8]
  ) {
    (self.cpus, self.code, self.often, self.words) = (cpus, code, often, words)
    (self.start, self.image) = (start, image)
    random = .init(state: seed)
  }

  /// Debugs the guest until `isOver` says that it needs no debugger any more.
  mutating func work(on link: DebugEndpoint, until isOver: () -> Bool) async throws {
    while !isOver() {
      do {
        let client = try await RemoteClient(link)
        guard try await session(client) else { return }
      } catch let failure {
        // The machine may be gone, which ends the link; nothing else may.
        for _ in 0..<200 where !isOver() { try await Task.sleep(for: .milliseconds(10)) }
        guard isOver() else { throw Failure("\(failure); before: \(trace); \(tally)") }
      }
    }
  }

  // MARK: A session

  /// - Returns: false if the guest has ended.
  private mutating func session(_ client: RemoteClient) async throws -> Bool {
    points = [:]
    tally.sessions += 1
    note("(connected)")
    try await client.attach()
    for _ in 0..<Int.random(in: 3...25, using: &random) {
      switch Int.random(in: 0..<100, using: &random) {
      case 0..<20: try await setPoint(client)
      case 20..<25: try await removePoint(client)
      case 25..<30: try await look(client)
      case 30..<32: try await writeBack(client)
      case 32..<60:
        for _ in 0..<Int.random(in: 1...16, using: &random) {
          guard try await step(client) else { return false }
        }
      default: guard try await run(client) else { return false }
      }
    }
    switch Int.random(in: 0..<3, using: &random) {
    case 0: try Self.expect(await ask(client, "D"), "OK", "detach")
    case 1: break  // It stands still until somebody comes.
    default: try await tell(client, "vCont;c")
    }
    client.close()
    note("(hung up)")
    return true
  }

  private static func expect(_ answer: String, _ expected: String, _ what: String) throws {
    guard answer == expected else { throw Failure("\(what): \(answer)") }
  }

  private mutating func choose<Element>(_ from: [Element]) -> Element {
    from[Int.random(in: from.indices, using: &random)]
  }

  // MARK: Points

  private mutating func setPoint(_ client: RemoteClient) async throws {
    let point: Point
    if Bool.random(using: &random) {
      // Of the two kinds both are comparators.
      point = Point(
        kind: Int.random(in: 0...1, using: &random),
        address: choose(Bool.random(using: &random) ? code : often),
        length: 4)
    } else {
      let word = choose(words)
      let length = choose([1, 2, 4, 8, 16, 32])
      let offset = Int.random(in: 0..<8, using: &random) & -min(length, 8)
      point = Point(
        kind: Int.random(in: 2...4, using: &random), address: word + UInt64(offset), length: length)
    }
    guard points[point] == nil, points.count < 6 else { return }
    let answer = try await ask(client, "Z\(point.packet)")
    if answer == "OK" {
      points[point] = Int.random(in: 1...8, using: &random)
    } else if answer.hasPrefix("E") {
      // More than the processor has comparators for.
      tally.refusals += 1
    } else {
      throw Failure("Z\(point.packet): \(answer)")
    }
  }

  private mutating func removePoint(_ client: RemoteClient) async throws {
    // The order of a dictionary's keys is not the same at each run.
    guard
      let point = points.keys.sorted(by: { $0.packet < $1.packet }).randomElement(using: &random)
    else { return }
    try await remove(point, client)
  }

  private mutating func remove(_ point: Point, _ client: RemoteClient) async throws {
    points[point] = nil
    try Self.expect(await ask(client, "z\(point.packet)"), "OK", "z\(point.packet)")
  }

  // MARK: Looking

  private mutating func look(_ client: RemoteClient) async throws {
    let count = 64
    let place = choose(code)
    let offset = min(Int(place - start), image.count - count)
    let expected = image[offset..<offset + count].map {
      String(0x100 + Int($0), radix: 16).dropFirst()
    }
    try Self.expect(
      await ask(
        client,
        "m\(String(start + UInt64(offset), radix: 16)),\(String(count, radix: 16))"),
      expected.joined(), "the guest's code")
    // x0 to x30, SP, PC and CPSR at the least.
    guard try await ask(client, "g").count >= 33 * 16 + 8 else { throw Failure("g") }
    guard try await client.monitor("debug").contains("vCPU") else { throw Failure("monitor debug") }
  }

  /// Writes a register, a word of memory and the guest's debug registers as they were read.
  private mutating func writeBack(_ client: RemoteClient) async throws {
    try Self.expect(await ask(client, "Hg\(thread)"), "OK", "Hg")
    let number = String(Int.random(in: 0...32, using: &random), radix: 16)
    let value = try await ask(client, "p\(number)")
    try Self.expect(await ask(client, "P\(number)=\(value)"), "OK", "P")
    let word = String(choose(words), radix: 16)
    let bytes = try await ask(client, "m\(word),8")
    try Self.expect(await ask(client, "M\(word),8:\(bytes)"), "OK", "M")
    let vcpu = (Int(thread, radix: 16) ?? 1) - 1
    let record = try await client.monitor("snapshot save \(vcpu)").filter { !$0.isNewline }
    guard try await client.monitor("snapshot restore \(vcpu) \(record)").hasPrefix("Done") else {
      throw Failure("A snapshot cannot be put back: \(record)")
    }
  }

  // MARK: Running

  private mutating func step(_ client: RemoteClient) async throws -> Bool {
    // The other vCPUs stand still, or run meanwhile.
    let others = cpus > 1 && Bool.random(using: &random) ? ";c" : ""
    try await tell(client, "vCont;s:\(thread)\(others)")
    return try await take(await nextReply(client), client)
  }

  private mutating func run(_ client: RemoteClient) async throws -> Bool {
    try await tell(client, "vCont;c")
    // From at once to where some point has been met.
    let pause = choose([0, 0, 1, 3, 10, 30])
    if pause > 0, let stop = try? await client.receive(within: .milliseconds(pause)) {
      return try await take(stop, client)
    }
    note("> Ctrl-C")
    try await client.interrupt()
    return try await take(await nextReply(client), client)
  }

  /// Sees whether a stop reply can be right.
  ///
  /// - Returns: false if the guest has ended.
  private mutating func take(_ stop: String, _ client: RemoteClient) async throws -> Bool {
    note("< \(stop)")
    guard !stop.hasPrefix("W") else { return false }
    func value(_ key: String) -> Substring? {
      stop.split(separator: ";").first { $0.drop { $0 == "T" }.contains("\(key):") }
        .flatMap { $0.split(separator: ":").last }
    }
    guard stop.hasPrefix("T"), let thread = value("thread"), let reason = value("reason") else {
      throw Failure("No stop reply: \(stop)")
    }
    self.thread = String(thread)
    switch reason {
    case "signal": tally.interruptions += 1
    case "trace": tally.steps += 1
    case "breakpoint":
      tally.breakpoints += 1
      // Register 32, PC, is in the reply.
      guard let pc = stop.firstMatch(of: /(?:^T05|;)20:([0-9a-f]{16});/).map(\.1),
        let address = UInt64(pc, radix: 16)?.byteSwapped,
        let point = points.keys.first(where: { $0.isBreakpoint && $0.address == address })
      else { throw Failure("A breakpoint that was not set: \(stop)") }
      try await count(point, client)
    case "watchpoint":
      tally.watchpoints += 1
      guard let match = stop.firstMatch(of: /watch:([0-9a-f]+);/),
        let address = UInt64(match.1, radix: 16),
        let point = points.keys.first(where: {
          !$0.isBreakpoint && $0.address <= address && address < $0.address + UInt64($0.length)
        })
      else { throw Failure("A watchpoint that was not set: \(stop); \(points)") }
      try await count(point, client)
    default: throw Failure("A stop for no reason: \(stop)")
    }
    return true
  }

  private mutating func count(_ point: Point, _ client: RemoteClient) async throws {
    guard let left = points[point], left > 1 else { return try await remove(point, client) }
    points[point] = left - 1
  }

  /// The next packet. A vCPU that turns itself off while it is stepped alone does not stop; the machine is
  /// stopped then.
  private mutating func nextReply(_ client: RemoteClient) async throws -> String {
    do {
      return try await client.receive(within: .seconds(5))
    } catch {
      note("> Ctrl-C, after five seconds")
      try await client.interrupt()
      return try await client.receive()
    }
  }

  // MARK: Packets

  private mutating func note(_ line: String) {
    if trace.count == 16 { trace.removeFirst() }
    trace.append(String(line.prefix(200)))
  }

  private mutating func tell(_ client: RemoteClient, _ packet: String) async throws {
    note("> \(packet)")
    try await client.send(packet: packet)
  }

  private mutating func ask(_ client: RemoteClient, _ packet: String) async throws -> String {
    note("> \(packet)")
    let answer = try await client.request(packet)
    note("< \(answer)")
    return answer
  }
}
