internal import Foundation
internal import SeededRandom

@testable internal import DebugModel
@testable internal import stepwell

/// A debugger that is at it all the time: it stops the guest, steps, sets and removes breakpoints and
/// watchpoints wherever it finds the guest at work, reads registers and memory, detaches and comes back,
/// and now and then dies. What it does comes from a seed, but for where it happens to stop the guest.
struct RovingDebugger {
  /// A breakpoint or watchpoint that it holds.
  private struct Point {
    /// `Z1` to `Z4` without the Z.
    var packet: String
    /// How often it may hit, so that the guest gets on.
    var hitsLeft: Int
  }

  let endpoint: DebugEndpoint
  private var random: SplitMix64
  /// Where the guest may be stopped: what the caller knows, and where it was found.
  private var code: [UInt64]
  private var data: [UInt64]
  private var points: [Point] = []
  private var threads = 1
  /// How long the guest runs undisturbed, at most.
  private let patience: Range<Int>
  private let mostPoints = 2
  private(set) var work = DebuggerWork()

  /// - Parameters:
  ///   - seed: of all decisions.
  ///   - code: addresses of instructions that are worth a breakpoint.
  ///   - data: addresses that are worth a watchpoint.
  ///   - patience: milliseconds for which the guest runs undisturbed.
  init(
    _ endpoint: DebugEndpoint, seed: UInt64, code: [UInt64] = [], data: [UInt64] = [],
    patience: Range<Int> = 1..<20
  ) {
    self.endpoint = endpoint
    self.random = SplitMix64(state: seed)
    self.code = code
    self.data = data
    self.patience = patience
  }

  /// Debugs until the task is cancelled or the machine ends.
  ///
  /// - Returns: what it did.
  /// - Throws: `Failure` if an answer is not what the protocol allows.
  mutating func run() async throws -> DebuggerWork {
    do {
      while !Task.isCancelled { try await converse() }
    } catch let failure as Failure where failure.description.contains("hung up") {
      // The machine has ended, or ends.
    } catch {
      if !Task.isCancelled { throw error }
    }
    return work
  }

  // MARK: A conversation

  private mutating func converse() async throws {
    let client = try await RemoteClient(endpoint)
    points = []
    // What was on its way to a debugger that died can arrive at the next one, which came too soon after.
    try await client.send(packet: "qSupported:swbreak+;hwbreak+")
    while try await !client.receive().contains("PacketSize=") {}
    try await client.attach()
    work.sessions += 1
    let list = try await client.request("qfThreadInfo")
    threads = max(1, list.split(separator: ",").count)

    for _ in 0..<10 + below(30) {
      if Task.isCancelled { break }
      try await actWhileStopped(client)
      try await client.send(packet: below(4) == 0 ? "c" : "vCont;c")
      // It dies while the guest runs.
      if below(120) == 0 { return client.close() }
      let stop = try await nextStop(client)
      try await take(stop, client)
    }
    // It dies while the guest stands still: the next conversation makes it go on.
    if below(4) == 0 && !Task.isCancelled { return client.close() }
    let answer = try await client.request("D")
    guard answer == "OK" else { throw Failure("The debugger cannot detach: \(answer)") }
    client.close()
    try? await Task.sleep(for: .milliseconds(below(20)))
  }

  /// Waits a little for an event; then interrupts the guest.
  private mutating func nextStop(_ client: RemoteClient) async throws -> String {
    let wait = patience.lowerBound + below(patience.count)
    if let stop = try? await receiveStop(client, within: .milliseconds(wait)) { return stop }
    try await client.interrupt()
    return try await receiveStop(client)
  }

  /// Waits for a stop reply. What the target says before it (`O` packets) is about points of this
  /// debugger's that were not in force for a while: the guest had the comparators.
  private mutating func receiveStop(
    _ client: RemoteClient, within limit: Duration = .seconds(30)
  ) async throws -> String {
    while true {
      let answer = try await client.receive(within: limit)
      guard answer.hasPrefix("O") else { return answer }
      work.notices += 1
    }
  }

  /// Counts a stop, and withdraws a point that has hit often enough.
  private mutating func take(_ stop: String, _ client: RemoteClient) async throws {
    if stop.hasPrefix("W") { throw Failure("The debug link hung up.") }
    guard stop.hasPrefix("T") else { throw Failure("The guest stopped with \(stop).") }
    let number = try await client.readRegister(32)
    if stop.hasPrefix("T02") {
      work.interruptions += 1
    } else if stop.contains("hwbreak:") || stop.contains("swbreak:") {
      work.breakpoints += 1
      try await countHit(client) { $0.hasPrefix("1,\(String(number, radix: 16)),") }
    } else if stop.contains("watch:") {
      work.watchpoints += 1
      try await countHit(client) { !$0.hasPrefix("1,") }
    } else {
      work.steps += 1
    }
    collect(code: number)
    // Where it came from, and what it works on.
    let pointers = [19, 20, 0, 1, 29, 31][below(6)]
    collect(data: try await client.readRegister(pointers))
    if below(4) == 0 { collect(code: try await client.readRegister(30)) }
  }

  private mutating func countHit(
    _ client: RemoteClient, _ isHit: (String) -> Bool
  ) async throws {
    for index in points.indices.reversed() where isHit(points[index].packet) {
      points[index].hitsLeft -= 1
      if points[index].hitsLeft <= 0 { try await remove(index, client) }
    }
  }

  private mutating func collect(code address: UInt64) {
    guard address & 3 == 0, address != 0 else { return }
    if code.count < 64 { code.append(address) } else { code[below(64)] = address }
  }

  private mutating func collect(data address: UInt64) {
    // Memory of the kernel's, or of a program's; no device is mapped there.
    guard address >> 48 == 0xffff || (0x10000..<0x1_0000_0000_0000).contains(address) else {
      return
    }
    if data.count < 64 { data.append(address) } else { data[below(64)] = address }
  }

  // MARK: While the guest stands still

  private mutating func actWhileStopped(_ client: RemoteClient) async throws {
    for _ in 0..<below(4) {
      switch below(16) {
      case 0..<4: try await setBreakpoint(client)
      case 4..<7: try await setWatchpoint(client)
      case 7..<9: if !points.isEmpty { try await remove(below(points.count), client) }
      case 9..<11: try await step(client, 1 + below(6))
      case 11..<13:
        try await client.request("Hg\(thread())")
        try await client.request("g")
      case 13:
        if let address = data.randomElement(using: &random) {
          try await client.request("m\(String(address, radix: 16)),40")
        }
      case 14: _ = try await client.monitor("debug")
      default: _ = try await client.monitor("exits")
      }
    }
  }

  private mutating func setBreakpoint(_ client: RemoteClient) async throws {
    guard let address = code.randomElement(using: &random) else { return }
    try await set("1,\(String(address, radix: 16)),4", client)
  }

  private mutating func setWatchpoint(_ client: RemoteClient) async throws {
    guard let base = data.randomElement(using: &random) else { return }
    let length = [1, 2, 4, 8, 8, 3, 6, 16, 64][below(9)]
    let address = base &+ UInt64(below(8)) * 8
    let place = length == 8 || length > 8 ? address & ~UInt64(length - 1) : address
    try await set(
      "\(2 + below(3)),\(String(place, radix: 16)),\(String(length, radix: 16))", client)
  }

  private mutating func set(_ packet: String, _ client: RemoteClient) async throws {
    let isBreakpoint = packet.hasPrefix("1,")
    let alike = points.filter { $0.packet.hasPrefix("1,") == isBreakpoint }
    guard alike.count < mostPoints, !alike.contains(where: { $0.packet == packet }) else { return }
    let answer = try await client.request("Z\(packet)")
    if answer == "OK" {
      points.append(Point(packet: packet, hitsLeft: 1 + below(6)))
    } else {
      guard answer.hasPrefix("E") else { throw Failure("Z\(packet): \(answer)") }
      work.refusals += 1
    }
  }

  private mutating func remove(_ index: Int, _ client: RemoteClient) async throws {
    let point = points.remove(at: index)
    let answer = try await client.request("z\(point.packet)")
    guard answer == "OK" else { throw Failure("z\(point.packet): \(answer)") }
  }

  /// Steps a vCPU, while the others stand still or run on.
  private mutating func step(_ client: RemoteClient, _ count: Int) async throws {
    let stepped = thread()
    let others = below(3) == 0 ? ";c" : ""
    for _ in 0..<count where !Task.isCancelled {
      try await client.send(packet: "vCont;s:\(stepped)\(others)")
      try await take(try await receiveStop(client), client)
    }
  }

  private mutating func thread() -> String { String(1 + below(threads), radix: 16) }

  private mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }
}
