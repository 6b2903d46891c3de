import DeviceTree
import Testing

/// `reg` and `ranges`: from a device's address on its bus to that of the CPUs
/// (Devicetree Specification v0.4, 2.3.5 to 2.3.8).
@Suite struct AddressTests {
  /// A device with a `reg` on a bus, where the root has addresses and sizes of two cells.
  private func device(bus: [Item], reg: Item...) throws -> DeviceTree.Node {
    let tree = try DeviceTree(
      .cells("#address-cells", 2), .cells("#size-cells", 2),
      .node("bus", bus + [.node("device", reg)]))
    return try #require(tree.node(at: "/bus/device"))
  }

  @Test(
    "cells make addresses and sizes",
    arguments: [
      (1, 1, [0x1000, 0x200], [.init(0x1000, 0x200)]),
      (
        1, 1, [0x1000, 0x200, 0xffff_0000, 0xffff],
        [.init(0x1000, 0x200), .init(0xffff_0000, 0xffff)]
      ),
      (2, 1, [1, 2, 3], [.init(0x1_0000_0002, 3)]),
      (1, 2, [1, 2, 3], [.init(1, 0x2_0000_0003)]),
      (2, 2, [0, 0x4000_0000, 1, 0], [.init(0x4000_0000, 0x1_0000_0000)]),
      (2, 2, [0xffff_ffff, 0xffff_f000, 0, 0xfff], [.init(0xffff_ffff_ffff_f000, 0xfff)]),
      (1, 1, [], []),
    ] as [(UInt32, UInt32, [UInt32], [DeviceTree.Region])])
  func cells(
    addressCells: UInt32, sizeCells: UInt32, reg: [UInt32], regions: [DeviceTree.Region]
  ) throws {
    let tree = try DeviceTree(
      .cells("#address-cells", addressCells), .cells("#size-cells", sizeCells),
      .node("device", .property("reg", reg.flatMap(bigEndian))))
    let device = try #require(tree.node(at: "/device"))
    #expect(try device.regions().all == regions)
    #expect(try device.regions().count == regions.count)
    for (index, region) in regions.enumerated() {
      #expect(try device.region(index) == region)
    }
    #expect(throws: DeviceTreeError.missingEntry) { try device.region(regions.count) }
    #expect(throws: DeviceTreeError.missingEntry) { try device.region(-1) }
  }

  @Test func `without cell counts an address has two cells and a size has one`() throws {
    let tree = try DeviceTree(.node("device", .cells("reg", 1, 2, 3)))
    #expect(try tree.node(at: "/device")?.region(0) == .init(0x1_0000_0002, 3))
  }

  @Test func `a node without reg has no regions`() throws {
    let tree = try DeviceTree(.node("device"))
    let device = try #require(tree.node(at: "/device"))
    #expect(try device.regions().all.isEmpty)
    #expect(throws: DeviceTreeError.missingProperty) { try device.region(0) }
  }

  @Test(
    "a reg that is no region is refused",
    arguments: [
      (2, 2, [0, 1, 2], .malformedProperty),
      (2, 2, [0xffff_ffff, 0xffff_f000, 0, 0x1000], .wrappingRegion),
      (2, 0, [0, 1], .unsupportedCells),
      (0, 1, [1], .unsupportedCells),
      (3, 1, [0, 0, 0, 1], .unsupportedCells),
      (0xffff_ffff, 0xffff_ffff, [0, 0], .unsupportedCells),
    ] as [(UInt32, UInt32, [UInt32], DeviceTreeError)])
  func badReg(
    addressCells: UInt32, sizeCells: UInt32, reg: [UInt32], error: DeviceTreeError
  ) throws {
    let tree = try DeviceTree(
      .cells("#address-cells", addressCells), .cells("#size-cells", sizeCells),
      .node("device", .property("reg", reg.flatMap(bigEndian))))
    let device = try #require(tree.node(at: "/device"))
    #expect(throws: error) { try device.regions() }
    #expect(throws: error) { try device.region(0) }
  }

  /// Addresses and sizes of one cell below the bus, and one window into what is above it.
  private static let window: [Item] = [
    .cells("#address-cells", 1), .cells("#size-cells", 1),
    .cells("ranges", 0x1000, 0x8, 0x0c00_0000, 0x1000, 0x4000, 0x9, 0x0000_0000, 0x10),
  ]

  @Test(
    "a window of ranges moves what is wholly inside of it",
    arguments: [
      (0x1000, 0x1000, .init(0x8_0c00_0000, 0x1000)),
      (0x1800, 0x100, .init(0x8_0c00_0800, 0x100)),
      (0x1fff, 1, .init(0x8_0c00_0fff, 1)),
      (0x4000, 0x10, .init(0x9_0000_0000, 0x10)),
      (0x1fff, 2, nil),
      (0x2000, 1, nil),
      (0x0fff, 1, nil),
      (0x1000, 0x1001, nil),
      (0xffff_ffff, 0xffff_ffff, nil),
    ] as [(UInt32, UInt32, DeviceTree.Region?)])
  func translation(address: UInt32, size: UInt32, region: DeviceTree.Region?) throws {
    let device = try device(bus: Self.window, reg: .cells("reg", address, size))
    if let region {
      #expect(try device.region(0) == region)
    } else {
      #expect(throws: DeviceTreeError.untranslatableAddress) { try device.region(0) }
      #expect(throws: DeviceTreeError.untranslatableAddress) { try device.regions() }
    }
  }

  @Test func `an empty ranges says that the addresses are the same`() throws {
    let device = try device(
      bus: [.cells("#address-cells", 1), .cells("#size-cells", 1), .empty("ranges")],
      reg: .cells("reg", 0x1000, 0x200))
    #expect(try device.region(0) == .init(0x1000, 0x200))
  }

  @Test func `without ranges the CPUs do not reach what is below a bus`() throws {
    let device = try device(
      bus: [.cells("#address-cells", 1), .cells("#size-cells", 1)],
      reg: .cells("reg", 0x1000, 0x200))
    #expect(throws: DeviceTreeError.untranslatableAddress) { try device.region(0) }
  }

  @Test func `each bus on the way up translates in turn`() throws {
    let tree = try DeviceTree(
      .cells("#address-cells", 2), .cells("#size-cells", 2),
      .node(
        "outer", .cells("#address-cells", 1), .cells("#size-cells", 1),
        .cells("ranges", 0x10_0000, 0x4, 0x0000_0000, 0x10_0000),
        .node(
          "inner", .cells("#address-cells", 2), .cells("#size-cells", 1),
          .cells("ranges", 0, 0, 0x18_0000, 0x1_0000),
          .node("device", .cells("reg", 0, 0x40, 0x20)))))
    #expect(
      try tree.node(at: "/outer/inner/device")?.region(0) == .init(0x4_0008_0040, 0x20))
    #expect(try tree.node(at: "/outer/inner")?.windows().all == [.init(0x4_0008_0000, 0x1_0000)])
    #expect(try tree.node(at: "/outer")?.windows().all == [.init(0x4_0000_0000, 0x10_0000)])
  }

  @Test(
    "ranges that are no windows are refused",
    arguments: [
      ([.cells("#address-cells", 1), .cells("ranges", 0, 0, 0)], .malformedProperty),
      ([.cells("#address-cells", 1), .cells("ranges", 0, ~0, ~0, 1)], .wrappingRegion),
      ([.cells("#address-cells", 9), .cells("ranges", 0)], .unsupportedCells),
      ([.cells("#address-cells", 1, 1), .cells("ranges", 0)], .malformedProperty),
      (
        [.cells("#address-cells", 1), .cells("#size-cells", 0), .cells("ranges", 0, 0, 0)],
        .unsupportedCells
      ),
    ] as [([Item], DeviceTreeError)])
  func badRanges(bus: [Item], error: DeviceTreeError) throws {
    let device = try device(bus: bus, reg: .cells("reg", 0, 1))
    #expect(throws: error) { try #require(device.parent).windows() }
  }

  @Test func `a PCI host's windows are known and its devices' addresses are not`() throws {
    let tree = try DeviceTree(bytes: VirtMachine.builder.bytes)
    let host = try #require(tree.node(at: "/pcie"))
    #expect(
      try host.windows().all == [
        .init(0x3eff_0000, 0x1_0000), .init(0x1000_0000, 0x2eff_0000),
        .init(0x80_0000_0000, 0x80_0000_0000),
      ])
    let device = try device(
      bus: [
        .cells("#address-cells", 3), .cells("#size-cells", 2),
        .cells("ranges", 0x0200_0000, 0, 0, 0, 0, 0, 0x1000),
      ], reg: .cells("reg", 0x0200_0010, 0, 0, 0, 0x100))
    #expect(throws: DeviceTreeError.unsupportedCells) { try device.region(0) }
  }

  @Test func `all regions of operational nodes are listed, those of buses and memory too`() throws {
    let tree = try DeviceTree(bytes: VirtMachine.builder.bytes)
    #expect(
      tree.physicalRegions.all == [
        .init(0x4000_0000, 0x4000_0000),
        .init(0x0c00_0000, 0x0200_0000),
        .init(0x0a00_0000, 0x200), .init(0x0a00_0200, 0x200), .init(0x0a00_0400, 0x200),
        .init(0x0a00_0600, 0x200),
        .init(0x40_1000_0000, 0x1000_0000), .init(0x3eff_0000, 0x1_0000),
        .init(0x1000_0000, 0x2eff_0000), .init(0x80_0000_0000, 0x80_0000_0000),
        .init(0x0900_0000, 0x1000),
        .init(0x0800_0000, 0x1_0000), .init(0x080a_0000, 0x00f6_0000),
        .init(0x0808_0000, 0x2_0000),
      ])
  }

  @Test func `regions know their ends and what they share`() {
    let region = DeviceTree.Region(0x1000, 0x1000)
    #expect(region.end == 0x2000)
    #expect(region.contains(0x1000) && region.contains(0x1fff))
    #expect(!region.contains(0xfff) && !region.contains(0x2000))
    #expect(region.overlaps(.init(0x1fff, 1)) && region.overlaps(.init(0, 0x10_0000)))
    #expect(!region.overlaps(.init(0x2000, 1)) && !region.overlaps(.init(0xfff, 1)))
    #expect(!region.overlaps(.init(0x1800, 0)))
    #expect(DeviceTree.Region(address: .max, size: 0) != nil)
    #expect(DeviceTree.Region(address: .max, size: 1) == nil)
  }
}
