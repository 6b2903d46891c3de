extension DeviceTree.Node {
  /// The nth region of `reg` in CPU physical addresses, translated through the `ranges` of every
  /// parent.
  public func region(_ index: Int) throws(DeviceTreeError) -> DeviceTree.Region {
    try AddressTable(regOf: self).region(index)
  }

  /// All regions of `reg` in CPU physical addresses; none where there is no `reg`.
  ///
  /// - Throws: now, if any of them has no CPU physical address, so that iterating cannot fail.
  public func regions() throws(DeviceTreeError) -> DeviceTree.Regions {
    guard has("reg") else { return DeviceTree.Regions(nil) }
    return try DeviceTree.Regions(checking: AddressTable(regOf: self))
  }
}

extension DeviceTree {
  /// The regions that a node names, in CPU physical addresses.
  public struct Regions: IteratorProtocol {
    private let table: AddressTable?
    private var index = 0

    /// Regions of a table that has none, or that was checked before.
    init(_ table: AddressTable?) {
      self.table = table
    }

    /// The regions of a table.
    ///
    /// - Throws: now, if any of them has no CPU physical address.
    init(checking table: AddressTable) throws(DeviceTreeError) {
      for index in 0..<table.count { _ = try table.region(index) }
      self.table = table
    }

    /// How many regions are left.
    public var count: Int { (table?.count ?? 0) - index }

    public mutating func next() -> Region? {
      guard let table, let region = try? table.region(index) else { return nil }
      index += 1
      return region
    }
  }

  /// Every region that a `reg` or `ranges` of an operational node names, in CPU physical addresses: memory,
  /// devices, the windows of buses. Regions repeat and overlap as the nodes do.
  ///
  /// Entries without a CPU physical address (the number of a CPU, a device on I²C) and malformed entries are
  /// left out: of a node that nobody asks for, only the addresses matter.
  public var physicalRegions: PhysicalRegions { PhysicalRegions(nodes: enabledNodes) }

  /// Every region of CPU physical addresses that a tree's operational nodes name.
  public struct PhysicalRegions: IteratorProtocol {
    private var nodes: EnabledNodes
    /// The rest of the tables of the current node.
    private var reg: Entries?
    private var ranges: Entries?

    fileprivate init(nodes: EnabledNodes) {
      self.nodes = nodes
    }

    public mutating func next() -> Region? {
      while true {
        if let region = reg?.next() ?? ranges?.next() { return region }
        guard let node = nodes.next() else { return nil }
        reg = (try? AddressTable(regOf: node)).map { Entries(table: $0) }
        ranges = (try? AddressTable(rangesOf: node)).map { Entries(table: $0) }
      }
    }

    /// The entries of one table that are regions of CPU physical addresses.
    private struct Entries {
      let table: AddressTable
      var index = 0

      mutating func next() -> Region? {
        while index < table.count {
          defer { index += 1 }
          if let region = try? table.region(index), !region.isEmpty { return region }
        }
        return nil
      }
    }
  }
}
