import ArmDebug
import NestedDebug
import Testing

@Suite("Requests")
struct RequestTests {
  @Test("asking twice is asking once, and taking back is complete")
  func idempotent() throws {
    var requests = DebugRequests()
    #expect(requests.isEmpty)
    try requests.insertBreakpoint(at: 0x1000)
    try requests.insertWatchpoint(at: 0x4000, length: 4, kind: .store)
    let generation = requests.generation
    try requests.insertBreakpoint(at: 0x1000)
    try requests.insertWatchpoint(at: 0x4000, length: 4, kind: .store)
    #expect(requests.generation == generation)
    requests.removeBreakpoint(at: 0x2000)
    requests.removeWatchpoint(at: 0x4000, length: 4, kind: .load)
    requests.removeWatchpoint(at: 0x4000, length: 0, kind: .store)
    #expect(requests.generation == generation)
    requests.removeBreakpoint(at: 0x1000)
    requests.removeWatchpoint(at: 0x4000, length: 4, kind: .store)
    #expect(requests.isEmpty)
    #expect(requests.generation != generation)
    requests.removeBreakpoint(at: 0x1000)
    #expect(requests.isEmpty)
  }

  @Test("there is room for sixteen of each")
  func capacity() throws {
    var requests = DebugRequests()
    for n in 0..<UInt64(16) {
      try requests.insertBreakpoint(at: n * 4)
      try requests.insertWatchpoint(at: n * 8, length: 8, kind: .any)
    }
    #expect(throws: RequestError.full) { try requests.insertBreakpoint(at: 0x1000) }
    #expect(throws: RequestError.full) {
      try requests.insertWatchpoint(at: 0x1000, length: 8, kind: .any)
    }
    // The sixteen are still there.
    try requests.insertBreakpoint(at: 60)
    #expect(requests.breakpoint(15)?.address == 60)
    #expect(requests.watchpoint(15)?.range == WatchedRange(first: 120, last: 127))
    #expect(requests.breakpoint(16) == nil)
    #expect(requests.watchpoint(-1) == nil)
    requests.removeAll()
    #expect(requests.isEmpty)
  }

  @Test(
    "what no comparators could do is refused with a reason",
    arguments: [
      (0x4000, 0, .empty), (0xFFFF_FFFF_FFFF_FFFF, 2, .tooLarge), (0x4000, .max, .tooLarge),
      // 7 + 2 * 57 bits' worth of blocks.
      (1, 0x7FFF_FFFF_FFFF, .tooLarge),
    ] as [(UInt64, UInt64, RequestError)])
  func refused(address: UInt64, length: UInt64, error: RequestError) {
    var requests = DebugRequests()
    #expect(throws: error) {
      try requests.insertWatchpoint(at: address, length: length, kind: .store)
    }
    #expect(requests.isEmpty)
  }

  @Test("a breakpoint is at an even address: A64 at a word, T32 at a halfword")
  func alignment() throws {
    var requests = DebugRequests()
    #expect(throws: RequestError.misaligned) { try requests.insertBreakpoint(at: 0x1001) }
    try requests.insertBreakpoint(at: 0x1002)
    #expect(requests.breakpoint(0)?.address == 0x1002)
  }

  @Test("a tagged address is the address without its tag")
  func tags() throws {
    var requests = DebugRequests()
    try requests.insertWatchpoint(at: 0x5A00_0000_0000_4000, length: 8, kind: .any)
    #expect(requests.watchpoint(0)?.range.first == 0x4000)
    requests.removeWatchpoint(at: 0xA500_0000_0000_4000, length: 8, kind: .any)
    #expect(requests.isEmpty)
  }
}
