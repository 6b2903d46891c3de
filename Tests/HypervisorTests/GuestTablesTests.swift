import Testing

@testable import Hypervisor

@Suite("The guest's own translation tables")
struct GuestTablesTests {
  /// TG0, TG1, and the logarithm of the size.
  static let granules: [(UInt64, UInt64, UInt64)] = [
    (0b00, 0b10, 12), (0b10, 0b01, 14), (0b01, 0b11, 16),
  ]
  static let physical: UInt64 = 0x0000_4567_0000_0000

  /// Tables in which one address, all of whose index bits are ones but for the lowest of each level, is
  /// mapped at `level`.
  struct Tables {
    var memory: [UInt64: UInt64] = [:]
    var leaf: UInt64 = 0
    var address: UInt64 = 0
    var guest: GuestTables

    /// - Parameter depth: how many tables lie before the leaf's.
    init(granule: (UInt64, UInt64, UInt64), inputBits: UInt64, depth: Int, isUpper: Bool) {
      let (tg0, tg1, size) = granule
      let half: UInt64 = (64 - inputBits) | 0b01 << 8 | 0b11 << 10 | 0b11 << 12
      let tcr: UInt64 = half | tg0 << 14 | half << 16 | tg1 << 30 | 1 << 40
      let first: UInt64 = 0x4000_0000
      guest = GuestTables(
        tcr: tcr, ttbr0: isUpper ? 0x7000_0000 : first | 1, ttbr1: isUpper ? first | 1 : 0x7000_0000
      )
      var shift = size
      while shift + size - 3 < inputBits { shift += size - 3 }
      var table = first
      var width = inputBits - shift
      for level in 0...depth {
        let index: UInt64 = ((1 << width) - 1) & ~1
        address |= index << shift
        let isLeaf = level == depth
        let isPage = shift == size
        let next = table + 0x1_0000
        leaf = table + index * 8
        memory[leaf] =
          isLeaf
          ? (GuestTablesTests.physical & (~0 << shift)) | 1 << 10 | (isPage ? 0b11 : 0b01)
          : next | 0b11
        table = next
        if !isLeaf { shift -= size - 3 }
        width = size - 3
      }
      address |= 0x128
      if isUpper { address |= ~0 << inputBits }
      physical = (GuestTablesTests.physical & (~0 << shift)) | (address & ((1 << shift) - 1))
    }

    var physical: UInt64

    func found(_ tables: GuestTables? = nil, physical: UInt64? = nil) -> GuestTables.Leaf? {
      (tables ?? guest).leaf(
        mapping: VirtualAddress(address), to: IntermediateAddress(physical ?? self.physical)
      ) { memory[$0.rawValue] }
    }
  }

  @Test("the descriptor of a page is found in every granule and size", arguments: 0..<3, 25..<49)
  func pages(granule: Int, inputBits: Int) throws {
    let granule = Self.granules[granule]
    let levels = (UInt64(inputBits) - granule.2 + granule.2 - 4) / (granule.2 - 3)
    for isUpper in [false, true] {
      let tables = Tables(
        granule: granule, inputBits: UInt64(inputBits), depth: Int(levels) - 1, isUpper: isUpper)
      let leaf = try #require(tables.found())
      #expect(leaf.location.rawValue == tables.leaf)
      #expect(leaf.descriptor == tables.memory[tables.leaf])
      // A tag in the top byte is no part of it.
      if !isUpper {
        let tagged = tables.guest.leaf(
          mapping: VirtualAddress(tables.address | 0x5A << 56),
          to: IntermediateAddress(tables.physical)
        ) { tables.memory[$0.rawValue] }
        #expect(tagged == leaf)
      }
    }
  }

  @Test("and of a block", arguments: 0..<3)
  func blocks(granule: Int) throws {
    for depth in 0..<2 {
      let tables = Tables(
        granule: Self.granules[granule], inputBits: 39, depth: depth, isUpper: false)
      #expect(try #require(tables.found()).location.rawValue == tables.leaf)
    }
  }

  @Test("what is not the mapping that the processor has found is none")
  func refused() {
    let tables = Tables(granule: Self.granules[0], inputBits: 48, depth: 3, isUpper: false)
    #expect(tables.found() != nil)
    #expect(tables.found(physical: tables.physical ^ 0x1000) == nil)
    for bit in 0..<2 as Range<UInt64> {
      var changed = tables
      changed.memory[tables.leaf]? ^= 1 << bit
      #expect(changed.found() == nil)
    }
    var unreadable = tables
    unreadable.memory[tables.leaf] = nil
    #expect(unreadable.found() == nil)
    // A reserved granule; walks that do not go through the caches.
    for tcr in [
      tables.guest.tcr | 0b11 << 14, tables.guest.tcr & ~(0b11 << 8),
      tables.guest.tcr & ~(0b11 << 10),
    ] {
      let guest = GuestTables(tcr: tcr, ttbr0: tables.guest.ttbr0, ttbr1: tables.guest.ttbr1)
      #expect(tables.found(guest) == nil)
    }
  }

  @Test("what stands below the first table's address in TTBR is no part of it", arguments: 0..<3)
  func base(granule: Int) throws {
    for inputBits in 25..<49 as Range<UInt64> {
      let size = Self.granules[granule].2
      let levels = (inputBits - 4) / (size - 3)
      for isUpper in [false, true] {
        let tables = Tables(
          granule: Self.granules[granule], inputBits: inputBits, depth: Int(levels) - 1,
          isUpper: isUpper)
        var shift = size
        while shift + size - 3 < inputBits { shift += size - 3 }
        // A table of 2^n descriptors is aligned to its size, and to 64 bytes.
        let below = max((8 as UInt64) << (inputBits - shift), 64) - 1
        let guest = GuestTables(
          tcr: tables.guest.tcr, ttbr0: tables.guest.ttbr0 | below | 0xabcd << 48,
          ttbr1: tables.guest.ttbr1 | below | 0xabcd << 48)
        #expect(try #require(tables.found(guest)).location.rawValue == tables.leaf)
      }
    }
  }

  @Test("tables of 52-bit addresses, whose descriptors are of another form, are not read")
  func longAddresses() {
    let tables = Tables(granule: Self.granules[2], inputBits: 48, depth: 2, isUpper: false)
    #expect(tables.found() != nil)
    for bits in [0b110 << 32, 0b111 << 32, 1 << 59] as [UInt64] {
      let guest = GuestTables(
        tcr: tables.guest.tcr | bits, ttbr0: tables.guest.ttbr0, ttbr1: tables.guest.ttbr1)
      #expect(tables.found(guest) == nil)
    }
    let guest = GuestTables(
      tcr: tables.guest.tcr | 0b101 << 32, ttbr0: tables.guest.ttbr0, ttbr1: tables.guest.ttbr1)
    #expect(tables.found(guest) != nil)
  }

  @Test("who manages the dirty state is TCR_EL1.HD")
  func dirtyState() {
    for bit in 0..<64 as Range<UInt64> {
      #expect(
        GuestTables(tcr: 1 << bit, ttbr0: 0, ttbr1: 0).managesDirtyState == (bit == 40))
    }
    #expect(GuestTables.Leaf.clean == 0x80)
  }
}
