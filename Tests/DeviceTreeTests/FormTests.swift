import DeviceTree
import Testing

/// What a tree must be like to be read at all (Devicetree Specification v0.4, chapter 5).
@Suite struct FormTests {
  /// The offsets of the header's fields.
  enum Field: Int {
    case magic = 0
    case totalSize = 4
    case structureOffset = 8
    case stringsOffset = 12
    case reservationsOffset = 16
    case version = 20
    case lastCompatibleVersion = 24
    case stringsSize = 32
    case structureSize = 36
  }

  @Test func `the smallest tree is a root without properties`() throws {
    let tree = try DeviceTree()
    #expect(tree.nodes.all.count == 1)
    #expect(tree.root.name.isEmpty)
    #expect(tree.root.parent == nil)
    #expect(tree.root.properties.all.isEmpty)
  }

  @Test func `the header alone tells the size of the tree behind it`() throws {
    let bytes = VirtMachine.builder.bytes
    let size = try unsafe bytes.prefix(40).withUnsafeBytes {
      try unsafe DeviceTree.totalSize(header: $0)
    }
    #expect(size == bytes.count)
  }

  @Test func `memory may go on behind the tree`() throws {
    let bytes = VirtMachine.builder.bytes
    let tree = try DeviceTree(bytes: bytes + [1, 2, 3])
    #expect(tree.totalSize == bytes.count)
  }

  @Test func `the boot CPU comes from the header`() throws {
    var builder = TreeBuilder([])
    builder.bootCPU = 0x0102
    #expect(try DeviceTree(bytes: builder.bytes).bootCPU == 0x0102)
  }

  @Test func `a tree that ends before its header does is refused`() {
    let bytes = VirtMachine.builder.bytes
    for count in 0..<40 {
      #expect(throws: DeviceTreeError.truncatedHeader) {
        try DeviceTree(bytes: Array(bytes.prefix(count)))
      }
    }
  }

  @Test func `a tree that is cut short anywhere is refused`() {
    let bytes = VirtMachine.builder.bytes
    for count in 40..<bytes.count {
      #expect(throws: DeviceTreeError.badTotalSize) {
        try DeviceTree(bytes: Array(bytes.prefix(count)))
      }
    }
  }

  @Test(
    "a header whose numbers cannot be is refused",
    arguments: [
      (Field.magic, 0xd00d_feee, DeviceTreeError.badMagic),
      (.version, 16, .unsupportedVersion),
      (.lastCompatibleVersion, 18, .unsupportedVersion),
      (.totalSize, 39, .badTotalSize),
      (.totalSize, 0x0020_0001, .badTotalSize),
      (.totalSize, 0xffff_ffff, .badTotalSize),
      (.structureOffset, 0, .misplacedBlock),
      (.structureOffset, 58, .misplacedBlock),
      (.structureOffset, 0xffff_fffc, .misplacedBlock),
      (.structureSize, 0xffff_ffff, .misplacedBlock),
      (.stringsOffset, 36, .misplacedBlock),
      (.stringsOffset, 0xffff_ffff, .misplacedBlock),
      (.stringsSize, 0xffff_ffff, .misplacedBlock),
      (.reservationsOffset, 32, .misplacedBlock),
      (.reservationsOffset, 44, .misplacedBlock),
      (.reservationsOffset, 0xffff_fff8, .misplacedBlock),
    ] as [(Field, UInt32, DeviceTreeError)])
  func badHeader(field: Field, value: UInt32, error: DeviceTreeError) {
    var bytes = VirtMachine.builder.bytes
    bytes.replaceSubrange(field.rawValue..<(field.rawValue + 4), with: bigEndian(value))
    #expect(throws: error) { try DeviceTree(bytes: bytes) }
  }

  @Test func `memory reservations end with an entry of two zeros`() {
    var builder = TreeBuilder([])
    builder.reservations = [(0x1000, 0x1000)]
    var bytes = builder.bytes
    // The block at the end of the tree, its last entry missing.
    bytes += bigEndian(wide: 0x1000) + bigEndian(wide: 0x1000)
    while bytes.count % 8 != 0 { bytes.append(0) }
    let start = bytes.count
    bytes += bigEndian(wide: 0x1000) + bigEndian(wide: 0x1000)
    bytes.replaceSubrange(4..<8, with: bigEndian(UInt32(bytes.count)))
    bytes.replaceSubrange(16..<20, with: bigEndian(UInt32(start)))
    #expect(throws: DeviceTreeError.unterminatedReservations) { try DeviceTree(bytes: bytes) }
  }

  @Test func `a memory reservation ends within the address space`() {
    var builder = TreeBuilder([])
    builder.reservations = [(.max, 1)]
    #expect(throws: DeviceTreeError.wrappingRegion) { try DeviceTree(bytes: builder.bytes) }
  }

  @Test func `the strings block ends with a NUL`() {
    var bytes = TreeBuilder([.empty("a")]).bytes
    bytes[bytes.count - 1] = 0x61
    #expect(throws: DeviceTreeError.unterminatedStrings) { try DeviceTree(bytes: bytes) }
  }

  /// The tokens of a structure block, by their numbers.
  static let begin: [UInt32] = [1, 0]
  static let property: [UInt32] = [3, 4, 0, 0x1234]

  @Test(
    "a structure block that is not a tree is refused",
    arguments: [
      ([], .truncatedStructure),
      ([9], .notOneRoot),
      (begin + [2, 9], nil),
      ([4] + begin + [4, 2, 4, 9], nil),
      (begin + [2] + begin + [2, 9], .notOneRoot),
      (begin + [2], .truncatedStructure),
      (begin + [9], .unbalancedNodes),
      (begin + [2, 2, 9], .unbalancedNodes),
      ([2, 9], .unbalancedNodes),
      ([1], .unterminatedName),
      ([1, 0x6161_6161], .unterminatedName),
      (begin + begin + [2, 2, 9], .unnamedNode),
      (begin + [5, 2, 9], .unknownToken),
      (begin + [0, 2, 9], .unknownToken),
      (begin + property + [2, 9], nil),
      (property + begin + [2, 9], .misplacedProperty),
      (begin + [1, 0x6100_0000, 2] + property + [2, 9], .misplacedProperty),
      (begin + [2] + property + [9], .misplacedProperty),
      (begin + [3, 4, 2, 0, 2, 9], .badPropertyName),
      (begin + [3, 4, 0xffff_ffff, 0, 2, 9], .badPropertyName),
      (begin + [3, 100, 0, 0, 2, 9], .truncatedStructure),
      (begin + [3, 0xffff_ffff, 0, 0, 2, 9], .truncatedStructure),
      (begin + [3, 4], .truncatedStructure),
    ] as [([UInt32], DeviceTreeError?)])
  func badStructure(cells: [UInt32], error: DeviceTreeError?) throws {
    let bytes = Self.tree(structure: cells)
    if let error {
      #expect(throws: error) { try DeviceTree(bytes: bytes) }
    } else {
      _ = try DeviceTree(bytes: bytes)
    }
  }

  @Test(arguments: [(16, nil), (17, .tooDeep)] as [(Int, DeviceTreeError?)])
  func `nodes are nested sixteen deep at most`(depth: Int, error: DeviceTreeError?) throws {
    var node = Item.node("n")
    for _ in 2..<depth { node = .node("n", node) }
    let bytes = TreeBuilder([node]).bytes
    if let error {
      #expect(throws: error) { try DeviceTree(bytes: bytes) }
    } else {
      let deepest = try #require(try DeviceTree(bytes: bytes).nodes.all.last)
      #expect(deepest.depth == depth - 1)
    }
  }

  /// A tree with the strings block `a`, NUL.
  private static func tree(structure: [UInt32]) -> [UInt8] {
    let header: [UInt32] = [
      0xd00d_feed, UInt32(58 + structure.count * 4), 56, UInt32(56 + structure.count * 4), 40, 17,
      16, 0, 2, UInt32(structure.count * 4),
    ]
    return (header + [0, 0, 0, 0] + structure).flatMap(bigEndian) + [0x61, 0]
  }
}
