import DeviceTree
import Testing

/// A new tree from an old one: what is edited is new, all else as it was.
@Suite struct EditTests {
  private func virt() throws -> DeviceTree { try DeviceTree(bytes: VirtMachine.builder.bytes) }

  // MARK: What is not edited

  @Test func `a tree without edits is written as it was, to the byte`() throws {
    let bytes = VirtMachine.builder.bytes
    let tree = try DeviceTree(bytes: bytes)
    #expect(try tree.written(with: .init(of: tree)) == bytes)
  }

  @Test func `slack, gaps and empty tokens are not written`() throws {
    let sparse = TreeBuilder([.nop, .node("a", .nop, .cells("x", 1), .nop), .nop])
    let compact = TreeBuilder([.node("a", .cells("x", 1))])
    var bytes = sparse.bytes + [UInt8](repeating: 0, count: 0x1000)
    bytes.replaceSubrange(4..<8, with: bigEndian(UInt32(bytes.count)))
    let tree = try DeviceTree(bytes: bytes)
    #expect(try tree.written(with: .init(of: tree)) == compact.bytes)
  }

  @Test func `the blocks of the old tree may be in any order`() throws {
    let builder = VirtMachine.builder
    // Strings, structure, reservations.
    let strings = builder.strings + [UInt8](repeating: 0, count: -builder.strings.count & 7)
    let structure = builder.structure + [UInt8](repeating: 0, count: -builder.structure.count & 7)
    let reservations =
      builder.reservations.flatMap { bigEndian(wide: $0.address) + bigEndian(wide: $0.size) }
      + [UInt8](repeating: 0, count: 16)
    let header: [Int] = [
      0xd00d_feed, 40 + strings.count + structure.count + reservations.count, 40 + strings.count,
      40, 40 + strings.count + structure.count, 17, 16, 0, builder.strings.count,
      builder.structure.count,
    ]
    let tree = try DeviceTree(
      bytes: header.flatMap { bigEndian(UInt32($0)) } + strings + structure + reservations)
    #expect(try tree.written(with: .init(of: tree)) == builder.bytes)
  }

  // MARK: Removing nodes

  @Test func `a removed node is gone with all that is below it`() throws {
    let tree = try DeviceTree(
      .node("a", .cells("x", 1), .node("b", .cells("y", 2), .node("c"))), .node("d", .node("e")),
      .node("f"))
    var edits = DeviceTree.Edits(of: tree)
    try edits.remove(try #require(tree.node(at: "/a/b")))
    try edits.remove(try #require(tree.node(at: "/d")))
    // What is below a removed node may be removed as well.
    try edits.remove(try #require(tree.node(at: "/d/e")))
    let expected = TreeBuilder([.node("a", .cells("x", 1)), .node("f")])
    let new = try tree.edited(by: edits)
    #expect(new.nodes.all.map(\.name.string) == ["", "a", "f"])
    #expect(new.nodes.all.map(\.depth) == [0, 1, 1])
    #expect(try tree.written(with: edits).count == expected.bytes.count + 2)  // `y`, NUL
  }

  @Test func `any one node can be removed, and then the tree fits where it lay`() throws {
    let tree = try virt()
    for node in tree.nodes.all where node.depth > 0 {
      var edits = DeviceTree.Edits(of: tree)
      try edits.remove(node)
      let gone = tree.nodes.all.filter { $0 == node || $0.ancestors.contains(node) }
      let new = try tree.edited(by: edits)
      #expect(new.nodes.all.count == tree.nodes.all.count - gone.count)
      #expect(new.totalSize < tree.totalSize)
    }
  }

  @Test func `what refers to a removed node stays and leads nowhere`() throws {
    let tree = try virt()
    var edits = DeviceTree.Edits(of: tree)
    try edits.remove(try #require(tree.node(at: "/pl011")))
    let new = try tree.edited(by: edits)
    #expect(new.node(at: "/aliases")?.property("serial0")?.text == "/pl011@9000000")
    #expect(new.standardOutput == nil)
  }

  @Test func `the root cannot be removed`() throws {
    let tree = try virt()
    var edits = DeviceTree.Edits(of: tree)
    #expect(throws: DeviceTreeError.rootRemoved) { try edits.remove(tree.root) }
  }

  // MARK: Taking memory out

  @Test(
    "memory is left in as many pieces as it takes",
    arguments: [
      ([], [.init(0x1000, 0x1000), .init(0x4000, 0x2000)]),
      ([.init(0x2000, 0x2000)], [.init(0x1000, 0x1000), .init(0x4000, 0x2000)]),
      ([.init(0x1000, 0x100)], [.init(0x1100, 0xf00), .init(0x4000, 0x2000)]),
      ([.init(0x1f00, 0x100)], [.init(0x1000, 0xf00), .init(0x4000, 0x2000)]),
      (
        [.init(0x1800, 0x100)],
        [.init(0x1000, 0x800), .init(0x1900, 0x700), .init(0x4000, 0x2000)]
      ),
      (
        [.init(0x1800, 0x100), .init(0x1400, 0x100)],
        [.init(0x1000, 0x400), .init(0x1500, 0x300), .init(0x1900, 0x700), .init(0x4000, 0x2000)]
      ),
      (
        [.init(0x1400, 0x500), .init(0x1600, 0x100)],
        [.init(0x1000, 0x400), .init(0x1900, 0x700), .init(0x4000, 0x2000)]
      ),
      (
        [.init(0x1400, 0x100), .init(0x1400, 0x500)],
        [.init(0x1000, 0x400), .init(0x1900, 0x700), .init(0x4000, 0x2000)]
      ),
      ([.init(0x1800, 0x3000)], [.init(0x1000, 0x800), .init(0x4800, 0x1800)]),
      ([.init(0, 0x4000)], [.init(0x4000, 0x2000)]),
      ([.init(0x1000, 0)], [.init(0x1000, 0x1000), .init(0x4000, 0x2000)]),
    ] as [([DeviceTree.Region], [DeviceTree.Region])])
  func exclusion(exclusions: [DeviceTree.Region], memory: [DeviceTree.Region]) throws {
    for (addressCells, sizeCells) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
      func reg(_ regions: [DeviceTree.Region]) -> Item {
        let bytes = regions.flatMap {
          bigEndian(wide: $0.address).suffix(addressCells * 4)
            + bigEndian(wide: $0.size).suffix(sizeCells * 4)
        }
        return .property("reg", Array(bytes))
      }
      func builder(_ regions: [DeviceTree.Region]) -> TreeBuilder {
        TreeBuilder([
          .cells("#address-cells", UInt32(addressCells)), .cells("#size-cells", UInt32(sizeCells)),
          .node("memory@1000", .strings("device_type", "memory"), reg(regions), .cells("x", 1)),
          .node("device@1000", reg([.init(0x1000, 0x1000)])),
        ])
      }
      let tree = try DeviceTree(
        bytes: builder([.init(0x1000, 0x1000), .init(0x4000, 0x2000)]).bytes)
      var edits = DeviceTree.Edits(of: tree)
      for exclusion in exclusions { try edits.excludeFromMemory(exclusion) }
      #expect(try tree.written(with: edits) == builder(memory).bytes)
    }
  }

  @Test func `a memory node of which nothing is left is removed`() throws {
    let tree = try DeviceTree(
      .cells("#address-cells", 1), .cells("#size-cells", 1),
      .node(
        "memory@1000", .strings("device_type", "memory"),
        .cells("reg", 0x1000, 0x1000, 0x3000, 0x1000), .node("below")),
      .node("memory@8000", .strings("device_type", "memory"), .cells("reg", 0x8000, 0x1000)))
    var edits = DeviceTree.Edits(of: tree)
    try edits.excludeFromMemory(.init(0, 0x5000))
    #expect(try tree.edited(by: edits).nodes.all.map(\.name.string) == ["", "memory@8000"])
  }

  @Test func `memory that is not operational yet is taken out all the same`() throws {
    let tree = try DeviceTree(
      .cells("#address-cells", 1), .cells("#size-cells", 1),
      .node(
        "memory@1000", .strings("device_type", "memory"), .strings("status", "disabled"),
        .cells("reg", 0x1000, 0x1000)))
    var edits = DeviceTree.Edits(of: tree)
    try edits.excludeFromMemory(.init(0x1000, 0x800))
    #expect(try tree.edited(by: edits).node(at: "/memory")?.region(0) == .init(0x1800, 0x800))
  }

  @Test func `what nothing is taken from stays as it was, to the byte`() throws {
    let bytes = TreeBuilder([
      .cells("#address-cells", 1), .cells("#size-cells", 1),
      .node(
        "memory@1000", .strings("device_type", "memory"),
        .cells("reg", 0x1000, 0x1000, 0, 0, 0x2000, 0x1000)),
      .node(
        "card",
        .node("memory@8000", .strings("device_type", "memory"), .cells("reg", 0x8000, 0x1000))),
    ]).bytes
    let tree = try DeviceTree(bytes: bytes)
    var edits = DeviceTree.Edits(of: tree)
    try edits.excludeFromMemory(.init(0x3000, 0x10_0000))
    #expect(try tree.written(with: edits) == bytes)
  }

  @Test(
    "memory that cannot be understood is not edited",
    arguments: [
      (2, [0, 0x1000], .malformedProperty), (3, [0, 0, 0x1000, 0x1000], .unsupportedCells),
      (2, [~0, ~0, 2], .wrappingRegion),
    ] as [(UInt32, [UInt32], DeviceTreeError)])
  func badMemory(addressCells: UInt32, reg: [UInt32], error: DeviceTreeError) throws {
    let tree = try DeviceTree(
      .cells("#address-cells", addressCells), .cells("#size-cells", 1),
      .node(
        "memory@1000", .strings("device_type", "memory"),
        .property("reg", reg.flatMap(bigEndian))))
    var edits = DeviceTree.Edits(of: tree)
    try edits.excludeFromMemory(.init(0x1000, 0x800))
    #expect(throws: error) { try tree.size(with: edits) }
  }

  // MARK: Setting properties

  @Test
  func `a property is set in place of the old one or beside the others, and nothing else is new`()
    throws
  {
    let tree = try virt()
    var edits = DeviceTree.Edits(of: tree)
    let controller = try #require(try tree.gicV3()).node
    try edits.set("redistributor-stride", to: 0x4_0000, of: controller)
    try edits.set("phandle", to: 0x1_2345_6789, of: try #require(tree.node(at: "/intc/its")))
    let new = try tree.edited(by: edits)
    #expect(try new.gicV3()?.redistributorStride == 0x4_0000)
    #expect(new.node(at: "/intc")?.property("redistributor-stride")?.count == 8)
    #expect(new.node(at: "/intc/its")?.property("phandle")?.number == 0x1_2345_6789)
    #expect(new.node(at: "/intc/its")?.properties.all.count == 3)
    #expect(new.nodes.all.map(\.name.string) == tree.nodes.all.map(\.name.string))
    #expect(try new.gicV3()?.distributor == tree.gicV3()?.distributor)
  }

  @Test(
    arguments: [
      ("console=ttyAMA0", "console=ttyAMA0 a b"), ("", "a b"), (nil, "a b"),
      ("x y z", "x y z a b"),
    ] as [(String?, String)])
  func `words are added behind the text of a property, with a space between`(
    old: String?, expected: String
  ) throws {
    let chosen: [Item] = (old.map { [.strings("bootargs", $0)] } ?? []) + [.cells("other", 7)]
    let tree = try DeviceTree(.node("chosen", chosen), .node("after"))
    var edits = DeviceTree.Edits(of: tree)
    try edits.extend("bootargs", by: "a b", of: try #require(tree.chosen))
    let new = try tree.edited(by: edits)
    #expect(new.chosen?.property("bootargs")?.text?.string == expected)
    #expect(new.chosen?.property("bootargs")?.count == expected.utf8.count + 1)
    #expect(new.chosen?.property("other")?.number == 7)
    #expect(new.chosen?.properties.all.count == 2)
    #expect(new.node(at: "/after") != nil)
  }

  @Test func `a removed property is gone, and the node's others stay`() throws {
    let tree = try DeviceTree(
      .node("a", .cells("x", 1), .cells("y", 2), .node("b", .cells("x", 3))))
    var edits = DeviceTree.Edits(of: tree)
    try edits.remove("x", of: try #require(tree.node(at: "/a")))
    let new = try tree.edited(by: edits)
    #expect(new.node(at: "/a")?.properties.all.count == 1)
    #expect(try new.node(at: "/a")?.cell("y") == 2)
    #expect(try new.node(at: "/a/b")?.cell("x") == 3)
  }

  // MARK: CPUs that are not kept

  /// Twelve CPUs in three clusters of two threads a core, a PMU with an interrupt for each of the first
  /// ten, and a cache that two share.
  private func manyProcessors() throws -> DeviceTree {
    let processors: [Item] = (0..<12).map { n in
      .node(
        "cpu@\(n)", .strings("device_type", "cpu"), .cells("reg", 0, UInt32(n)),
        .cells("phandle", 100 + UInt32(n)))
    }
    let map = Item.node(
      "cpu-map",
      (0..<3).map { cluster in
        .node(
          "cluster\(cluster)",
          (0..<2).map { core in
            .node(
              "core\(core)",
              (0..<2).map { thread in
                .node(
                  "thread\(thread)",
                  .cells("cpu", 100 + UInt32(cluster * 4 + core * 2 + thread)))
              })
          })
      })
    return try DeviceTree(
      .node(
        "cpus",
        [.cells("#address-cells", 2), .cells("#size-cells", 0)] + processors
          + [map, .node("l2-cache", .strings("compatible", "cache"))]),
      .node(
        "pmu", .cells("interrupts", 0, 1, 4),
        .property("interrupt-affinity", (100..<110).flatMap { bigEndian($0) })))
  }

  @Test(
    "a CPU that is not kept vanishes with its place in cpu-map; where others refer to it, it fails",
    arguments: [[0, 1, 2, 3, 4, 5, 6, 7], [0, 4, 9], [11], Array(0..<12)] as [[UInt64]])
  func processors(kept: [UInt64]) throws {
    let tree = try manyProcessors()
    var edits = DeviceTree.Edits(of: tree)
    for affinity in kept { try edits.keepProcessor(affinity: affinity) }
    let new = try tree.edited(by: edits)
    #expect(try new.processors().all.map(\.affinity) == kept)
    for n in 0..<12 as Range<UInt64> {
      let status = new.node(at: .init("/cpus/cpu@\(n)")).map { $0.property("status")?.text?.string }
      // The PMU refers to the first ten.
      #expect(status == (kept.contains(n) ? .some(nil) : n < 10 ? "fail" : nil), "\(n)")
    }
    // Every leaf of the map is of a CPU that is there, and no core or cluster is without leaves.
    let leaves = new.nodes.all.compactMap { $0.property("cpu")?.cell(0) }
    #expect(leaves == kept.map { 100 + UInt32($0) })
    for node in new.nodes.all
    where node.name.starts(with: "core") || node.name.starts(with: "cluster") {
      #expect(!node.children.all.isEmpty, "\(node.name.string)")
    }
    #expect(new.node(at: "/cpus/l2-cache") != nil)
    #expect(new.node(at: "/pmu")?.property("interrupt-affinity")?.count == 40)
  }

  @Test func `a status that a CPU has already gives way to its failure`() throws {
    let tree = try DeviceTree(
      .node(
        "cpus", .cells("#address-cells", 1), .cells("#size-cells", 0),
        .node("cpu@0", .strings("device_type", "cpu"), .cells("reg", 0)),
        .node(
          "cpu@1", .strings("status", "okay"), .strings("device_type", "cpu"), .cells("reg", 1),
          .cells("phandle", 9))),
      .node("thermal", .cells("cooling-device", 9, 0, 1)))
    var edits = DeviceTree.Edits(of: tree)
    try edits.keepProcessor(affinity: 0)
    let new = try tree.edited(by: edits)
    let statuses = new.node(at: "/cpus/cpu@1")?.properties.all.filter { $0.name == "status" }
    #expect(statuses?.map(\.text?.string) == ["fail"])
    #expect(try new.processors().all.map(\.affinity) == [0])
  }

  // MARK: Limits

  @Test func `there is room for so many edits and no more`() throws {
    let tree = try DeviceTree(bytes: TreeBuilder((0..<40).map { .node("n\($0)") }).bytes)
    let nodes = tree.root.children.all
    var edits = DeviceTree.Edits(of: tree)
    for node in nodes.prefix(DeviceTree.Edits.removalLimit) { try edits.remove(node) }
    // The same once more takes no room.
    try edits.remove(nodes[0])
    #expect(throws: DeviceTreeError.tooManyEdits) { try edits.remove(nodes[39]) }
    for index in 0..<UInt64(DeviceTree.Edits.exclusionLimit) {
      try edits.excludeFromMemory(.init(index * 0x1000, 0x1000))
    }
    #expect(throws: DeviceTreeError.tooManyEdits) { try edits.excludeFromMemory(.init(0, 1)) }
    #expect(try tree.edited(by: edits).nodes.all.count == 1 + 40 - DeviceTree.Edits.removalLimit)
  }

  @Test func `edits are of one tree only`() throws {
    let (tree, other) = (try virt(), try virt())
    var edits = DeviceTree.Edits(of: tree)
    let node = try #require(other.node(at: "/timer"))
    #expect(throws: DeviceTreeError.foreignNode) { try edits.remove(node) }
    #expect(throws: DeviceTreeError.foreignNode) { try other.size(with: edits) }
  }

  @Test func `a tree is not written to where it does not fit`() throws {
    let tree = try virt()
    let edits = DeviceTree.Edits(of: tree)
    let size = try tree.size(with: edits)
    #expect(size == tree.totalSize)
    for room in [0, 1, 39, 40, 100, size - 1] {
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 1)
      defer { unsafe memory.deallocate() }
      unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
      #expect(throws: DeviceTreeError.destinationTooSmall) {
        try unsafe tree.write(edits, into: memory)
      }
      #expect(throws: DeviceTreeError.self) {
        try unsafe DeviceTree(validating: UnsafeRawBufferPointer(memory))
      }
    }
  }

  @Test func `a tree is not written over itself`() throws {
    let bytes = VirtMachine.builder.bytes
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count * 2, alignment: 1)
    defer { unsafe memory.deallocate() }
    unsafe memory.copyBytes(from: bytes)
    let tree = try unsafe DeviceTree(validating: UnsafeRawBufferPointer(memory))
    #expect(throws: DeviceTreeError.destinationOverlapsSource) {
      try unsafe tree.write(
        .init(of: tree), into: UnsafeMutableRawBufferPointer(rebasing: memory[(bytes.count - 1)...])
      )
    }
    let size = try unsafe tree.write(
      .init(of: tree), into: UnsafeMutableRawBufferPointer(rebasing: memory[bytes.count...]))
    #expect(size == bytes.count)
  }

  @Test func `a tree may not grow beyond what an operating system accepts`() throws {
    func tree(filler: Int) throws -> DeviceTree {
      try DeviceTree(
        .cells("#address-cells", 1), .cells("#size-cells", 1),
        .property("filler", Array(repeating: 0, count: filler)),
        .node(
          "memory", .property("device_type", Array("memory\0".utf8)),
          .cells("reg", 0x4000_0000, 0x1000_0000)))
    }
    // What is taken from the middle leaves two entries where there was one: it grows.
    func size(_ tree: DeviceTree) throws -> Int {
      var edits = DeviceTree.Edits(of: tree)
      try edits.excludeFromMemory(.init(0x4800_0000, 0x1000))
      return try tree.size(with: edits)
    }
    // Properties are padded to four bytes.
    let room = try (DeviceTree.maximumSize - size(tree(filler: 0))) / 4 * 4
    #expect(try size(tree(filler: room)) <= DeviceTree.maximumSize)
    let tooLarge = try tree(filler: room + 4)
    #expect(throws: DeviceTreeError.badTotalSize) { try size(tooLarge) }
  }

  @Test func `all that a hypervisor changes is changed at once`() throws {
    let tree = try virt()
    var edits = DeviceTree.Edits(of: tree)
    for transport in tree.enabledNodes(compatibleWith: "virtio,mmio").all {
      try edits.remove(transport)
    }
    try edits.excludeFromMemory(.init(0x4100_0000, 0x40_0000))
    let new = try tree.edited(by: edits)
    #expect(new.enabledNodes(compatibleWith: "virtio,mmio").all.isEmpty)
    #expect(
      try new.memoryNodes.all.flatMap { try $0.regions().all }
        == [.init(0x4000_0000, 0x100_0000), .init(0x4140_0000, 0x3ec0_0000)])
    #expect(new.chosen?.property("bootargs")?.text == tree.chosen?.property("bootargs")?.text)
    #expect(try new.initrd() == tree.initrd())
    #expect(new.reservations.all == tree.reservations.all)
    #expect(try new.gicV3()?.distributor == tree.gicV3()?.distributor)
    #expect(new.totalSize < tree.totalSize)
  }
}

extension DeviceTree {
  /// The bytes of an edited tree, in memory just large enough.
  func written(with edits: borrowing Edits) throws -> [UInt8] {
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: try size(with: edits), alignment: 1)
    defer { unsafe memory.deallocate() }
    let size = try unsafe write(edits, into: memory)
    #expect(size == memory.count)
    return unsafe Array(memory)
  }

  func edited(by edits: borrowing Edits) throws -> DeviceTree {
    try DeviceTree(bytes: try written(with: edits))
  }
}

extension DeviceTree.Node {
  var ancestors: [DeviceTree.Node] { parent.map { [$0] + $0.ancestors } ?? [] }
}
