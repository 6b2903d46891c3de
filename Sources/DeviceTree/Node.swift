extension DeviceTree {
  /// A node of a device tree.
  ///
  /// It carries the way down to it, so that asking for its parent, and translating an address
  /// through all its parents, does not search the tree.
  public struct Node: Equatable, Sendable {
    public let tree: DeviceTree
    /// Of the root: 0.
    public let depth: Int
    /// The offset in the structure block of every node from the root, at 0, to this one, at `depth`.
    private var path: InlineArray<16, UInt32>

    fileprivate init(rootOf tree: DeviceTree, offset: Int) {
      self.tree = tree
      depth = 0
      path = InlineArray(repeating: UInt32(truncatingIfNeeded: offset))
    }

    /// The ancestor, or this node itself, at a depth not below this one's.
    private init(_ node: Node, depth: Int) {
      tree = node.tree
      path = node.path
      self.depth = depth
    }

    /// Where the node begins in the structure block.
    var offset: Int { Int(path[depth]) }

    public static func == (left: Node, right: Node) -> Bool {
      left.offset == right.offset && left.tree.bytes.addresses == right.tree.bytes.addresses
    }

    /// Nil for the root.
    public var parent: Node? { depth == 0 ? nil : Node(self, depth: depth - 1) }

    /// - Parameter offset: where a node begins that is a child of this one. Validation has made sure
    ///   that the tree is not deeper than the path.
    func child(at offset: Int) -> Node {
      var child = Node(self, depth: depth + 1)
      child.path[child.depth] = UInt32(truncatingIfNeeded: offset)
      return child
    }

    /// The node's name with its unit address, as in `memory@40000000`; empty for the root.
    public var name: Text { begin.name }

    /// A reader of what is in the node, from its first property on.
    var contents: StructureReader { begin.contents }

    private var begin: (name: Text, contents: StructureReader) {
      var reader = StructureReader(
        structure: tree.structure, strings: tree.strings, offset: offset)
      // A node is only ever made from its own first token.
      guard case .beginNode(_, let name)? = try? reader.next() else { return ("", reader) }
      return (name, reader)
    }
  }

  public var root: Node {
    var reader = StructureReader(structure: structure, strings: strings)
    // A validated tree starts with its root, after any number of NOPs.
    guard case .beginNode(let offset, _)? = try? reader.next() else {
      return Node(rootOf: self, offset: 0)
    }
    return Node(rootOf: self, offset: offset)
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

  /// Whether `device_type` is of that value (Devicetree Specification v0.4, 2.3.11).
  public func isOfType(_ type: DeviceTree.Text) -> Bool {
    property("device_type")?.text == type
  }

  /// Whether the node itself is operational (`status`, Devicetree Specification v0.4, 2.3.4);
  /// its parents are not asked.
  public var isEnabled: Bool {
    guard let status = property("status") else { return true }
    return status.text == "okay" || status.text == "ok"
  }

  /// How others refer to the node (Devicetree Specification v0.4, 2.3.3); nil if they do not.
  public var phandle: UInt32? {
    // Firmware may still use the name from before the property was standard.
    let property = property("phandle") ?? property("linux,phandle")
    guard let property, property.count == 4 else { return nil }
    return property.cell(0)
  }

  /// The direct child of that name; a name without unit address fits the first child that is so
  /// called before its `@` (Devicetree Specification v0.4, 2.2.3).
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
