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

  /// What of the CPUs' address space a bus passes on to its children, as its `ranges` says: the
  /// windows of a PCI host among others. None where `ranges` is missing or empty.
  ///
  /// - Throws: now, if any of them has no CPU physical address, so that iterating cannot fail.
  public func windows() throws(DeviceTreeError) -> DeviceTree.Regions {
    guard let ranges = property("ranges"), !ranges.isEmpty else { return DeviceTree.Regions(nil) }
    return try DeviceTree.Regions(checking: AddressTable(rangesOf: self))
  }
}

extension DeviceTree {
  /// The regions that a node names, in CPU physical addresses.
  public struct Regions: IteratorProtocol {
    private let table: AddressTable?
    private var index = 0

    fileprivate init(_ table: AddressTable?) {
      self.table = table
    }

    fileprivate init(checking table: AddressTable) throws(DeviceTreeError) {
      for index in 0..<table.count { _ = try table.region(index) }
      self.table = table
    }

    /// How many are left.
    public var count: Int { (table?.count ?? 0) - index }

    public mutating func next() -> Region? {
      guard let table, let region = try? table.region(index) else { return nil }
      index += 1
      return region
    }
  }

  /// Every region that a `reg` or `ranges` of an operational node names, in CPU physical addresses:
  /// memory, devices, the windows of buses. Regions come more than once, and overlap, as nodes do.
  ///
  /// What has no CPU physical address (a CPU's number, a device on I²C) is left out, as is what is
  /// malformed: of a node that nobody asks for, nothing more than its addresses is of interest.
  public var physicalRegions: PhysicalRegions { PhysicalRegions(nodes: enabledNodes) }

  /// Every region of CPU physical addresses that a tree's operational nodes name.
  public struct PhysicalRegions: IteratorProtocol {
    private var nodes: EnabledNodes
    /// What is left of the tables of the node that was last come to.
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
