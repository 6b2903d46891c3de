import DeviceTree
import Foundation
import SeededRandom
import Testing

/// Whatever is in a tree, every question is answered or refused: nothing traps, nothing goes on for
/// ever. `STEPWELL_FUZZ_SECONDS` makes the run longer.
@Suite struct FuzzTests {
  @Test func `a tree with anything in it is read, or refused`() throws {
    let original = VirtMachine.builder.bytes
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: original.count, alignment: 1)
    defer { unsafe memory.deallocate() }
    var random = SplitMix64(state: 0x5745_4c4c)
    var readable = 0
    try repeatedly { seed in
      random = SplitMix64(state: seed)
      unsafe memory.copyBytes(from: original)
      for _ in 0...random.below(4) { unsafe mutate(memory, &random) }
      guard let tree = try? unsafe DeviceTree(validating: UnsafeRawBufferPointer(memory)) else {
        return
      }
      readable += 1
      ask(tree)
      try edit(tree, &random)
    }
    // Most changes hit a value, not the form: otherwise the questions would not have been asked.
    #expect(readable > 0)
  }

  @Test func `a tree of random nodes is read, or refused`() throws {
    var random = SplitMix64(state: 1)
    var readable = 0
    try repeatedly { seed in
      random = SplitMix64(state: seed)
      let tree = try? DeviceTree(bytes: randomTree(&random))
      guard let tree else { return }
      readable += 1
      ask(tree)
      try edit(tree, &random)
    }
    #expect(readable > 0)
  }

  /// A fixed number of rounds, each with a seed of its own, or as many as fit into the time asked
  /// for.
  private func repeatedly(_ round: (UInt64) throws -> Void) rethrows {
    let seconds = ProcessInfo.processInfo.environment["STEPWELL_FUZZ_SECONDS"].flatMap(Double.init)
    let clock = ContinuousClock()
    let end = seconds.map { clock.now + .seconds($0) }
    var seed: UInt64 = 0
    while end.map({ clock.now < $0 }) ?? (seed < 300) {
      try round(seed)
      seed += 1
    }
  }

  // MARK: Making trees

  private func mutate(_ memory: UnsafeMutableRawBufferPointer, _ random: inout SplitMix64) {
    let count = memory.count
    switch random.below(5) {
    case 0:
      unsafe memory[random.below(count)] = UInt8(truncatingIfNeeded: random.next())
    case 1:
      // A cell, where a tree has its cells.
      let cell = Self.interestingCells[random.below(Self.interestingCells.count)]
      let offset = random.below(count / 4) * 4
      for (index, byte) in bigEndian(cell).enumerated() where offset + index < count {
        unsafe memory[offset + index] = byte
      }
    case 2:
      unsafe memory[random.below(count)] ^= 1 << UInt8(random.below(8))
    case 3:
      // One part over another.
      let length = random.below(min(64, count))
      let (from, to) = (random.below(count - length), random.below(count - length))
      for index in 0..<length { unsafe memory[to + index] = memory[from + index] }
    default:
      // The name of one property for another.
      let offset = random.below(count / 4) * 4
      let name = bigEndian(UInt32(random.below(512)))
      for (index, byte) in name.enumerated() where offset + index < count {
        unsafe memory[offset + index] = byte
      }
    }
  }

  private static let interestingCells: [UInt32] = [
    0, 1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 0x7f, 0xff, 0x100, 0x1000, 0x7fff_ffff, 0x8000_0000,
    0x8005, 0xffff_fff0, 0xffff_fffc, 0xffff_fffe, 0xffff_ffff, 0xd00d_feed,
  ]

  /// A tree of well-formed nodes, some of them too deep, with properties that mean something
  /// elsewhere.
  private func randomTree(_ random: inout SplitMix64) -> [UInt8] {
    let names = [
      "reg", "ranges", "#address-cells", "#size-cells", "interrupts", "interrupt-parent", "phandle",
      "#interrupt-cells", "interrupts-extended", "status", "compatible", "device_type",
    ]
    var values: [[UInt8]] = ["arm,gic-v3", "memory", "cpu", "okay"].map { Array($0.utf8) + [0] }
    for length in 0...6 {
      values.append((0..<length).flatMap { _ in bigEndian(random.small()) })
    }
    // How many nodes there may still be.
    var room = random.below(40)
    func items() -> [Item] {
      let properties = (0..<random.below(8)).map { _ in
        Item.property(names[random.below(names.count)], values[random.below(values.count)])
      }
      var children: [Item] = []
      while room > 0, random.below(5) > 0 {
        room -= 1
        children.append(.node(["memory", "cpus", "chosen", "bus"][random.below(4)], items()))
      }
      return properties + children
    }
    return TreeBuilder(items()).bytes
  }

  // MARK: Asking

  /// Asks all there is to ask.
  private func ask(_ tree: DeviceTree) {
    _ = tree.reservations.all.map(\.end)
    _ = tree.physicalRegions.all.map(\.end)
    _ = (tree.chosen?.property("bootargs")?.text?.count, tree.standardOutput?.depth)
    _ = try? tree.initrd()
    _ = tree.memoryNodes.all.count + (tree.reservedMemoryNodes?.all.count ?? 0)
    _ = (try? tree.psci(), try? tree.processors().all.map(\.affinity))
    _ = try? tree.genericTimer?.hypervisorPhysical
    if let gic = try? tree.gicV3() {
      _ = try? gic.maintenanceInterrupt()
      _ = gic.translationServices.all.count
      for index in 0..<gic.redistributorRegionCount { _ = try? gic.redistributorRegion(index) }
    }
    for node in tree.nodes.all {
      _ = (node.name.count, node.isEnabled, node.parent?.depth, node.children.all.count)
      _ = (try? node.regions().all, try? node.windows().all)
      for index in 0..<3 {
        _ = (try? node.region(index), try? node.interrupt(index))
      }
      if let phandle = node.phandle { _ = tree.node(phandle: phandle) }
      for property in node.properties.all {
        _ = (property.name.count, property.number, property.text?.count)
        _ = property.strings.all.map(\.count)
        if let text = property.text { _ = tree.node(at: text)?.depth }
      }
    }
  }

  /// What is written of a readable tree is readable, and has what it should have.
  private func edit(_ tree: DeviceTree, _ random: inout SplitMix64) throws {
    let nodes = tree.nodes.all
    var edits = DeviceTree.Edits(of: tree)
    #expect(try tree.edited(by: edits).nodes.all.map(\.name) == nodes.map(\.name))

    let removed = nodes[random.below(nodes.count)]
    if removed.depth > 0 { try edits.remove(removed) }
    let size = try tree.size(with: edits)
    #expect(try tree.edited(by: edits).totalSize == size)

    let start = random.next() & 0x7fff_ffff
    try edits.excludeFromMemory(.init(start, 1 + random.next() & 0xff_ffff))
    // Memory may be malformed, and then cannot be edited.
    guard (try? tree.size(with: edits)) != nil else { return }
    let new = try tree.edited(by: edits)
    for node in new.memoryNodes.all {
      for region in (try? node.regions().all) ?? [] { #expect(!region.contains(start)) }
    }
  }
}

extension SplitMix64 {
  /// Small numbers more often than large ones.
  fileprivate mutating func small() -> UInt32 {
    UInt32(truncatingIfNeeded: next() >> UInt64(32 + below(32)))
  }
}
