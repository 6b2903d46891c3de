extension DeviceTree {
  /// The node at an absolute path, as in `/soc/serial@9000000`, or at a path that starts with an
  /// alias, as in `serial0` (Devicetree Specification v0.4, 2.2.3 and 3.3).
  public func node(at path: Text) -> Node? {
    if path.starts(with: "/") { return node(atAbsolute: path) }
    let (alias, rest) = path.split(at: "/")
    // There is no alias of an alias, so this cannot form a circle.
    guard let target = root.child(named: "aliases")?.property(alias)?.text,
      target.starts(with: "/"), let node = node(atAbsolute: target)
    else { return nil }
    return rest.map { descendant(of: node, at: $0) } ?? node
  }

  private func node(atAbsolute path: Text) -> Node? { descendant(of: root, at: path) }

  private func descendant(of node: Node, at path: Text) -> Node? {
    var node = node
    var rest: Text? = path
    while let path = rest {
      let (name, tail) = path.split(at: "/")
      rest = tail
      // The slash at the start of the path, or a double one.
      guard !name.isEmpty else { continue }
      guard let child = node.child(named: name) else { return nil }
      node = child
    }
    return node
  }

  /// The node that a `phandle` refers to.
  public func node(phandle: UInt32) -> Node? {
    var nodes = nodes
    while let node = nodes.next() {
      if node.phandle == phandle { return node }
    }
    return nil
  }
}
