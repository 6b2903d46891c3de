/// Why a change of translation tables was not made. Nothing has been written then.
enum TranslationError: Error, Equatable {
  /// The pool of table pages is used up.
  case outOfTablePages
  /// The range reaches beyond the input addresses, or its output beyond 48 bits.
  case outOfRange
  /// The range, or its output, is not whole pages.
  case unaligned
  /// A valid entry would have to go through invalid while somebody runs by the tables.
  case breaksWhatIsInUse
}

/// Who runs by tables while they are changed.
enum TableUsers {
  /// Nobody who could access the range.
  case none
  /// Other cores may. Then nothing valid can change, for between break and make they would fault.
  case running
}

/// What a range of input addresses is to lead to.
struct Mapping: Equatable, Sendable {
  /// The leaf's bits other than type and address, as the regime has them (``Stage1``, ``Stage2Access``).
  var attributes: UInt64
  /// Added, modulo 2^64, to an input address to get its output: 0 is one to one.
  var offset: UInt64 = 0
}

/// The fields of a VMSAv8-64 descriptor with a 4 KiB granule that all regimes share (Arm ARM D8.3).
enum Descriptor {
  static let valid: UInt64 = 0b01
  /// Where ``valid``: a table at levels 0 to 2, a page at level 3; else a block.
  static let tableOrPage: UInt64 = 0b10
  static let addressMask: UInt64 = 0x0000_ffff_ffff_f000

  /// The last level, that of pages.
  static let pageLevel = 3

  static func isTable(_ descriptor: UInt64, level: Int) -> Bool {
    level < pageLevel && descriptor & 0b11 == 0b11
  }

  /// Bytes that one entry at `level` covers: 512 GiB, 1 GiB, 2 MiB, 4 KiB.
  static func span(ofLevel level: Int) -> UInt64 { 1 &<< UInt64(39 &- 9 &* level) }
}

/// VMSAv8-64 translation tables with a 4 KiB granule (Arm ARM D8.3). The type knows levels, blocks and tables; which
/// attributes a leaf carries is the regime's.
struct TranslationTables<Input: Address>: Sendable {
  /// The first table (or the first of several concatenated ones).
  let root: PhysicalAddress
  /// Level of the first lookup: 0 or 1.
  let startLevel: Int
  /// Size of an input address in bits, at most 48.
  let inputBits: Int

  /// What an address leads to.
  struct Translation: Equatable {
    var output: PhysicalAddress
    var descriptor: UInt64
    var level: Int
  }

  /// The leaf that translates `address`; nil if there is none.
  func translate<Memory: TableMemory & ~Copyable>(
    _ address: Input, in memory: borrowing Memory
  ) -> Translation? {
    guard address.rawValue &>> UInt64(inputBits) == 0 else { return nil }
    var table = root
    var level = startLevel
    while true {
      let descriptor = memory.load(location(of: address.rawValue, in: table, level: level))
      guard descriptor & Descriptor.valid != 0 else { return nil }
      if !Descriptor.isTable(descriptor, level: level) {
        let offset = address.rawValue & (Descriptor.span(ofLevel: level) &- 1)
        return Translation(
          output: PhysicalAddress(descriptor & Descriptor.addressMask | offset),
          descriptor: descriptor, level: level)
      }
      table = PhysicalAddress(descriptor & Descriptor.addressMask)
      level &+= 1
    }
  }

  /// Makes `range` lead where `mapping` says, or nowhere (nil), with the largest leaves that its bounds allow. Tables
  /// that are no longer used go back to the pool.
  ///
  /// The change is examined whole before anything is written. Then, in this order: blocks of which only a part
  /// changes become tables; what is valid and changes becomes invalid; one invalidation; the new entries. So a
  /// valid entry reaches another valid value through invalid and an invalidation only (break-before-make, Arm ARM
  /// D8.16.1). While a block is broken its whole span is unmapped.
  ///
  /// - Parameters:
  ///   - users: who runs by the tables. Only invalid entries change where somebody does.
  ///   - tlb: of this regime and these tables.
  func change<Memory: TableMemory & ~Copyable, TLB: TableTLB & ~Copyable>(
    _ range: AddressRange<Input>, to mapping: Mapping?, while users: TableUsers,
    pool: inout PagePool, memory: inout Memory, tlb: inout TLB
  ) throws(TranslationError) where TLB.Input == Input {
    let survey = try survey(range, to: mapping, in: memory)
    guard !survey.breaks || users == .none else { throw .breaksWhatIsInUse }
    guard survey.pages <= pool.available else { throw .outOfTablePages }
    let change = Change(range, mapping)
    split(change, root, startLevel, pool: &pool, memory: &memory, tlb: &tlb)
    if breakEntries(change, root, startLevel, memory: &memory) {
      memory.publish()
      tlb.invalidate(range)
    }
    makeEntries(change, root, startLevel, pool: &pool, memory: &memory)
    memory.publish()
  }
}

// MARK: What a change needs

extension TranslationTables {
  /// What ``change(_:to:while:pool:memory:tlb:)`` would have to do.
  struct Survey: Equatable {
    /// Pages for new tables.
    var pages: UInt64 = 0
    /// Something valid would change.
    var breaks = false
  }

  func survey<Memory: TableMemory & ~Copyable>(
    _ range: AddressRange<Input>, to mapping: Mapping?, in memory: borrowing Memory
  ) throws(TranslationError) -> Survey {
    guard range.last.rawValue &>> UInt64(inputBits) == 0 else { throw .outOfRange }
    guard range.pages == range else { throw .unaligned }
    if let mapping {
      guard mapping.offset & Page.offsetMask == 0 else { throw .unaligned }
      let first = range.first.rawValue &+ mapping.offset
      let last = range.last.rawValue &+ mapping.offset
      guard first <= last, last &>> 48 == 0 else { throw .outOfRange }
    }
    var survey = Survey()
    self.survey(Change(range, mapping), .table(root), startLevel, in: memory, into: &survey)
    return survey
  }

  /// The part of a change that falls into one table.
  private struct Change {
    var first: UInt64
    var last: UInt64
    let mapping: Mapping?

    init(_ range: AddressRange<Input>, _ mapping: Mapping?) {
      first = range.first.rawValue
      last = range.last.rawValue
      self.mapping = mapping
    }

    /// The leaf that the change puts at an entry.
    func leaf(at entryFirst: UInt64, level: Int) -> UInt64 {
      guard let mapping else { return 0 }
      return (entryFirst &+ mapping.offset) | mapping.attributes | Self.leafType(level)
    }

    static func leafType(_ level: Int) -> UInt64 {
      level == Descriptor.pageLevel ? Descriptor.valid | Descriptor.tableOrPage : Descriptor.valid
    }
  }

  /// One entry of a table, and the part of a change that falls into it.
  private struct Entry {
    let first: UInt64
    let last: UInt64
    let part: Change
    let level: Int

    init(at address: UInt64, level: Int, of change: Change) {
      let span = Descriptor.span(ofLevel: level)
      first = address & ~(span &- 1)
      last = first &+ (span &- 1)
      var part = change
      part.first = max(change.first, first)
      part.last = min(change.last, last)
      self.part = part
      self.level = level
    }

    var isWhole: Bool { part.first == first && part.last == last }

    enum Step {
      /// All of the part is as it should be.
      case nothing
      /// The entry as a whole becomes a leaf, or invalid.
      case replace
      /// The part goes into the table below, which there may have to be first.
      case descend
    }

    /// - Parameter old: the entry's descriptor.
    func step(_ old: UInt64) -> Step {
      let isTable = Descriptor.isTable(old, level: level)
      if !isTable && matches(old) { return .nothing }
      return isWhole && canBeLeaf ? .replace : .descend
    }

    /// Whether a block, a page or an invalid entry says for each of its pieces what the change wants.
    func matches(_ old: UInt64) -> Bool {
      guard old & Descriptor.valid != 0 else { return part.mapping == nil }
      return part.mapping != nil && old == part.leaf(at: first, level: level)
    }

    /// There is no block of 512 GiB, and a block's output is aligned as its input is.
    private var canBeLeaf: Bool {
      guard let mapping = part.mapping else { return true }
      return level > 0 && mapping.offset & (last &- first) == 0
    }

    /// What this entry would be in the table that a block is split into; 0 for none.
    func piece(of block: UInt64) -> UInt64 {
      guard block & Descriptor.valid != 0 else { return 0 }
      let within = first & (Descriptor.span(ofLevel: level &- 1) &- 1)
      return (block & ~0b11) &+ within | Change.leafType(level)
    }
  }

  /// The next entry after `entry` that `change` reaches; nil if there is none.
  private func next(after entry: Entry, of change: Change) -> Entry? {
    guard entry.last < change.last else { return nil }
    return Entry(at: entry.last &+ 1, level: entry.level, of: change)
  }

  /// Where the descriptor for `address` lies. Concatenated tables simply have more than 512 entries.
  private func location(of address: UInt64, in table: PhysicalAddress, level: Int)
    -> PhysicalAddress
  {
    let index = address &>> UInt64(39 &- 9 &* level)
    return table &+ (level == startLevel ? index : index & 511) &* 8
  }

  /// A table, or what a block or an invalid entry would be as a table.
  private enum Contents {
    case table(PhysicalAddress)
    case pieces(of: UInt64)
  }

  private func survey<Memory: TableMemory & ~Copyable>(
    _ change: Change, _ contents: Contents, _ level: Int, in memory: borrowing Memory,
    into survey: inout Survey
  ) {
    var entry = Entry(at: change.first, level: level, of: change)
    while true {
      let old =
        switch contents {
        case .table(let table): memory.load(location(of: entry.first, in: table, level: level))
        case .pieces(let block): entry.piece(of: block)
        }
      switch entry.step(old) {
      case .nothing: break
      case .replace: if old & Descriptor.valid != 0 { survey.breaks = true }
      case .descend where Descriptor.isTable(old, level: level):
        let below = Contents.table(PhysicalAddress(old & Descriptor.addressMask))
        self.survey(entry.part, below, level &+ 1, in: memory, into: &survey)
      case .descend:
        if old & Descriptor.valid != 0 { survey.breaks = true }
        survey.pages &+= 1
        self.survey(entry.part, .pieces(of: old), level &+ 1, in: memory, into: &survey)
      }
      guard let next = next(after: entry, of: change) else { return }
      entry = next
    }
  }

  // MARK: The change, in three passes

  /// Puts a table wherever only a part of an entry changes.
  private func split<Memory: TableMemory & ~Copyable, TLB: TableTLB & ~Copyable>(
    _ change: Change, _ table: PhysicalAddress, _ level: Int, pool: inout PagePool,
    memory: inout Memory, tlb: inout TLB
  ) where TLB.Input == Input {
    var entry = Entry(at: change.first, level: level, of: change)
    while true {
      let place = location(of: entry.first, in: table, level: level)
      let old = memory.load(place)
      if case .descend = entry.step(old) {
        let below: PhysicalAddress
        if Descriptor.isTable(old, level: level) {
          below = PhysicalAddress(old & Descriptor.addressMask)
        } else {
          // The survey has counted the pages.
          guard let page = pool.take(in: &memory) else { return }
          below = page
          if old & Descriptor.valid != 0 {
            fill(page, with: old, at: entry, memory: &memory)
            memory.store(0, to: place)
            memory.publish()
            if let whole = AddressRange(from: Input(entry.first), through: Input(entry.last)) {
              tlb.invalidate(whole)
            }
          }
          // The contents before the descriptor.
          memory.publish()
          memory.store(
            page.rawValue | Descriptor.valid | Descriptor.tableOrPage, to: place)
          memory.publish()
        }
        split(entry.part, below, level &+ 1, pool: &pool, memory: &memory, tlb: &tlb)
      }
      guard let next = next(after: entry, of: change) else { return }
      entry = next
    }
  }

  /// Fills a table with what `block`, the descriptor at `entry`, maps.
  private func fill<Memory: TableMemory & ~Copyable>(
    _ table: PhysicalAddress, with block: UInt64, at entry: Entry, memory: inout Memory
  ) {
    let level = entry.level &+ 1
    for index in 0..<UInt64(512) {
      let address = entry.first &+ index &* Descriptor.span(ofLevel: level)
      let piece = Entry(at: address, level: level, of: entry.part).piece(of: block)
      memory.store(piece, to: table &+ index &* 8)
    }
  }

  /// Makes invalid what is valid and changes, but leaves the rest of each descriptor for
  /// ``makeEntries(_:_:_:pool:memory:)``.
  ///
  /// - Returns: whether there was any.
  private func breakEntries<Memory: TableMemory & ~Copyable>(
    _ change: Change, _ table: PhysicalAddress, _ level: Int, memory: inout Memory
  ) -> Bool {
    var hasBroken = false
    var entry = Entry(at: change.first, level: level, of: change)
    while true {
      let place = location(of: entry.first, in: table, level: level)
      let old = memory.load(place)
      switch entry.step(old) {
      case .nothing: break
      case .replace:
        if old & Descriptor.valid != 0 {
          memory.store(old & ~Descriptor.valid, to: place)
          hasBroken = true
        }
      case .descend:
        let below = PhysicalAddress(old & Descriptor.addressMask)
        if breakEntries(entry.part, below, level &+ 1, memory: &memory) { hasBroken = true }
      }
      guard let next = next(after: entry, of: change) else { return hasBroken }
      entry = next
    }
  }

  private func makeEntries<Memory: TableMemory & ~Copyable>(
    _ change: Change, _ table: PhysicalAddress, _ level: Int, pool: inout PagePool,
    memory: inout Memory
  ) {
    var entry = Entry(at: change.first, level: level, of: change)
    while true {
      let place = location(of: entry.first, in: table, level: level)
      let old = memory.load(place)
      if Descriptor.isTable(old, level: level) {
        let below = PhysicalAddress(old & Descriptor.addressMask)
        makeEntries(entry.part, below, level &+ 1, pool: &pool, memory: &memory)
      } else if old & Descriptor.valid == 0 {
        let new = entry.part.leaf(at: entry.first, level: level)
        if old != new { memory.store(new, to: place) }
        let wasTable = Descriptor.isTable(old | Descriptor.valid, level: level)
        if wasTable {
          giveBack(
            PhysicalAddress(old & Descriptor.addressMask), level &+ 1, to: &pool, memory: &memory)
        }
      }
      guard let next = next(after: entry, of: change) else { return }
      entry = next
    }
  }

  /// Gives back a table and those below.
  private func giveBack<Memory: TableMemory & ~Copyable>(
    _ table: PhysicalAddress, _ level: Int, to pool: inout PagePool, memory: inout Memory
  ) {
    if level < Descriptor.pageLevel {
      for index in 0..<UInt64(512) {
        let entry = memory.load(table &+ index &* 8)
        guard Descriptor.isTable(entry, level: level) else { continue }
        let below = PhysicalAddress(entry & Descriptor.addressMask)
        giveBack(below, level &+ 1, to: &pool, memory: &memory)
      }
    }
    pool.giveBack(table, in: &memory)
  }
}
