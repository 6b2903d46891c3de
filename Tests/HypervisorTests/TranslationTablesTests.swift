import SeededRandom
import Testing

@testable import Hypervisor

@Suite("Translation tables, Arm ARM D8.3")
struct TranslationTablesTests {
  private typealias Regime = ModelRegime<IntermediateAddress>
  private static let gigabyte: UInt64 = 1 << 30
  private static let open = Mapping(attributes: Stage2Access.all.attributes)
  private static let readOnly = Mapping(attributes: Stage2Access.read.attributes)

  @Test(
    "A range is mapped with the largest leaves that its bounds allow",
    arguments: [
      // start, size, level of the leaf at the start, pages of tables taken
      (0 as UInt64, 1 << 30 as UInt64, 1, 1),
      (0x4000_0000, 2 << 30, 1, 1),
      (0x4020_0000, 0x20_0000, 2, 2),
      (0x4000_1000, 0x1000, 3, 3),
    ])
  func leafSizes(start: UInt64, size: UInt64, level: Int, pages: Int) throws {
    let regime = Regime()
    try regime.change(start, size, to: Self.open)
    let found = try #require(regime.translate(start))
    #expect(found.level == level && found.output.rawValue == start)
    #expect(64 - regime.pool.available == pages)
  }

  @Test("A copy's output is not aligned as a block's would be: it takes smaller leaves")
  func outputAlignment() throws {
    let regime = Regime()
    let mapping = Mapping(attributes: Stage2Access.all.attributes, offset: 0x10_0000)
    try regime.change(0x4000_0000, 0x20_0000, to: mapping)
    let found = try #require(regime.translate(0x4000_1234))
    #expect(found.level == 3 && found.output.rawValue == 0x4010_1234)
  }

  @Test("Every address in the range leads to itself, and none outside of it does")
  func oneToOne() throws {
    let regime = Regime()
    let start: UInt64 = 0x3fff_f000
    let end: UInt64 = 0x8020_2000
    try regime.change(start, end - start, to: Self.open)
    for address in [start, 0x4000_0000, 0x7fff_ffff, 0x8000_0000, 0x801f_f000, end - 1] {
      #expect(regime.translate(address)?.output.rawValue == address)
    }
    #expect(regime.translate(start - 1) == nil)
    #expect(regime.translate(end) == nil)
  }

  @Test("What is taken out of a block splits it, and leaves the rest as it was")
  func hole() throws {
    let regime = Regime()
    try regime.change(0x4000_0000, Self.gigabyte, to: Self.open)
    regime.model.touch([0x4000_0000, 0x4020_0000, 0x4060_0000])
    try regime.change(0x4020_0000, 0x40_0000, to: nil)
    #expect(regime.translate(0x401f_ffff) != nil)
    #expect(regime.translate(0x4020_0000) == nil)
    #expect(regime.translate(0x405f_ffff) == nil)
    let after = try #require(regime.translate(0x4060_0000))
    #expect(after.output.rawValue == 0x4060_0000)
    #expect(after.descriptor & ~Descriptor.addressMask & ~3 == Self.open.attributes)
    #expect(regime.model.violations == [])
  }

  @Test("Setting what is already so touches nothing, be it a piece of a block")
  func idempotent() throws {
    let regime = Regime()
    try regime.change(0, Self.gigabyte, to: Self.open)
    let stores = regime.model.stores
    try regime.change(0, Self.gigabyte, to: Self.open, while: .running)
    try regime.change(0x1000, 0x1000, to: Self.open, while: .running)
    try regime.change(1 << 40, 0x1000, to: nil, while: .running)
    #expect(regime.model.stores == stores && regime.model.invalidations == 0)
  }

  @Test("While somebody runs only what is invalid changes; a piece of a block is not")
  func running() throws {
    let regime = Regime()
    try regime.change(0, Self.gigabyte, to: Self.open, while: .running)
    try regime.change(1 << 31, 0x1000, to: Self.open, while: .running)
    let stores = regime.model.stores
    for (first, count, mapping): (UInt64, UInt64, Mapping?) in [
      (0, Self.gigabyte, nil), (0x1000, 0x1000, nil), (0x20_0000, 0x20_0000, Self.readOnly),
      // A gigabyte that has a table: what is not mapped in it has its reason.
      (1 << 31, Self.gigabyte, Self.open),
      // Partly invalid, partly not.
      (Self.gigabyte - 0x1000, 0x2000, Self.readOnly),
    ] {
      #expect(throws: TranslationError.breaksWhatIsInUse) {
        try regime.change(first, count, to: mapping, while: .running)
      }
    }
    #expect(regime.model.stores == stores)
    try regime.change((1 << 31) + 0x1000, 0x1000, to: Self.open, while: .running)
    #expect(regime.model.invalidations == 0)
    #expect(regime.model.violations == [])
  }

  @Test("Concatenated first tables are one long table")
  func concatenated() throws {
    let regime = Regime(startLevel: 1, inputBits: 42)
    #expect(rootPages(startLevel: 1, inputBits: 42) == 8)
    let high: UInt64 = 4095 << 30
    try regime.change(high, Self.gigabyte, to: Self.open)
    #expect(regime.model.load(0x8_0000 + 4095 * 8) != 0)
    #expect(regime.translate(high) != nil)
  }

  @Test("An address beyond the input size is refused, whatever the size")
  func outOfRange() {
    for bits in [32, 36, 39, 42, 48] {
      let regime = Regime(startLevel: bits > 43 ? 0 : 1, inputBits: bits)
      for first in [1 << UInt64(bits), (1 << UInt64(bits)) - 0x1000] as [UInt64] {
        #expect(throws: TranslationError.outOfRange) {
          try regime.change(first, 0x2000, to: Self.open)
        }
      }
      #expect(regime.translate(1 << UInt64(bits)) == nil)
      #expect(regime.model.stores == 0)
    }
  }

  @Test("A range or an output that is not whole pages is refused")
  func unaligned() {
    let regime = Regime()
    let shifted = Mapping(attributes: Stage2Access.all.attributes, offset: 8)
    for (first, count, mapping): (UInt64, UInt64, Mapping?) in [
      (1, 0x1000, nil), (0x1000, 0xfff, nil), (0x1000, 0x1001, Self.open), (0, 0x1000, shifted),
    ] {
      #expect(throws: TranslationError.unaligned) {
        try regime.change(first, count, to: mapping)
      }
    }
    let beyond = Mapping(attributes: 0, offset: 1 << 48)
    #expect(throws: TranslationError.outOfRange) { try regime.change(0, 0x1000, to: beyond) }
  }

  @Test(
    "Too few pages are found before anything is written", arguments: 0...5 as ClosedRange<UInt64>)
  func emptyPool(pages: UInt64) {
    let regime = Regime(pages: pages)
    // Two gigabytes, and in each a table of blocks and one of pages, behind one of gigabytes.
    let needed: UInt64 = 5
    let range = (Self.gigabyte - 0x1000, 0x2000 as UInt64)
    if pages < needed {
      #expect(throws: TranslationError.outOfTablePages) {
        try regime.change(range.0, range.1, to: Self.open)
      }
      #expect(regime.model.stores == 0 && regime.pool.available == pages)
    } else {
      #expect(throws: Never.self) { try regime.change(range.0, range.1, to: Self.open) }
      #expect(regime.pool.available == 0)
    }
  }

  @Test("Tables beneath what becomes one leaf, or nothing, go back to the pool")
  func givesBack() throws {
    let regime = Regime()
    try regime.change(0, Self.gigabyte, to: Self.open)
    let available = regime.pool.available
    for mapping in [Self.open, nil] {
      try regime.change(0x1000, 0x1000, to: Self.readOnly)
      try regime.change(0x60_0000, 0x1000, to: nil)
      #expect(regime.pool.available == available - 3)
      regime.model.touch([0, 0x1000, 0x2000, 0x60_1000])
      try regime.change(0, Self.gigabyte, to: mapping)
      #expect(regime.pool.available == available)
      #expect(regime.translate(0x1000)?.level == (mapping == nil ? nil : 1))
      try regime.change(0, Self.gigabyte, to: Self.open)
    }
    #expect(regime.model.violations == [])
  }

  /// The reference: what each page of a few places should lead to.
  @Test(
    "Any sequence of changes does what it says and nothing else, and never breaks a rule",
    arguments: 0..<24 as Range<UInt64>)
  func sequences(seed: UInt64) throws {
    var random = SplitMix64(state: seed)
    let regime = Regime(
      startLevel: Int(seed & 1), inputBits: seed & 1 == 0 ? 48 : 40, pages: seed & 2 == 0 ? 12 : 60)
    let total = regime.pool.available
    let roots = rootPages(startLevel: Int(seed & 1), inputBits: seed & 1 == 0 ? 48 : 40)
    // Places around which the leaves' bounds lie.
    let places: [UInt64] = [0, 0x20_0000, Self.gigabyte, Self.gigabyte + 0x40_0000, 3 << 30]
    let pages = places.flatMap { place in
      [0x1000, 0x2000, 0x3000].flatMap { offset -> [UInt64] in
        place == 0 ? [offset] : [place - offset, place + offset - 0x1000]
      }
    }
    let mappings: [Mapping?] = [
      Self.open, Self.open, Self.readOnly, nil,
      Mapping(attributes: Stage2Access.execute.attributes, offset: 0x20_0000),
      Mapping(attributes: Stage2Access.all.attributes, offset: 0x3000),
    ]
    var expected: [UInt64: Mapping] = [:]
    var changes = 0
    for _ in 0..<150 {
      let unit = ([0x1000, 0x1000, 0x20_0000, Self.gigabyte] as [UInt64])[random.below(4)]
      let first = places[random.below(places.count)] / unit * unit
      let start = random.below(2) == 0 || first < unit ? first : first - unit
      let count = unit * UInt64(1 + random.below(3))
      let mapping = mappings[random.below(mappings.count)]
      // By leaves of pages alone a gigabyte would take 512 tables.
      if unit > 0x1000, mapping?.offset == 0x3000 { continue }
      let users: TableUsers = random.below(3) == 0 ? .running : .none
      regime.model.touch(pages)
      let before = regime.model.words
      do {
        try regime.change(start, count, to: mapping, while: users)
        changes += 1
        for page in pages where page >= start && page - start < count { expected[page] = mapping }
      } catch let error as TranslationError {
        #expect(regime.model.words == before, "\(error) after something was written")
        #expect(error == .outOfTablePages || (error == .breaksWhatIsInUse && users == .running))
      }
      for page in pages {
        let found = regime.translate(page)
        #expect(found?.output.rawValue == expected[page].map { page &+ $0.offset })
        let attributes = found.map { $0.descriptor & ~Descriptor.addressMask & ~3 }
        #expect(attributes == expected[page]?.attributes)
      }
      #expect(regime.model.violations == [])
      // No page is lost, and none is in two places.
      #expect(regime.pool.available + UInt64(regime.model.reachable.count) - roots == total)
      guard regime.model.violations.isEmpty else { return }
    }
    #expect(changes > 40)
  }
}

@Suite("Addresses and their ranges")
struct AddressTests {
  private func range(_ first: UInt64, _ last: UInt64) -> AddressRange<PhysicalAddress>? {
    AddressRange(from: PhysicalAddress(first), through: PhysicalAddress(last))
  }

  @Test("A range has a byte at least, and ends where the address space does at the latest")
  func inits() {
    #expect(AddressRange(from: VirtualAddress(5), count: 0) == nil)
    #expect(AddressRange(from: VirtualAddress(.max), count: 2) == nil)
    #expect(AddressRange(from: VirtualAddress(.max), count: 1)?.last.rawValue == .max)
    #expect(AddressRange(from: VirtualAddress(1), count: .max)?.last.rawValue == .max)
    #expect(range(5, 4) == nil)
    #expect(range(5, 5)?.pageCount == 1)
    #expect(range(0, .max)?.pageCount == 1 << 52)
  }

  @Test("Pages: those touched, and those that are whole")
  func pages() {
    #expect(range(0xfff, 0x1000)?.pages == range(0, 0x1fff))
    #expect(range(.max, .max)?.pages == range(.max - 0xfff, .max))
    #expect(range(0xfff, 0x1000)?.pagesWithin == nil)
    #expect(range(0xfff, 0x1fff)?.pagesWithin == range(0x1000, 0x1fff))
    #expect(range(0x1000, 0x1ffe)?.pagesWithin == nil)
    #expect(range(1, .max)?.pagesWithin == range(0x1000, .max))
    #expect(range(.max - 0xffe, .max)?.pagesWithin == nil)
  }

  @Test("Overlap and containment are by every byte")
  func overlap() throws {
    let middle = try #require(range(0x1000, 0x1fff))
    for (first, last, overlaps, contains): (UInt64, UInt64, Bool, Bool) in [
      (0, 0xfff, false, false), (0, 0x1000, true, false), (0x1fff, .max, true, false),
      (0x2000, .max, false, false), (0x1000, 0x1fff, true, true), (0x1800, 0x1800, true, true),
      (0, .max, true, false),
    ] {
      let other = try #require(range(first, last))
      #expect(middle.overlaps(other) == overlaps && other.overlaps(middle) == overlaps)
      #expect(middle.contains(other) == contains)
    }
  }
}

@Suite("The pool of table pages")
struct PagePoolTests {
  @Test("Pages are zeros, whatever they held; a run is aligned to its size and wastes nothing")
  func pool() throws {
    let model = ModelTables<PhysicalAddress>()
    var memory = ModelTableMemory(model: model)
    let pool = ModelPool(from: 0x1000, pages: 15)
    let onePage = pool.pool.take(in: &memory)
    let first = try #require(onePage)
    for word in 0..<512 as Range<UInt64> { memory.store(~0, to: first &+ word * 8) }
    let fourPages = pool.pool.takeRun(of: 4, in: &memory)
    let run = try #require(fourPages)
    #expect(run.rawValue == 0x4000)
    #expect(pool.available == 10)
    pool.pool.giveBack(first, in: &memory)
    var taken: Set<UInt64> = []
    while let page = pool.pool.take(in: &memory) {
      for word in 0..<512 as Range<UInt64> where memory.load(page &+ word * 8) != 0 {
        Issue.record("page \(String(page.rawValue, radix: 16)) is not zeros")
        return
      }
      taken.insert(page.rawValue)
    }
    #expect(taken.count == 11 && taken.isDisjoint(with: [0x4000, 0x5000, 0x6000, 0x7000]))
    #expect(pool.available == 0)
    let none = pool.pool.takeRun(of: 1, in: &memory)
    #expect(none == nil)
  }

  @Test("A run that does not fit is refused, and takes nothing")
  func run() {
    var memory = ModelTableMemory(model: ModelTables<PhysicalAddress>())
    let pool = ModelPool(from: 0x1000, pages: 7)
    let tooLong = pool.pool.takeRun(of: 8, in: &memory)
    #expect(tooLong == nil && pool.available == 7)
    let fits = pool.pool.takeRun(of: 4, in: &memory)
    #expect(fits?.rawValue == 0x4000 && pool.available == 3)
  }
}
