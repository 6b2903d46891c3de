import DeviceTree
import Testing

@testable import Hypervisor

private let mib: UInt64 = 1 << 20
private let gib: UInt64 = 1 << 30

private func region(_ address: UInt64, _ size: UInt64) -> Region {
  Region(from: address, to: address + size)
}

@Suite("Where EL2 goes")
struct PlacementTests {
  struct Row: CustomTestStringConvertible {
    var testDescription: String
    var ram: [Region]
    var used: [Region] = []
    var size = 4 * mib
    var limit: UInt64 = 1 << 48
    var place: Region?
  }

  static let rows = [
    Row(
      testDescription: "the end of RAM, where it is free", ram: [region(gib, gib)],
      used: [region(gib + 2 * mib, 40 * mib)], place: region(2 * gib - 4 * mib, 4 * mib)),
    Row(
      testDescription: "below an initrd at the end of RAM", ram: [region(gib, gib)],
      used: [region(2 * gib - 33 * mib, 33 * mib)], place: region(2 * gib - 38 * mib, 4 * mib)),
    Row(
      testDescription: "above the tree, where U-Boot leaves it", ram: [region(gib, gib)],
      used: [region(0x7dca_b000, 0x2000)], place: region(2 * gib - 4 * mib, 4 * mib)),
    Row(
      testDescription: "below the tree, where it is the last thing in RAM", ram: [region(gib, gib)],
      used: [region(2 * gib - 0x2000, 0x2000)], place: region(2 * gib - 6 * mib, 4 * mib)),
    Row(
      testDescription: "between two in use, however they are ordered", ram: [region(gib, gib)],
      used: [
        region(gib, 100 * mib), region(2 * gib - 16 * mib, mib), region(2 * gib - 2 * mib, mib),
        region(2 * gib - 10 * mib, 2 * mib),
      ], place: region(2 * gib - 6 * mib, 4 * mib)),
    Row(
      testDescription: "not in a gap that is large enough but has no boundary in the right place",
      ram: [region(gib, gib)],
      used: [region(2 * gib - mib, mib), region(2 * gib - 6 * mib, mib)],
      place: region(2 * gib - 10 * mib, 4 * mib)),
    Row(
      testDescription: "with the rest, where RAM does not end on a boundary",
      ram: [region(gib, gib - mib)], place: region(2 * gib - 6 * mib, 5 * mib)),
    Row(
      testDescription: "without the rest, where that is in use", ram: [region(gib, gib - mib)],
      used: [region(2 * gib - 2 * mib, 4096)], place: region(2 * gib - 6 * mib, 4 * mib)),
    Row(
      testDescription: "in the highest of several regions, whatever their order",
      ram: [region(34 * gib, gib), region(gib, gib), region(4 * gib, 2 * gib)],
      place: region(35 * gib - 4 * mib, 4 * mib)),
    Row(
      testDescription: "in a lower region, where the highest is too small or taken",
      ram: [region(gib, gib), region(4 * gib, 2 * gib), region(8 * gib, 3 * mib)],
      used: [region(4 * gib, 2 * gib)], place: region(2 * gib - 4 * mib, 4 * mib)),
    Row(
      testDescription: "above 4 GiB, as far as the CPU reaches", ram: [region(60 * gib, 8 * gib)],
      limit: 1 << 36, place: region(64 * gib - 4 * mib, 4 * mib)),
    Row(
      testDescription: "below what the CPU does not reach",
      ram: [region(gib, gib), region(64 * gib, gib)],
      limit: 1 << 36, place: region(2 * gib - 4 * mib, 4 * mib)),
    Row(
      testDescription: "the very last addresses that there are", ram: [region(gib, gib)],
      limit: 2 * gib, place: region(2 * gib - 4 * mib, 4 * mib)),
    Row(
      testDescription: "nowhere, where nothing is free", ram: [region(gib, 64 * mib)],
      used: [region(gib, 61 * mib)], place: nil),
    Row(
      testDescription: "nowhere, in a region that begins too late for a boundary",
      ram: [region(gib + mib, 4 * mib)], place: nil),
    Row(
      testDescription: "nowhere, at the beginning of the addresses", ram: [region(0, 2 * mib)],
      place: nil),
    Row(
      testDescription: "what begins at address 0 is as good as any other",
      ram: [region(0, 64 * mib)], used: [region(6 * mib, 58 * mib)], place: region(2 * mib, 4 * mib)
    ),
  ]

  @Test("is the highest range of RAM that nobody uses", arguments: rows)
  func highest(_ row: Row) {
    var ram = RegionList<16>()
    for region in row.ram { _ = ram.append(region) }
    let place = Placement.highest(row.size, in: ram, below: row.limit) { range in
      row.used.first { $0.overlaps(range) }
    }
    #expect(place == row.place)
  }

  @Test("does not depend on which of several obstacles is named first")
  func order() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<500 {
      var ram = RegionList<16>()
      _ = ram.append(region(gib, 64 * mib))
      let used = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
        region(
          gib + UInt64.random(in: 0..<64, using: &generator) * mib,
          UInt64.random(in: 1...4096, using: &generator) * 4096 / 8)
      }
      func find(_ used: [Region]) -> Region? {
        Placement.highest(4 * mib, in: ram, below: .max) { range in
          used.first { $0.overlaps(range) }
        }
      }
      let place = find(used)
      #expect(find(used.reversed()) == place, "\(used)")
      // No free range that begins on a boundary is higher.
      let starts = stride(from: gib, through: gib + 60 * mib, by: 2 * Int(mib)).reversed()
      let highest = starts.first { start in !used.contains { $0.overlaps(region(start, 4 * mib)) } }
      #expect(place?.address == highest, "\(used)")
    }
  }
}

@Suite("What of RAM is in use when EL2 begins")
struct UsedMemoryTests {
  /// A tree with an initrd, two reservations, and children of /reserved-memory.
  private static func tree() throws -> DeviceTree {
    var tree = FlatTree()
    tree.reservations = [region(0x4000_0000, 0x1000), region(0x7f00_0000, 0x10_0000)]
    tree.begin("")
    tree.add("#address-cells", [2])
    tree.add("#size-cells", [2])
    tree.begin("chosen")
    tree.add("linux,initrd-start", [0x4800_0000])
    tree.add("linux,initrd-end", [0x4900_0000])
    tree.end()
    tree.begin("reserved-memory")
    tree.add("#address-cells", [2])
    tree.add("#size-cells", [2])
    tree.add("ranges", [])
    tree.begin("firmware@7e000000")
    tree.add("reg", [0, 0x7e00_0000, 0, 0x10_0000, 8, 0, 0, 0x1000])
    tree.end()
    tree.begin("anywhere")
    tree.add("size", [0, 0x400_0000])
    tree.end()
    tree.begin("malformed@7d000000")
    tree.add("reg", [0x7d00_0000])
    tree.end()
    tree.begin("off@7c000000")
    tree.add("reg", [0, 0x7c00_0000, 0, 0x1000])
    tree.add("status", text: "disabled")
    tree.end()
    tree.end()
    tree.end()
    return try tree.finished()
  }

  @Test(
    "The image, the tree, the initrd, reservations of both kinds; and nothing else",
    arguments: [
      (0x4020_0000, true), (0x41ff_ffff, true), (0x4200_0000, false),  // the image
      (0x4400_0000, true), (0x4410_0000, false),  // the tree
      (0x47ff_ffff, false), (0x4800_0000, true), (0x48ff_ffff, true), (0x4900_0000, false),
      (0x4000_0fff, true), (0x4000_1000, false), (0x7f00_0000, true), (0x7f10_0000, false),
      (0x7e00_0000, true), (0x7e10_0000, false), (0x8_0000_0000, true),
      // A node without a place, one that is malformed, one that is not operational: they keep nobody off.
      (0x7d00_0000, false), (0x7c00_0000, false),
    ] as [(UInt64, Bool)])
  func regions(address: UInt64, isUsed: Bool) throws {
    let tree = try Self.tree()
    let used = try UsedMemory(
      tree: tree, at: 0x4400_0000, image: region(0x4020_0000, 30 * mib),
      interrupts: LiveInterruptTables(tree))
    let found = used.first(overlapping: region(address, 1))
    #expect((found != nil) == isUsed)
    #expect(found?.contains(address) != false)
  }
}

@Suite("Tables that the interrupt controller uses already, IHI 0069")
struct LiveInterruptTableTests {
  @Test("A redistributor's are those that its registers name, while GICR_CTLR.EnableLPIs is 1")
  func redistributor() {
    // As Linux writes them: shareability and cacheability, and 16 bits of INTID; PTZ.
    let properties: UInt64 = 0x4ad0_078f
    let pending: UInt64 = 0x4000_0000_4ae0_0780
    func tables(_ control: UInt32, _ properties: UInt64, bits: UInt64 = 16) -> LPITables? {
      LPITables(
        control: control, propertyBase: properties, pendingBase: pending, interruptBits: bits)
    }
    #expect(tables(0, properties) == nil)
    #expect(tables(1, properties)?.properties == region(0x4ad0_0000, 65536 - 8192))
    #expect(tables(1, properties)?.pending == region(0x4ae0_0000, 8192))
    // The controller has fewer numbers than the register says.
    #expect(tables(1, properties, bits: 14)?.properties == region(0x4ad0_0000, 8192))
    #expect(tables(1, properties | 0x1f)?.pending == region(0x4ae0_0000, 8192))
    // 13 bits: no number is an LPI's.
    #expect(tables(1, properties & ~0x1f | 12) == nil)
    #expect(LPITables.interruptBits(distributorType: 0x0378_0007) == 16)
  }

  @Test(
    "A table of an ITS is as long as its pages",
    arguments: [
      (0, nil),
      (0x0107_0000_4ae0_07ff, nil),  // not valid
      (0x8007_0000_4ae0_07ff, nil),  // no type
      (0x8107_0000_4ae0_0401, region(0x4ae0_0000, 0x2000)),
      (0x8107_0000_4ae0_0501, region(0x4ae0_0000, 0x8000)),
      (0x8107_0000_4ae0_0600, region(0x4ae0_0000, 0x1_0000)),
      (0x8107_0000_4ae0_a6ff, region(0xa_0000_4ae0_0000, 0x100_0000)),
    ] as [(UInt64, Region?)])
  func service(register: UInt64, table: Region?) {
    #expect(ITSTables.table(register) == table)
  }

  @Test("An ITS uses its tables while it is enabled, and until it is quiescent")
  func inUse() {
    #expect(ITSTables.areInUse(control: 1))
    #expect(ITSTables.areInUse(control: 0x8000_0001))
    #expect(ITSTables.areInUse(control: 0))
    #expect(!ITSTables.areInUse(control: 0x8000_0000))
    #expect(ITSTables.commandQueue(0x8000_0000_4af0_070f) == region(0x4af0_0000, 0x1_0000))
    #expect(ITSTables.commandQueue(0x0000_0000_4af0_070f) == nil)
  }
}

/// Makes a small flattened device tree (Devicetree Specification v0.4, chapter 5).
struct FlatTree {
  var reservations: [Region] = []
  private var structure: [UInt8] = []
  private var strings: [UInt8] = []

  mutating func begin(_ name: String) {
    structure += Self.cells([1]) + Array(name.utf8) + [0]
    pad()
  }

  mutating func end() { structure += Self.cells([2]) }

  mutating func add(_ name: String, _ cells: [UInt32]) { add(name, bytes: Self.cells(cells)) }

  mutating func add(_ name: String, text: String) { add(name, bytes: Array(text.utf8) + [0]) }

  mutating func add(_ name: String, bytes: [UInt8]) {
    structure += Self.cells([3, UInt32(bytes.count), UInt32(strings.count)]) + bytes
    strings += Array(name.utf8) + [0]
    pad()
  }

  private mutating func pad() {
    while structure.count % 4 != 0 { structure.append(0) }
  }

  /// The tree, in memory that stays: a tree does not keep what it looks at.
  func finished() throws -> DeviceTree {
    let structure = self.structure + Self.cells([9])
    let block = reservations.flatMap { region in
      Self.cells(
        [region.address, region.size].flatMap {
          [UInt32($0 >> 32), UInt32(truncatingIfNeeded: $0)]
        })
    }
    let structureStart = 40 + block.count + 16
    let stringsStart = structureStart + structure.count
    let header = [
      0xd00d_feed, stringsStart + strings.count, structureStart, stringsStart, 40, 17, 16, 0,
      strings.count, structure.count,
    ].map { UInt32($0) }
    let bytes = Self.cells(header) + block + [UInt8](repeating: 0, count: 16) + structure + strings
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
    unsafe memory.copyBytes(from: bytes)
    return try unsafe DeviceTree(validating: UnsafeRawBufferPointer(memory))
  }

  private static func cells(_ cells: [UInt32]) -> [UInt8] {
    cells.flatMap { cell in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: cell >> $0) } }
  }
}
