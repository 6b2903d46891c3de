/// What remains of a memory node's regions once others have been taken out: the regions in the
/// node's order, each in as many pieces as it takes, each piece where it was.
struct RemainingMemory: IteratorProtocol {
  private let table: AddressTable
  private let exclusions: FixedList<8, DeviceTree.Region>
  private var index = 0
  /// What has not been looked at of the region before `index`.
  private var rest = DeviceTree.Region(from: 0, to: 0)

  /// - Throws: if any region of the memory node is malformed, so that iterating cannot fail.
  init(
    of table: AddressTable, without exclusions: FixedList<8, DeviceTree.Region>
  ) throws(DeviceTreeError) {
    for index in 0..<table.count { _ = try table.busRegion(index) }
    self.table = table
    self.exclusions = exclusions
  }

  /// How many cells an address and a size have.
  var cells: (address: CellCount, size: CellCount) { table.cells }

  mutating func next() -> DeviceTree.Region? {
    while true {
      if let piece = nextPieceOfRest() { return piece }
      guard let region = try? table.busRegion(index) else { return nil }
      rest = region
      index += 1
    }
  }

  private mutating func nextPieceOfRest() -> DeviceTree.Region? {
    while !rest.isEmpty {
      let piece: DeviceTree.Region
      if let exclusion = firstExclusion() {
        piece = DeviceTree.Region(from: rest.address, to: exclusion.address)
        rest = DeviceTree.Region(from: exclusion.end, to: rest.end)
      } else {
        piece = rest
        rest = DeviceTree.Region(from: rest.end, to: rest.end)
      }
      if !piece.isEmpty { return piece }
    }
    return nil
  }

  /// The lowest exclusion that takes something away from what is left.
  private func firstExclusion() -> DeviceTree.Region? {
    var first: DeviceTree.Region?
    for index in 0..<exclusions.count {
      guard let exclusion = exclusions[index], exclusion.overlaps(rest) else { continue }
      if let found = first, found.address <= exclusion.address { continue }
      first = exclusion
    }
    return first
  }
}

extension DeviceTree.Edits {
  /// The regions that a node is left with; nil where they stay as they are.
  func remainingMemory(of node: DeviceTree.Node) throws(DeviceTreeError) -> RemainingMemory? {
    guard !exclusions.isEmpty, node.isMemory, node.has("reg") else { return nil }
    let table = try AddressTable(regOf: node)
    for index in 0..<table.count {
      let region = try table.busRegion(index)
      if exclusions.contains(where: { $0.overlaps(region) }) {
        return try RemainingMemory(of: table, without: exclusions)
      }
    }
    return nil
  }
}
