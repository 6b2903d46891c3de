@testable import DeviceTree

/// What a device tree is made of in these tests, written much as it would be in its source.
enum Item: Sendable {
  case property(String, [UInt8])
  case node(String, [Item])
  /// A token that says nothing, as a boot loader leaves it where it has removed something.
  case nop

  static func node(_ name: String, _ items: Item...) -> Item { .node(name, items) }
  static func empty(_ name: String) -> Item { .property(name, []) }

  static func cells(_ name: String, _ cells: UInt32...) -> Item {
    .property(name, cells.flatMap(bigEndian))
  }

  static func strings(_ name: String, _ strings: String...) -> Item {
    .property(name, strings.flatMap { Array($0.utf8) + [0] })
  }
}

/// Makes flattened device trees, sharing no code with the module that reads them.
struct TreeBuilder {
  static let headerSize = 40

  var reservations: [(address: UInt64, size: UInt64)] = []
  var bootCPU: UInt32 = 0
  private(set) var structure: [UInt8] = []
  private(set) var strings: [UInt8] = []

  init(_ root: [Item]) {
    append(.node("", root))
    structure += bigEndian(9)
  }

  /// Header, memory reservations, structure, strings, and nothing between them.
  var bytes: [UInt8] {
    var reservationBlock = reservations.flatMap {
      bigEndian(wide: $0.address) + bigEndian(wide: $0.size)
    }
    reservationBlock += [UInt8](repeating: 0, count: 16)
    let structureOffset = TreeBuilder.headerSize + reservationBlock.count
    let stringsOffset = structureOffset + structure.count
    let header: [Int] = [
      0xd00d_feed, stringsOffset + strings.count, structureOffset, stringsOffset,
      TreeBuilder.headerSize, 17, 16, Int(bootCPU), strings.count, structure.count,
    ]
    return header.flatMap { bigEndian(UInt32($0)) } + reservationBlock + structure + strings
  }

  private mutating func append(_ item: Item) {
    switch item {
    case .nop:
      structure += bigEndian(4)
    case .property(let name, let value):
      structure += bigEndian(3) + bigEndian(UInt32(value.count)) + bigEndian(offset(of: name))
      structure += value
      pad()
    case .node(let name, let items):
      structure += bigEndian(1) + Array(name.utf8) + [0]
      pad()
      for item in items { append(item) }
      structure += bigEndian(2)
    }
  }

  private mutating func offset(of name: String) -> UInt32 {
    let name = Array(name.utf8) + [0]
    for offset in strings.indices where strings[offset...].starts(with: name) {
      return UInt32(offset)
    }
    strings += name
    return UInt32(strings.count - name.count)
  }

  private mutating func pad() {
    while structure.count % 4 != 0 { structure.append(0) }
  }
}

func bigEndian(_ cell: UInt32) -> [UInt8] {
  [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: cell >> $0) }
}

func bigEndian(wide number: UInt64) -> [UInt8] {
  bigEndian(UInt32(number >> 32)) + bigEndian(UInt32(truncatingIfNeeded: number))
}

extension DeviceTree {
  /// The tree in some bytes, which stay in memory as long as the tests run: a tree does not keep
  /// what it looks at.
  init(bytes: [UInt8]) throws {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    unsafe memory.copyBytes(from: bytes)
    try unsafe self.init(validating: UnsafeRawBufferPointer(memory))
  }

  init(_ root: Item...) throws {
    try self.init(bytes: TreeBuilder(root).bytes)
  }
}

extension DeviceTree.Text {
  /// Text made at run time, which stays in memory as long as the tests run.
  init(_ string: String) {
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: string.utf8.count, alignment: 1)
    unsafe memory.copyBytes(from: string.utf8)
    unsafe self.init(UnsafeRawBufferPointer(memory))
  }

  var bytes: [UInt8] { (0..<count).map { self[$0] } }
  var string: String { String(decoding: bytes, as: UTF8.self) }
}

extension IteratorProtocol {
  /// Everything that is left, for comparison.
  var all: [Element] { Array(IteratorSequence(self)) }
}

extension DeviceTree.Region {
  /// A region that a test knows to end within the address space.
  init(_ address: UInt64, _ size: UInt64) {
    self.init(from: address, to: address + size)
  }
}

extension DeviceTree.Node {
  /// The part of the CPUs' address space that a bus passes on to its children (`ranges`), which the module
  /// reads for ``DeviceTree/physicalRegions``. None if `ranges` is missing or empty.
  func windows() throws(DeviceTreeError) -> DeviceTree.Regions {
    guard let ranges = property("ranges"), !ranges.isEmpty else { return DeviceTree.Regions(nil) }
    return try DeviceTree.Regions(checking: AddressTable(rangesOf: self))
  }
}
