extension DeviceTree {
  /// A node of a device tree.
  ///
  /// A node carries its nearest ancestors. Finding its parent, and translating an address through all its
  /// parents, therefore seldom takes a search of the tree.
  public struct Node: Equatable, Sendable {
    public let tree: DeviceTree
    /// The node's place in the structure block, and in the upper half its depth.
    private let place: UInt64
    /// The place of its parent, and in the upper half that of its parent's parent; each with bit 0 set, or 0 if
    /// it is not known.
    private let nearAncestors: UInt64
    /// The two above these.
    private let farAncestors: UInt64

    private init(
      _ tree: DeviceTree, offset: UInt64, depth: Int, nearAncestors: UInt64, farAncestors: UInt64
    ) {
      self.tree = tree
      place = UInt64(depth) << 32 | offset
      self.nearAncestors = nearAncestors
      self.farAncestors = farAncestors
    }

    init(rootOf tree: DeviceTree, at offset: Int) {
      self.init(tree, offset: UInt64(offset), depth: 0, nearAncestors: 0, farAncestors: 0)
    }

    /// The number of ancestors: 0 for the root.
    public var depth: Int { Int(place >> 32) }

    /// The node's place in the structure block.
    var offset: Int { Int(place & 0xffff_ffff) }

    public static func == (left: Node, right: Node) -> Bool {
      left.offset == right.offset && left.tree.isSame(as: right.tree)
    }

    /// The parent; nil for the root.
    public var parent: Node? {
      if depth == 0 { return nil }
      let parent = nearAncestors & 0xffff_ffff
      if parent == 0 { return tree.parent(of: self) }
      return Node(
        tree, offset: parent & ~1, depth: depth - 1,
        nearAncestors: nearAncestors >> 32 | farAncestors << 32, farAncestors: farAncestors >> 32)
    }

    /// - Parameter offset: the place of a child of this node.
    func child(at offset: Int) -> Node {
      Node(
        tree, offset: UInt64(offset), depth: depth + 1,
        nearAncestors: nearAncestors << 32 | UInt64(self.offset) | 1,
        farAncestors: farAncestors << 32 | nearAncestors >> 32)
    }

    /// The node's name with its unit address, as in `memory@40000000`; empty for the root.
    public var name: Text { begin.name }

    /// A reader of the contents of the node, from its first property on.
    var contents: StructureReader { begin.contents }

    private var begin: (name: Text, contents: StructureReader) {
      var reader = StructureReader(tree, offset: offset)
      // A node is always made from its own first token.
      guard case .beginNode(_, let name)? = try? reader.next() else { return ("", reader) }
      return (name, reader)
    }
  }

  public var root: Node {
    var nodes = nodes
    // A validated tree has a root.
    return nodes.next() ?? Node(rootOf: self, at: 0)
  }

  /// The parent of a node whose ancestors are not known, found by a search from the root.
  fileprivate func parent(of node: Node) -> Node? {
    var nodes = nodes
    while let candidate = nodes.next() {
      if candidate == node { return candidate.parent }
    }
    return nil
  }
}

extension DeviceTree.Node {
  /// The first property of that name.
  public func property(_ name: DeviceTree.Text) -> DeviceTree.Property? {
    var properties = properties
    while let property = properties.next() {
      if property.isNamed(name) { return property }
    }
    return nil
  }

  /// Whether the node has a property of that name, whatever its value.
  public func has(_ name: DeviceTree.Text) -> Bool { property(name) != nil }

  /// The value of a property of one 32-bit cell; nil where the node does not have it.
  public func cell(_ name: DeviceTree.Text) throws(DeviceTreeError) -> UInt32? {
    guard let property = property(name) else { return nil }
    guard property.count == 4, let cell = property.cell(0) else { throw .malformedProperty }
    return cell
  }

  /// Whether `compatible` lists a programming model (Devicetree Specification v0.4, 2.3.1).
  public func isCompatible(with model: DeviceTree.Text) -> Bool {
    property("compatible")?.index(of: model) != nil
  }

  /// Whether `device_type` has that value (Devicetree Specification v0.4, 2.3.11).
  public func isOfType(_ type: DeviceTree.Text) -> Bool {
    property("device_type")?.text == type
  }

  /// Whether the node itself is operational (`status`, Devicetree Specification v0.4, 2.3.4). Its parents do
  /// not matter here.
  public var isEnabled: Bool {
    guard let status = property("status") else { return true }
    return status.text == "okay" || status.text == "ok"
  }

  /// The number by which other nodes refer to this one (Devicetree Specification v0.4, 2.3.3); nil if it has
  /// none.
  public var phandle: UInt32? {
    // Firmware may use the older name, from before the property was standard.
    let property = property("phandle") ?? property("linux,phandle")
    guard let property, property.count == 4 else { return nil }
    return property.cell(0)
  }

  /// The direct child of that name. A name without unit address matches the first child with that name before
  /// its `@` (Devicetree Specification v0.4, 2.2.3).
  public func child(named name: DeviceTree.Text) -> DeviceTree.Node? {
    var children = children
    while let child = children.next() {
      if child.isNamed(name) { return child }
    }
    return nil
  }

  private func isNamed(_ name: DeviceTree.Text) -> Bool {
    let own = self.name
    return own == name || own.split(at: "@").head == name
  }
}
