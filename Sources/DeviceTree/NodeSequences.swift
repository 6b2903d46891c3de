extension DeviceTree.Node {
  /// The node's properties, in the tree's order.
  public var properties: DeviceTree.Properties { DeviceTree.Properties(reader: contents) }

  /// The node's direct children, in the tree's order.
  public var children: DeviceTree.Children { DeviceTree.Children(of: self) }
}

extension DeviceTree {
  /// Every node from the root on, each before its children.
  public var nodes: Nodes { Nodes(from: root) }

  /// Every node that is operational, as are all its parents.
  public var enabledNodes: EnabledNodes { EnabledNodes(nodes: nodes) }

  /// Every operational node with a programming model in its `compatible`.
  public func enabledNodes(compatibleWith model: Text) -> CompatibleNodes {
    CompatibleNodes(nodes: enabledNodes, model: model)
  }

  /// The properties of a node.
  public struct Properties: IteratorProtocol {
    fileprivate var reader: StructureReader

    public mutating func next() -> Property? {
      var ahead = reader
      // What is no property ends the list, and is not read past.
      guard case .property(let property)? = try? ahead.next() else { return nil }
      reader = ahead
      return property
    }
  }

  /// The direct children of a node.
  public struct Children: IteratorProtocol {
    private let parent: Node
    private var reader: StructureReader
    /// How far below the parent the reader is.
    private var nesting = 0

    fileprivate init(of parent: Node) {
      self.parent = parent
      reader = parent.contents
    }

    public mutating func next() -> Node? {
      while nesting >= 0, let token = try? reader.next() {
        switch token {
        case .beginNode(let offset, _):
          nesting += 1
          if nesting == 1 { return parent.child(at: offset) }
        case .endNode: nesting -= 1
        case .property: continue
        case .end: return nil
        }
      }
      return nil
    }
  }

  /// The nodes of a tree, each before its children.
  public struct Nodes: IteratorProtocol {
    private let root: Node
    private var reader: StructureReader
    /// The node that the reader is in; nil before the root and after it.
    private var current: Node?
    private var isStarted = false

    fileprivate init(from root: Node) {
      self.root = root
      reader = root.contents
    }

    public mutating func next() -> Node? {
      guard isStarted else {
        isStarted = true
        current = root
        return root
      }
      while let node = current, let token = try? reader.next() {
        switch token {
        case .beginNode(let offset, _):
          let child = node.child(at: offset)
          current = child
          return child
        case .endNode: current = node.parent
        case .property: continue
        case .end: current = nil
        }
      }
      return nil
    }

    /// Goes on behind the node that was last returned, past everything below it.
    mutating func skipDescendants() {
      guard let skipped = current else { return }
      while let node = current, node.depth >= skipped.depth, let token = try? reader.next() {
        switch token {
        case .beginNode(let offset, _): current = node.child(at: offset)
        case .endNode: current = node.parent
        case .property: continue
        case .end: current = nil
        }
      }
    }
  }

  /// The operational nodes of a tree.
  public struct EnabledNodes: IteratorProtocol {
    fileprivate var nodes: Nodes

    public mutating func next() -> Node? {
      while let node = nodes.next() {
        if node.isEnabled { return node }
        nodes.skipDescendants()
      }
      return nil
    }
  }

  /// The operational nodes of a tree with one programming model.
  public struct CompatibleNodes: IteratorProtocol {
    fileprivate var nodes: EnabledNodes
    fileprivate let model: Text

    public mutating func next() -> Node? {
      while let node = nodes.next() {
        if node.isCompatible(with: model) { return node }
      }
      return nil
    }
  }
}
