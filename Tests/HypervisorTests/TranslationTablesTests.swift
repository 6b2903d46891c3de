import DeviceTree
import Testing

@testable import Hypervisor

/// Tables in an ordinary dictionary, and a record of what happened to them.
private struct RecordedMemory: TableMemory {
  enum Event: Equatable {
    case store(UInt64, UInt64)
    case invalidate
  }

  var words: [UInt64: UInt64] = [:]
  var nextPage: UInt64 = 0x10_0000
  var pagesLeft = 64
  var events: [Event] = []

  func load(_ address: UInt64) -> UInt64 { words[address] ?? 0 }

  mutating func store(_ descriptor: UInt64, to address: UInt64) {
    words[address] = descriptor
    events.append(.store(address, descriptor))
  }

  mutating func allocatePage() -> UInt64? {
    guard pagesLeft > 0 else { return nil }
    pagesLeft -= 1
    defer { nextPage += 4096 }
    return nextPage
  }

  mutating func invalidate() { events.append(.invalidate) }
}

@Suite("Translation tables, Arm ARM D8.3")
struct TranslationTablesTests {
  private static let gigabyte: UInt64 = 1 << 30

  private func tables(startLevel: Int = 0, inputBits: Int = 48) -> TranslationTables {
    TranslationTables(root: 0x8_0000, startLevel: startLevel, inputBits: inputBits)
  }

  private func region(_ start: UInt64, _ size: UInt64) -> Region {
    Region(from: start, to: start + size)
  }

  @Test(
    "A range is mapped with the largest leaves that its bounds allow",
    arguments: [
      // start, size, leaf type at the start (1 block, 3 page), pages of tables taken
      (0 as UInt64, 1 << 30 as UInt64, 1 as UInt64, 1),
      (0x4000_0000, 2 << 30, 1, 1),
      (0x4020_0000, 0x20_0000, 1, 2),
      (0x4000_1000, 0x1000, 3, 3),
    ])
  func leafSizes(start: UInt64, size: UInt64, type: UInt64, pages: Int) throws {
    var memory = RecordedMemory()
    let tables = tables()
    try tables.set(region(start, size), attributes: Stage2.open, in: &memory)
    let leaf = try #require(tables.lookup(start, in: memory))
    #expect(leaf & 3 == type)
    #expect(leaf & TranslationTables.addressMask == start)
    #expect(64 - memory.pagesLeft == pages)
  }

  @Test("Every address in the range leads to itself, and none outside of it does")
  func oneToOne() throws {
    var memory = RecordedMemory()
    let tables = tables()
    let start: UInt64 = 0x3fff_f000
    let end: UInt64 = 0x8020_2000
    try tables.set(Region(from: start, to: end), attributes: Stage2.open, in: &memory)
    for address in [start, 0x4000_0000, 0x7fff_ffff, 0x8000_0000, 0x801f_f000, end - 1] {
      let leaf = try #require(tables.lookup(address, in: memory), "\(String(address, radix: 16))")
      let base = leaf & TranslationTables.addressMask
      #expect(base <= address && address < base + Self.gigabyte)
    }
    #expect(tables.lookup(start - 1, in: memory) == nil)
    #expect(tables.lookup(end, in: memory) == nil)
  }

  @Test("What is taken out of a block splits it, and leaves the rest as it was")
  func hole() throws {
    var memory = RecordedMemory()
    let tables = tables()
    try tables.set(region(0x4000_0000, Self.gigabyte), attributes: Stage2.open, in: &memory)
    try tables.set(region(0x4020_0000, 0x40_0000), attributes: nil, in: &memory)
    #expect(tables.lookup(0x401f_ffff, in: memory) != nil)
    #expect(tables.lookup(0x4020_0000, in: memory) == nil)
    #expect(tables.lookup(0x405f_ffff, in: memory) == nil)
    let after = try #require(tables.lookup(0x4060_0000, in: memory))
    #expect(after & TranslationTables.addressMask == 0x4060_0000)
    #expect(after & ~TranslationTables.addressMask & ~3 == Stage2.open)
  }

  @Test("A valid entry changes to another by way of an invalid one: break before make")
  func breakBeforeMake() throws {
    var memory = RecordedMemory()
    let tables = tables(startLevel: 1, inputBits: 39)
    try tables.set(region(0x4000_0000, Self.gigabyte), attributes: Stage2.open, in: &memory)
    let entry = tables.root + 8
    memory.events = []
    // The block becomes a table: the pieces are complete before the block goes, and it goes before
    // the table comes.
    try tables.set(region(0x4000_0000, 0x1000), attributes: nil, in: &memory)
    let changes = memory.events.compactMap { event -> UInt64? in
      if case .store(entry, let value) = event { return value }
      return nil
    }
    #expect(changes.count == 2)
    #expect(changes.first == 0)
    #expect((changes.last ?? 0) & 3 == 3)
    let broken = try #require(memory.events.firstIndex(of: .store(entry, 0)))
    #expect(memory.events[broken + 1] == .invalidate)
    let pieces = memory.events[..<broken].count {
      if case .store(_, let value) = $0 { return value & 3 == 1 }
      return false
    }
    #expect(pieces == 512)
  }

  @Test("Setting what is already so touches nothing")
  func idempotent() throws {
    var memory = RecordedMemory()
    let tables = tables()
    try tables.set(region(0, Self.gigabyte), attributes: Stage2.open, in: &memory)
    memory.events = []
    try tables.set(region(0, Self.gigabyte), attributes: Stage2.open, in: &memory)
    #expect(memory.events.isEmpty)
  }

  @Test("Concatenated first tables are one long table")
  func concatenated() throws {
    var memory = RecordedMemory()
    let tables = tables(startLevel: 1, inputBits: 42)
    #expect(TranslationTables.rootPages(startLevel: 1, inputBits: 42) == 8)
    let high: UInt64 = 4095 << 30
    try tables.set(region(high, Self.gigabyte), attributes: Stage2.open, in: &memory)
    #expect(memory.words[tables.root + 4095 * 8] != nil)
    #expect(tables.lookup(high, in: memory) != nil)
  }

  @Test("An address beyond the input size is refused, whatever the size")
  func outOfRange() {
    for bits in [32, 36, 39, 42, 48] {
      var memory = RecordedMemory()
      let tables = tables(startLevel: bits > 43 ? 0 : 1, inputBits: bits)
      #expect(throws: TranslationError.outOfRange) {
        try tables.set(region(1 << UInt64(bits), 4096), attributes: Stage2.open, in: &memory)
      }
      #expect(tables.lookup(1 << UInt64(bits), in: memory) == nil)
    }
  }

  @Test("An empty pool is an error, not a trap")
  func emptyPool() {
    var memory = RecordedMemory()
    memory.pagesLeft = 1
    #expect(throws: TranslationError.outOfTablePages) {
      try tables().set(region(0x1000, 4096), attributes: Stage2.open, in: &memory)
    }
  }
}
