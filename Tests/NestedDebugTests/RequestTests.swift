import ArmDebug
import NestedDebug
import SeededRandom
import Testing

@testable import DebugModel

@Suite("Requests")
struct RequestTests {
  private static func breakpoint(_ address: UInt64, label: UInt8 = 0) -> DebugRequest {
    DebugRequest(.breakpoint, at: address, length: 4, label: label)
  }

  private static func watchpoint(
    _ address: UInt64, _ length: UInt64 = 8, _ kind: AccessKind = .store
  ) -> DebugRequest {
    DebugRequest(.watchpoint(kind), at: address, length: length)
  }

  @Test("asking twice is asking once, and taking back is complete")
  func idempotent() throws {
    var requests = DebugRequests()
    #expect(requests.isEmpty == true)
    let first = try requests.insert(Self.breakpoint(0x1000))
    let second = try requests.insert(Self.watchpoint(0x4000, 4))
    let generation = requests.generation
    let again = try [
      requests.insert(Self.breakpoint(0x1000)), requests.insert(Self.watchpoint(0x4000, 4)),
    ]
    #expect(again == [first, second])
    requests.remove(Self.breakpoint(0x2000))
    requests.remove(Self.watchpoint(0x4000, 4, .load))
    requests.remove(Self.watchpoint(0x4000, 0))
    #expect(requests.generation == generation)
    requests.remove(Self.breakpoint(0x1000))
    requests.remove(Self.watchpoint(0x4000, 4))
    #expect(requests.isEmpty == true)
    #expect(requests.generation != generation)
    requests.remove(Self.breakpoint(0x1000))
    #expect(requests.isEmpty == true)
  }

  @Test("a name names its request while it is asked for, and again when it is asked for again")
  func names() throws {
    var requests = DebugRequests(capacity: 3)
    let id = try requests.insert(Self.breakpoint(0x1000))
    #expect(requests[id] == Self.breakpoint(0x1000))
    #expect(requests.id(of: Self.breakpoint(0x1000)) == id)
    requests.remove(Self.breakpoint(0x1000))
    #expect(requests[id] == nil)
    #expect(requests.id(of: Self.breakpoint(0x1000)) == nil)
    // As a debugger does with its points at each stop.
    #expect(try requests.insert(Self.breakpoint(0x1000)) == id)
    #expect(requests[id] == Self.breakpoint(0x1000))

    // The room goes to others only when there is no other, and the name to nobody.
    requests.remove(Self.breakpoint(0x1000))
    let others = try [
      requests.insert(Self.breakpoint(0x2000)), requests.insert(Self.breakpoint(0x3000)),
    ]
    #expect(try requests.insert(Self.breakpoint(0x1000)) == id)
    requests.remove(Self.breakpoint(0x1000))
    let last = try requests.insert(Self.breakpoint(0x4000))
    #expect(last.number == id.number && last != id)
    #expect(requests[id] == nil)
    #expect(others.allSatisfy { requests[$0] != nil })
    requests.remove(Self.breakpoint(0x4000))
    #expect(try requests.insert(Self.breakpoint(0x1000)) != id)
  }

  @Test("a name does not outlive a debugger that goes away")
  func goodbye() throws {
    var requests = DebugRequests()
    let id = try requests.insert(Self.breakpoint(0x1000))
    let removed = try requests.insert(Self.watchpoint(0x4000))
    requests.remove(Self.watchpoint(0x4000))
    requests.removeAll()
    #expect(requests.isEmpty == true)
    _ = try requests.insert(Self.breakpoint(0x1000))
    _ = try requests.insert(Self.watchpoint(0x4000))
    #expect(requests[id] == nil && requests[removed] == nil)
  }

  @Test("there is room for as many as the memory holds", arguments: [0, 1, 2, 7, 1000])
  func capacity(_ capacity: Int) throws {
    var requests = DebugRequests(capacity: capacity)
    for n in 0..<UInt64(capacity) {
      let request = n % 2 == 0 ? Self.breakpoint(n * 4) : Self.watchpoint(n * 8)
      #expect(try requests.insert(request).number == UInt32(n))
    }
    for request in [Self.breakpoint(0x10_0000), Self.watchpoint(0x10_0000)] {
      do throws(RequestError) {
        try requests.insert(request)
        Issue.record("\(request) was accepted")
      } catch {
        #expect(error == .full)
      }
    }
    #expect(requests.breakpointCount == (capacity + 1) / 2)
    #expect(requests.watchpointCount == capacity / 2)
    // They are all still there, in the order in which they were asked for.
    var count: UInt64 = 0
    var next = requests.firstBreakpoint
    while let id = next {
      #expect(requests[id] == Self.breakpoint(count * 8))
      count += 1
      next = requests.next(after: id)
    }
    #expect(count == UInt64((capacity + 1) / 2))
    requests.removeAll()
    #expect(requests.isEmpty == true)
    #expect(requests.firstBreakpoint == nil && requests.firstWatchpoint == nil)
  }

  /// The same operations on the table and on an array, which cannot be wrong.
  @Test("any order of insertions and removals leaves what was asked for", arguments: UInt64(1)...20)
  func anyOrder(seed: UInt64) throws {
    var random = SplitMix64(state: seed)
    let capacity = Int.random(in: 1...24, using: &random)
    var requests = DebugRequests(capacity: capacity)
    var expected: [(request: DebugRequest, id: RequestID)] = []
    var names: [RequestID: DebugRequest] = [:]
    for _ in 0..<2000 {
      let address = UInt64.random(in: 0..<12, using: &random) * 8
      let request =
        Bool.random(using: &random)
        ? Self.breakpoint(address, label: .random(in: 0...1, using: &random))
        : Self.watchpoint(address, 8, Bool.random(using: &random) ? .load : .store)
      switch Int.random(in: 0..<100, using: &random) {
      case 0:
        requests.removeAll()
        expected = []
      case 1..<50:
        requests.remove(request)
        expected.removeAll { $0.request == request }
      default:
        let isKnown = expected.contains { $0.request == request }
        guard let id = try? requests.insert(request) else {
          #expect(expected.count == capacity && !isKnown)
          break
        }
        // A name is never given to another request.
        #expect(names[id] ?? request == request)
        names[id] = request
        if isKnown {
          #expect(expected.contains { $0.id == id })
        } else {
          expected.append((request, id))
        }
      }
      #expect(requests.breakpointCount + requests.watchpointCount == expected.count)
      for (request, id) in expected {
        let (found, name) = (requests[id], requests.id(of: request))
        #expect(found == request && name == id)
      }
      for (id, request) in names where !expected.contains(where: { $0.id == id }) {
        #expect(requests[id] == nil, "\(request)")
      }
      for isBreakpoint in [true, false] {
        var order: [RequestID] = []
        var next = isBreakpoint ? requests.firstBreakpoint : requests.firstWatchpoint
        while let id = next {
          order.append(id)
          next = requests.next(after: id)
        }
        #expect(order == expected.filter { $0.request.isBreakpoint == isBreakpoint }.map(\.id))
      }
    }
  }

  @Test("requests that differ in their names alone share a comparator, up to four")
  func alike() throws {
    var requests = DebugRequests()
    let ids = try (0..<4 as Range<UInt8>).map {
      try requests.insert(Self.breakpoint(0x1000, label: $0))
    }
    #expect(throws: RequestError.full) {
      var five = DebugRequests()
      for label in UInt8(0)...4 { try five.insert(Self.breakpoint(0x1000, label: label)) }
    }
    let alike = requests.alike(Self.breakpoint(0x1000))
    #expect((0..<alike.count).map { alike[$0] } == ids)
    requests.remove(Self.breakpoint(0x1000, label: 0))
    let rest = requests.alike(Self.breakpoint(0x1000))
    #expect((0..<rest.count).map { rest[$0] } == Array(ids.dropFirst()))
    // Another length is another watchpoint; a tag is a name only.
    try requests.insert(Self.watchpoint(0x4000, 8))
    try requests.insert(Self.watchpoint(0x4000, 4))
    try requests.insert(Self.watchpoint(0x5A00_0000_0000_4000, 8))
    #expect(requests.alike(Self.watchpoint(0x4000, 8)).count == 2)
    #expect(requests.alike(Self.watchpoint(0x4000, 8, .load)).isEmpty)
  }

  @Test(
    "what no comparators could do is refused with a reason",
    arguments: [
      (0x4000, 0, .empty), (0xFFFF_FFFF_FFFF_FFFF, 2, .tooLarge), (0x4000, .max, .tooLarge),
      // 7 + 2 * 57 bits' worth of blocks.
      (1, 0x7FFF_FFFF_FFFF, .tooLarge),
    ] as [(UInt64, UInt64, RequestError)])
  func refused(address: UInt64, length: UInt64, error: RequestError) {
    #expect(throws: error) {
      var requests = DebugRequests()
      try requests.insert(Self.watchpoint(address, length))
    }
  }

  @Test("a breakpoint is at an even address: A64 at a word, T32 at a halfword")
  func alignment() throws {
    #expect(throws: RequestError.misaligned) {
      var requests = DebugRequests()
      try requests.insert(Self.breakpoint(0x1001))
    }
    var requests = DebugRequests()
    let id = try requests.insert(Self.breakpoint(0x1002))
    #expect(requests[id]?.address == 0x1002)
  }

  @Test("the bytes of a tagged address are those of the address without its tag")
  func tags() throws {
    let request = Self.watchpoint(0x5A00_0000_0000_4000)
    #expect(request.range == WatchedRange(first: 0x4000, last: 0x4007))
  }
}
