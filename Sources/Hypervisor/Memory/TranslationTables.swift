internal import DeviceTree

/// How tables are found in memory. EL2 maps its memory one to one, so there a table's physical
/// address is its pointer; tests keep tables in an ordinary array.
protocol TableMemory {
  func load(_ address: UInt64) -> UInt64
  mutating func store(_ descriptor: UInt64, to address: UInt64)
  /// A zeroed 4 KiB page, or nil when the pool is used up.
  mutating func allocatePage() -> UInt64?
  /// A valid entry is invalid now: where the tables are live, the TLB maintenance of their regime.
  mutating func invalidate()
}

enum TranslationError: Error {
  /// The pool of table pages that was set aside at boot is used up.
  case outOfTablePages
  /// A range reaches beyond the input address size.
  case outOfRange
}

/// VMSAv8-64 translation tables with a 4 KiB granule that map addresses to themselves (Arm ARM D8.3).
///
/// Which attributes a leaf carries is the regime's: EL2's stage 1 (``Stage1``) or the guest's stage 2
/// (``Stage2``). This type only knows levels, blocks and tables.
struct TranslationTables {
  /// Physical address of the first table (or of the first of several concatenated ones).
  let root: UInt64
  /// Level of the first lookup: 0 or 1.
  let startLevel: Int
  /// Size of an input address in bits.
  let inputBits: Int

  static let pageSize: UInt64 = 4096
  private static let tableBit: UInt64 = 0b11
  private static let blockBit: UInt64 = 0b01
  static let addressMask: UInt64 = 0x0000_ffff_ffff_f000

  /// Bytes that one entry at `level` covers: 512 GiB, 1 GiB, 2 MiB, 4 KiB.
  static func span(ofLevel level: Int) -> UInt64 { 1 &<< UInt64(39 &- 9 &* level) }

  /// How many pages the first table takes. With fewer than 40 input bits at level 1 it is one; above
  /// that, tables are concatenated.
  static func rootPages(startLevel: Int, inputBits: Int) -> UInt64 {
    let covered = startLevel == 0 ? 48 : 39
    return inputBits > covered ? 1 &<< UInt64(inputBits &- covered) : 1
  }

  /// Maps `range` one to one with `attributes` (the leaf's bits other than type and address), or
  /// unmaps it (nil). Grows down to pages only where the range demands it.
  ///
  /// Live tables: a change of a valid entry to another valid one goes through invalid, with
  /// ``TableMemory/invalidate()`` in between (break-before-make, Arm ARM D8.14.1). While a block is
  /// broken its whole span is unmapped, so the caller of a live change must hold the other cores where
  /// they do not mind a retry.
  @inline(never)
  func set<Memory: TableMemory>(
    _ range: Region, attributes: UInt64?, in memory: inout Memory
  ) throws(TranslationError) {
    guard range.size != 0 else { return }
    guard range.end &- 1 < (1 &<< UInt64(inputBits)) else { throw .outOfRange }
    let first = range.address & ~(Self.pageSize - 1)
    let last = (range.end &- 1) | (Self.pageSize - 1)
    try set(
      from: first, through: last, table: root, level: startLevel, attributes: attributes,
      in: &memory)
  }

  private func set<Memory: TableMemory>(
    from first: UInt64, through last: UInt64, table: UInt64, level: Int, attributes: UInt64?,
    in memory: inout Memory
  ) throws(TranslationError) {
    let span = Self.span(ofLevel: level)
    // Concatenated tables simply have more than 512 entries.
    let indexMask: UInt64 =
      level == startLevel ? (1 &<< UInt64(inputBits &- (39 &- 9 &* level))) &- 1 : 511
    var address = first
    while true {
      let entry = table &+ ((address / span) & indexMask) &* 8
      let entryFirst = address & ~(span &- 1)
      let entryLast = entryFirst &+ (span &- 1)
      let old = memory.load(entry)
      let isTable = level < 3 && old & Self.tableBit == Self.tableBit
      let wholeEntry = first <= entryFirst && last >= entryLast
      // A table below an entry that becomes a leaf is not given back: it may be in use by a walk.
      if wholeEntry && level > 0 && !isTable {
        let new = attributes.map { leaf(entryFirst, $0, level) } ?? 0
        replace(entry, old: old, with: new, in: &memory)
      } else {
        let next: UInt64
        if isTable {
          next = old & Self.addressMask
        } else {
          guard let page = memory.allocatePage() else { throw .outOfTablePages }
          if old & 1 != 0 { split(old, level: level, into: page, in: &memory) }
          replace(entry, old: old, with: page | Self.tableBit, in: &memory)
          next = page
        }
        try set(
          from: max(first, entryFirst), through: min(last, entryLast), table: next,
          level: level &+ 1, attributes: attributes, in: &memory)
      }
      guard entryLast < last else { return }
      address = entryLast &+ 1
    }
  }

  /// Fills `page` with what the block `old` at `level` maps, one level down.
  private func split<Memory: TableMemory>(
    _ old: UInt64, level: Int, into page: UInt64, in memory: inout Memory
  ) {
    let span = Self.span(ofLevel: level &+ 1)
    let attributes = old & ~Self.addressMask & ~0b11
    var address = old & Self.addressMask
    for index in 0..<UInt64(512) {
      memory.store(leaf(address, attributes, level &+ 1), to: page &+ index &* 8)
      address &+= span
    }
  }

  private func leaf(_ address: UInt64, _ attributes: UInt64, _ level: Int) -> UInt64 {
    address | attributes | (level == 3 ? Self.tableBit : Self.blockBit)
  }

  private func replace<Memory: TableMemory>(
    _ entry: UInt64, old: UInt64, with new: UInt64, in memory: inout Memory
  ) {
    guard old != new else { return }
    if old & 1 != 0 {
      memory.store(0, to: entry)
      memory.invalidate()
    }
    if new != 0 { memory.store(new, to: entry) }
  }

  /// The leaf that maps `address`, or nil.
  func lookup<Memory: TableMemory>(_ address: UInt64, in memory: Memory) -> UInt64? {
    guard address < (1 &<< UInt64(inputBits)) else { return nil }
    var table = root
    var level = startLevel
    while true {
      let index =
        level == startLevel
        ? address / Self.span(ofLevel: level) : (address / Self.span(ofLevel: level)) & 511
      let descriptor = memory.load(table &+ index &* 8)
      if descriptor & 1 == 0 { return nil }
      if level == 3 || descriptor & 0b10 == 0 { return descriptor }
      table = descriptor & Self.addressMask
      level &+= 1
    }
  }
}
