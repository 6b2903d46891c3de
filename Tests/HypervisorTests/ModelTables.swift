import Testing

@testable import Hypervisor

/// Memory with translation tables in it, the walker and a TLB that keeps whatever it is not told to drop. What the
/// architecture does not allow is a violation.
final class ModelTables<Input: Address> {
  /// What the TLB holds for a page: where the page goes, with what attributes, by a leaf of what level.
  struct Held: Equatable {
    var output: UInt64
    var attributes: UInt64
    var level: Int
  }

  private(set) var words: [UInt64: UInt64] = [:]
  private(set) var violations: [String] = []
  private(set) var stores = 0
  private(set) var invalidations = 0
  /// Stores that the walker need not see yet.
  private var unpublished: Set<UInt64> = []
  private var held: [UInt64: Held] = [:]
  var tables: TranslationTables<Input>? { didSet { known = nil } }
  /// ``reachable``, as long as no table has come or gone.
  private var known: Set<UInt64>?

  func load(_ address: UInt64) -> UInt64 { words[address] ?? 0 }

  func store(_ descriptor: UInt64, to address: UInt64) {
    if address & 7 != 0 { violations.append("a descriptor at \(String(address, radix: 16))") }
    let old = load(address)
    let isLink = reachable.contains(address & ~0xfff)
    if isLink, old & 1 != 0, descriptor & 1 != 0, old != descriptor {
      violations.append("valid to valid")
    }
    stores += 1
    words[address] = descriptor
    let mask = Descriptor.addressMask
    let comes = descriptor & 0b11 == 0b11 && words[descriptor & mask] != nil
    if isLink, comes || reachable.contains(old & mask) { known = nil }
    unpublished.insert(address)
    guard isLink, descriptor & 1 != 0 else { return }
    if descriptor & 0b11 == 0b11, words[descriptor & 0xffff_ffff_f000] != nil,
      unpublished.contains(where: { $0 & ~0xfff == descriptor & 0xffff_ffff_f000 })
    {
      violations.append("a table before its contents")
    }
    checkHeld()
  }

  func publish() { unpublished = [] }

  func invalidate(_ range: AddressRange<Input>) {
    if !unpublished.isEmpty { violations.append("an invalidation before the break is visible") }
    invalidations += 1
    held = held.filter { !range.contains(Input($0.key)) }
  }

  /// An access by every page: the TLB holds them all.
  func touch(_ pages: [UInt64]) {
    for page in pages { held[page] = walk(page) }
  }

  /// What is held is what the tables say, or they say nothing yet.
  private func checkHeld() {
    for (page, held) in held {
      if let now = walk(page), now != held {
        violations.append("\(String(page, radix: 16)) is held as it was")
      }
    }
  }

  /// Once a change is complete, nothing of before is held.
  func checkNothingStale() {
    for (page, held) in held where walk(page) != held {
      violations.append("\(String(page, radix: 16)) is still held")
    }
  }

  func walk(_ address: UInt64) -> Held? {
    guard let found = tables?.translate(Input(address), in: ModelTableMemory(model: self)) else {
      return nil
    }
    return Held(
      output: found.output.rawValue & ~0xfff,
      attributes: found.descriptor & ~Descriptor.addressMask & ~0b11, level: found.level)
  }

  /// The pages of all tables that a walk can come to.
  var reachable: Set<UInt64> {
    if let known { return known }
    guard let tables else { return [] }
    let count = rootPages(startLevel: tables.startLevel, inputBits: tables.inputBits)
    var all: Set<UInt64> = []
    func visit(_ table: UInt64, _ level: Int) {
      all.insert(table)
      for entry in 0..<512 as Range<UInt64>
      where Descriptor.isTable(load(table + entry * 8), level: level) {
        visit(load(table + entry * 8) & Descriptor.addressMask, level + 1)
      }
    }
    for page in 0..<count { visit(tables.root.rawValue + page * 4096, tables.startLevel) }
    known = all
    return all
  }
}

struct ModelTableMemory<Input: Address>: TableMemory {
  let model: ModelTables<Input>
  func load(_ address: PhysicalAddress) -> UInt64 { model.load(address.rawValue) }
  mutating func store(_ descriptor: UInt64, to address: PhysicalAddress) {
    model.store(descriptor, to: address.rawValue)
  }
  mutating func publish() { model.publish() }
}

struct ModelTableTLB<Input: Address>: TableTLB {
  let model: ModelTables<Input>
  mutating func invalidate(_ range: AddressRange<Input>) { model.invalidate(range) }
}

/// A pool that expectations can have: they copy what they look at.
final class ModelPool {
  var pool: PagePool
  init(from first: UInt64, pages: UInt64) {
    pool = PagePool(
      from: PhysicalAddress(first), to: PhysicalAddress(first + pages * 4096))
  }
  var available: UInt64 { pool.available }
}

/// Tables, their model and their pool.
struct ModelRegime<Input: Address> {
  let model = ModelTables<Input>()
  let pool: ModelPool
  let tables: TranslationTables<Input>

  init(startLevel: Int = 0, inputBits: Int = 48, pages: UInt64 = 64) {
    pool = ModelPool(from: 0x10_0000, pages: pages)
    tables = TranslationTables(
      root: PhysicalAddress(0x8_0000), startLevel: startLevel, inputBits: inputBits)
    model.tables = tables
  }

  func change(
    _ first: UInt64, _ count: UInt64, to mapping: Mapping?, while users: TableUsers = .none
  ) throws {
    let range = try #require(AddressRange(from: Input(first), count: count))
    var memory = ModelTableMemory(model: model)
    var tlb = ModelTableTLB(model: model)
    try tables.change(
      range, to: mapping, while: users, pool: &pool.pool, memory: &memory, tlb: &tlb)
    model.checkNothingStale()
  }

  func translate(_ address: UInt64) -> TranslationTables<Input>.Translation? {
    tables.translate(Input(address), in: ModelTableMemory(model: model))
  }
}
