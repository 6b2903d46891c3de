internal import EL2Support

/// The memory that EL2 maps one to one, as page tables need it.
struct PhysicalMemory: TableMemory {
  /// The next unused page of the pool, and the pool's end.
  private var nextPage: UInt64
  private let poolEnd: UInt64

  /// The whole pool that the linker script set aside.
  init() {
    nextPage = UInt64(el2_address_of___page_pool_start())
    poolEnd = UInt64(el2_address_of___page_pool_end())
  }

  /// Where the unused part of the pool begins.
  var firstUnused: UInt64 { nextPage }

  func load(_ address: UInt64) -> UInt64 { el2_mmio_read64(UInt(address)) }

  mutating func store(_ descriptor: UInt64, to address: UInt64) {
    el2_mmio_write64(UInt(address), descriptor)
    // The table walker is an observer of its own: the store must have reached it before anything
    // that relies on the entry (Arm ARM D8.2.1).
    el2_dsb_ishst()
  }

  mutating func allocatePage() -> UInt64? {
    guard nextPage < poolEnd else { return nil }
    let page = nextPage
    nextPage &+= TranslationTables.pageSize
    var address = page
    while address < nextPage {
      el2_mmio_write64(UInt(address), 0)
      address &+= 8
    }
    el2_dsb_ishst()
    return page
  }

  /// Nothing: valid entries are only changed at boot, before any core uses the tables.
  func invalidate() {}

  /// `count` pages in a row, aligned to their whole size, as concatenated tables need.
  mutating func allocatePages(_ count: UInt64) -> UInt64? {
    let alignment = count &* TranslationTables.pageSize
    while nextPage & (alignment &- 1) != 0 {
      guard allocatePage() != nil else { return nil }
    }
    let first = nextPage
    for _ in 0..<count {
      guard allocatePage() != nil else { return nil }
    }
    return first
  }
}
