/// A property that lists regions: a `reg`, or the parent's side of a `ranges`
/// (Devicetree Specification v0.4, 2.3.6 and 2.3.8).
struct AddressTable {
  private let value: ByteView
  /// The bytes before an entry's address: in `ranges`, the child's address.
  private let prefix: Int
  private let addressCells: CellCount
  private let sizeCells: CellCount
  /// The node whose children's address space the addresses are in.
  private let bus: DeviceTree.Node

  /// The regions of a node in the address space of its parent.
  init(regOf node: DeviceTree.Node) throws(DeviceTreeError) {
    guard let bus = node.parent, let reg = node.property("reg") else { throw .missingProperty }
    self.bus = bus
    value = reg.value
    prefix = 0
    addressCells = try CellCount(try bus.addressCells)
    sizeCells = try CellCount(try bus.sizeCells)
    try checkLength()
  }

  /// The windows of a bus in the address space of its parent.
  ///
  /// The width of the child's addresses does not matter here. The windows of a PCI host are therefore read
  /// like those of any other bus.
  init(rangesOf node: DeviceTree.Node) throws(DeviceTreeError) {
    guard let bus = node.parent, let ranges = node.property("ranges") else {
      throw .missingProperty
    }
    self.bus = bus
    value = ranges.value
    // No binding has more than eight cells, and a product of more might overflow.
    let childCells = try node.addressCells
    guard childCells <= 8 else { throw .unsupportedCells }
    prefix = Int(childCells) * 4
    addressCells = try CellCount(try bus.addressCells)
    sizeCells = try CellCount(try node.sizeCells)
    try checkLength()
  }

  private func checkLength() throws(DeviceTreeError) {
    guard value.count % stride == 0 else { throw .malformedProperty }
  }

  /// The bytes of an entry; never 0, because an address has at least one cell.
  private var stride: Int { prefix + addressCells.byteCount + sizeCells.byteCount }

  var count: Int { value.count / stride }

  /// The nth entry in the address space of the bus.
  func busRegion(_ index: Int) throws(DeviceTreeError) -> DeviceTree.Region {
    guard index >= 0, index < count,
      let address = value.number(at: index * stride + prefix, cells: addressCells),
      let size = value.number(
        at: index * stride + prefix + addressCells.byteCount, cells: sizeCells)
    else { throw .missingEntry }
    guard let region = DeviceTree.Region(address: address, size: size) else {
      throw .wrappingRegion
    }
    return region
  }

  /// The nth entry as CPU physical addresses.
  func region(_ index: Int) throws(DeviceTreeError) -> DeviceTree.Region {
    try bus.translate(try busRegion(index))
  }

  /// The nth entry's address on the child's side of a `ranges`.
  func childAddress(_ index: Int) throws(DeviceTreeError) -> UInt64 {
    guard let cells = CellCount(rawValue: prefix / 4) else { throw .unsupportedCells }
    guard index >= 0, index < count, let address = value.number(at: index * stride, cells: cells)
    else { throw .missingEntry }
    return address
  }

  /// How many cells an entry's address and size have.
  var cells: (address: CellCount, size: CellCount) { (addressCells, sizeCells) }
}

extension DeviceTree.Node {
  /// How many cells an address in a child's `reg` has: `#address-cells`.
  var addressCells: UInt32 {
    get throws(DeviceTreeError) { try cell("#address-cells") ?? 2 }
  }

  /// How many cells a size in a child's `reg` has: `#size-cells`.
  var sizeCells: UInt32 {
    get throws(DeviceTreeError) { try cell("#size-cells") ?? 1 }
  }

  /// Translates from the address space of this node's children to that of the CPUs.
  func translate(_ region: DeviceTree.Region) throws(DeviceTreeError) -> DeviceTree.Region {
    var region = region
    var bus = self
    while let parent = bus.parent {
      guard let ranges = bus.property("ranges") else { throw .untranslatableAddress }
      // With an empty `ranges` both address spaces are the same.
      if !ranges.isEmpty {
        region = try AddressTable(rangesOf: bus).translate(region)
      }
      bus = parent
    }
    return region
  }
}

extension AddressTable {
  /// Translates from the child's side of a `ranges` to the parent's side.
  fileprivate func translate(_ region: DeviceTree.Region) throws(DeviceTreeError)
    -> DeviceTree.Region
  {
    for index in 0..<count {
      let childAddress = try childAddress(index)
      let window = try busRegion(index)
      guard region.address >= childAddress else { continue }
      let offset = region.address - childAddress
      guard offset < window.size, region.size <= window.size - offset else { continue }
      // The window does not wrap, and the region is inside it.
      return DeviceTree.Region(
        from: window.address + offset, to: window.address + offset + region.size)
    }
    throw .untranslatableAddress
  }
}
