/// The fate of a CPU node in a new tree.
///
/// A CPU that is not kept vanishes with its node and with its entries in /cpus/cpu-map. If a cell elsewhere
/// may be its phandle (`interrupt-affinity`, `cpus`, `cooling-device` and more, each with a binding that
/// counts its entries), the node stays and its `status` becomes "fail", which means that there is no such CPU
/// (Devicetree Specification v0.4, 3.8.1). Every reference then still leads to a node, and the entries beside
/// it, an interrupt for each CPU for example, still belong to it.
enum ProcessorFate {
  case kept, failed, removed
}

extension DeviceTree.Edits {
  /// The fate of a node. A node that is no CPU is kept.
  func fate(of node: DeviceTree.Node) -> ProcessorFate {
    guard isUnused(node) else { return .kept }
    guard let phandle = node.phandle, Self.mayBeReferred(phandle, in: node.tree) else {
      return .removed
    }
    return .failed
  }

  /// Whether a node is a CPU that is not kept.
  private func isUnused(_ node: DeviceTree.Node) -> Bool {
    guard removesProcessors, node.depth == 2, node.isOfType("cpu"),
      let affinity = node.property("reg")?.number
    else { return false }
    return !keeps(affinity: affinity)
  }

  /// Whether a cell of any property outside of /cpus has that value.
  private static func mayBeReferred(_ phandle: UInt32, in tree: DeviceTree) -> Bool {
    var nodes = tree.nodes
    while let node = nodes.next() {
      if node.depth == 1, node.name == "cpus" {
        nodes.skipDescendants()
        continue
      }
      var properties = node.properties
      while let property = properties.next() {
        for index in 0..<(property.count / 4) where property.cell(index) == phandle { return true }
      }
    }
    return false
  }

  /// Whether a node below /cpus/cpu-map (Linux's `cpu/cpu-topology.txt`) has only CPUs that are not kept: a
  /// leaf or a cluster. A core or cluster without CPUs would be malformed.
  func isUnusedTopology(_ node: DeviceTree.Node) -> Bool {
    guard removesProcessors, node.depth > 2, isBelowTopology(node) else { return false }
    return hasUnusedOnly(node)
  }

  private func isBelowTopology(_ node: DeviceTree.Node) -> Bool {
    var ancestor = node.parent
    while let candidate = ancestor {
      if candidate.depth == 2 { return candidate.name == "cpu-map" }
      ancestor = candidate.parent
    }
    return false
  }

  private func hasUnusedOnly(_ node: DeviceTree.Node) -> Bool {
    if let phandle = node.property("cpu")?.cell(0) {
      guard let processor = Self.processor(phandle, of: node.tree) else { return false }
      return isUnused(processor)
    }
    var children = node.children
    var isEmpty = true
    while let child = children.next() {
      // Validation bounds the depth.
      guard hasUnusedOnly(child) else { return false }
      isEmpty = false
    }
    return !isEmpty
  }

  private static func processor(_ phandle: UInt32, of tree: DeviceTree) -> DeviceTree.Node? {
    guard var nodes = tree.root.child(named: "cpus")?.children else { return nil }
    while let node = nodes.next() {
      if node.phandle == phandle { return node }
    }
    return nil
  }
}
