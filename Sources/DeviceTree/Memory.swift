extension DeviceTree {
  /// The nodes whose regions are RAM (Devicetree Specification v0.4, 3.4).
  public var memoryNodes: MemoryNodes { MemoryNodes(children: root.children) }

  /// The children of `/reserved-memory`: parts of RAM for a special purpose
  /// (Devicetree Specification v0.4, 3.5). A child without `reg` has a size and no place yet.
  public var reservedMemoryNodes: Children? { root.child(named: "reserved-memory")?.children }
}

extension DeviceTree.Node {
  /// Whether this is a node of RAM, operational or not.
  var isMemory: Bool { depth == 1 && isOfType("memory") }
}

extension DeviceTree {
  /// The operational memory nodes of a tree.
  public struct MemoryNodes: IteratorProtocol {
    fileprivate var children: Children

    public mutating func next() -> Node? {
      while let node = children.next() {
        if node.isMemory, node.isEnabled { return node }
      }
      return nil
    }
  }
}
