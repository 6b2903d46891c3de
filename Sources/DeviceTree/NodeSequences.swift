extension DeviceTree.Node {
  /// The node's properties, in the tree's order.
  public var properties: DeviceTree.Properties { DeviceTree.Properties(reader: contents) }

  /// The node's direct children, in the tree's order.
  public var children: DeviceTree.Children { DeviceTree.Children(of: self) }
}

extension DeviceTree {
  /// Every node from the root on, each before its children.
  public var nodes: Nodes { Nodes(of: self) }

  /// Every node that is operational and whose parents are all operational.
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
      // Any other token ends the list, and is not consumed.
      guard case .property(let property)? = try? ahead.next() else { return nil }
      reader = ahead
      return property
    }
  }

  /// The direct children of a node.
  public struct Children: IteratorProtocol {
    private let parent: Node
    private var reader: StructureReader
    /// The depth of the reader below the parent.
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
    private let tree: DeviceTree
    private var reader: StructureReader
    /// The offset in the structure block of every node from the root, at 0, to the current node, at `depth`.
    /// Validation has made sure that the tree is not deeper.
    private var path = InlineArray<16, UInt32>(repeating: 0)
    /// -1 before the root and after it.
    private var depth = -1

    fileprivate init(of tree: DeviceTree) {
      self.tree = tree
      reader = StructureReader(tree)
    }

    public mutating func next() -> Node? {
      while true {
        switch nextToken() {
        case .beginNode(let offset, _):
          depth += 1
          path[depth] = UInt32(truncatingIfNeeded: offset)
          return node
        case .endNode: depth -= 1
        case .property: continue
        case .end: return nil
        }
      }
    }

    /// Skips everything below the node that was last returned.
    mutating func skipDescendants() {
      let skipped = depth
      while depth >= skipped {
        switch nextToken() {
        case .beginNode: depth += 1
        case .endNode: depth -= 1
        case .property: continue
        case .end: return
        }
      }
    }

    /// The token at the end is not consumed.
    private mutating func nextToken() -> StructureReader.Token {
      var ahead = reader
      guard let token = try? ahead.next() else { return .end }
      if case .end = token { return .end }
      reader = ahead
      return token
    }

    /// The current node.
    private var node: Node {
      var node = Node(rootOf: tree, at: Int(path[0]))
      for level in 0..<depth { node = node.child(at: Int(path[level + 1])) }
      return node
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
