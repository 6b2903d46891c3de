/// The rest of the regions of a memory node when others are taken out: the regions in the node's order, each
/// in as many pieces as are left, each piece at its place.
struct RemainingMemory {
  private let table: AddressTable
  private var index = 0
  /// The part of the region before `index` that is still to be looked at.
  private var rest = DeviceTree.Region(from: 0, to: 0)

  /// - Throws: if any region of the memory node is malformed, so that iterating cannot fail.
  init(of table: AddressTable) throws(DeviceTreeError) {
    for index in 0..<table.count { _ = try table.busRegion(index) }
    self.table = table
  }

  /// How many cells an address and a size have.
  var cells: (address: CellCount, size: CellCount) { table.cells }

  /// The next piece that `edits` leave.
  mutating func next(_ edits: borrowing DeviceTree.Edits) -> DeviceTree.Region? {
    while true {
      if rest.isEmpty {
        guard let region = try? table.busRegion(index) else { return nil }
        rest = region
        index += 1
      }
      let piece: DeviceTree.Region
      if let exclusion = edits.firstExclusion(from: rest) {
        piece = DeviceTree.Region(from: rest.address, to: exclusion.address)
        rest = DeviceTree.Region(from: exclusion.end, to: rest.end)
      } else {
        piece = rest
        rest = DeviceTree.Region(from: rest.end, to: rest.end)
      }
      if !piece.isEmpty { return piece }
    }
  }
}

extension DeviceTree.Edits {
  /// The remaining regions of a node; nil if they do not change.
  func remainingMemory(of node: DeviceTree.Node) throws(DeviceTreeError) -> RemainingMemory? {
    guard hasExclusions, node.isMemory, node.has("reg") else { return nil }
    let table = try AddressTable(regOf: node)
    for index in 0..<table.count where firstExclusion(from: try table.busRegion(index)) != nil {
      return try RemainingMemory(of: table)
    }
    return nil
  }
}
