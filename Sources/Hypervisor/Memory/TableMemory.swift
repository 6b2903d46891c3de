/// The memory that translation tables lie in. Tests keep them in a dictionary.
protocol TableMemory: ~Copyable {
  func load(_ address: PhysicalAddress) -> UInt64
  mutating func store(_ descriptor: UInt64, to address: PhysicalAddress)
  /// Makes what was stored visible to every table walk that follows. The walker is an observer of its own
  /// (Arm ARM D8.2.6): without, it may see a table's descriptor before the table's contents.
  mutating func publish()
}

/// The translation lookaside buffers that may hold what a set of tables says.
protocol TableTLB: ~Copyable {
  associatedtype Input: Address
  /// When this returns, no core holds anything of these addresses from before, and no access that used it is
  /// still under way.
  mutating func invalidate(_ range: AddressRange<Input>)
}

/// That of tables which no core uses yet.
struct UnusedTables<Input: Address>: TableTLB {
  mutating func invalidate(_ range: AddressRange<Input>) {}
}

/// Pages of EL2's own for tables: what was never taken, in one piece, and what was given back, as a list that is
/// threaded through the pages themselves.
struct PagePool: ~Copyable {
  /// Where the part begins that was never taken.
  private(set) var firstUnused: PhysicalAddress
  private let end: PhysicalAddress
  private var firstFree: PhysicalAddress?
  private var freeCount: UInt64 = 0

  /// - Parameter end: the address after the last page. Both are multiples of a page.
  init(from first: PhysicalAddress, to end: PhysicalAddress) {
    firstUnused = first
    self.end = end
  }

  /// How many pages can be taken one by one.
  var available: UInt64 {
    freeCount &+ (end.rawValue &- firstUnused.rawValue) / Page.size
  }

  /// A page of zeros, or nil if there is none.
  mutating func take<Memory: TableMemory & ~Copyable>(
    in memory: inout Memory
  ) -> PhysicalAddress? {
    let page: PhysicalAddress
    if let free = firstFree {
      page = free
      // Page 0 is nobody's table: it ends the list.
      let next = memory.load(page)
      firstFree = next == 0 ? nil : PhysicalAddress(next)
      freeCount &-= 1
    } else {
      guard firstUnused != end else { return nil }
      page = firstUnused
      firstUnused = firstUnused &+ Page.size
    }
    Self.clear(page, in: &memory)
    return page
  }

  /// `count` pages of zeros in a row, aligned to their whole size as concatenated tables must be (Arm ARM
  /// D8.2.5). What is left out before them can be taken one by one.
  ///
  /// - Parameter count: a power of two.
  /// - Returns: nil if there is no such run.
  mutating func takeRun<Memory: TableMemory & ~Copyable>(
    of count: UInt64, in memory: inout Memory
  ) -> PhysicalAddress? {
    let size = count &* Page.size
    let first = PhysicalAddress((firstUnused.rawValue &+ size &- 1) & ~(size &- 1))
    guard first.rawValue <= end.rawValue, end.rawValue &- first.rawValue >= size else {
      return nil
    }
    while firstUnused != first {
      giveBack(firstUnused, in: &memory)
      firstUnused = firstUnused &+ Page.size
    }
    firstUnused = first &+ size
    for index in 0..<count { Self.clear(first &+ index &* Page.size, in: &memory) }
    return first
  }

  /// Takes back a page that no walk can come to any more.
  mutating func giveBack<Memory: TableMemory & ~Copyable>(
    _ page: PhysicalAddress, in memory: inout Memory
  ) {
    memory.store(firstFree?.rawValue ?? 0, to: page)
    firstFree = page
    freeCount &+= 1
  }

  private static func clear<Memory: TableMemory & ~Copyable>(
    _ page: PhysicalAddress, in memory: inout Memory
  ) {
    for index in 0..<Page.size / 8 { memory.store(0, to: page &+ index &* 8) }
  }
}
