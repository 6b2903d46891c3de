import DeviceTree
import Testing

/// Nodes, properties and the ways to a node (Devicetree Specification v0.4, chapter 2).
@Suite struct ReadingTests {
  @Test func `nodes come in the tree's order, each before its children`() throws {
    let tree = try DeviceTree(
      .node("a", .cells("x", 1), .node("b", .node("c")), .node("d")), .nop, .node("e"))
    #expect(tree.nodes.all.map(\.name.string) == ["", "a", "b", "c", "d", "e"])
    #expect(tree.nodes.all.map(\.depth) == [0, 1, 2, 3, 2, 1])
    #expect(tree.nodes.all.map { $0.parent?.name.string } == [nil, "", "a", "b", "a", ""])
  }

  @Test func `a node knows the way up from however deep it is`() throws {
    // As deep as a tree may be, with something beside the way at each level.
    var items: [Item] = []
    for level in (1..<DeviceTree.maximumDepth).reversed() {
      items = [.node("a\(level)"), .node("n\(level)", items), .node("z\(level)")]
    }
    let tree = try DeviceTree(bytes: TreeBuilder(items).bytes)
    for node in tree.nodes.all {
      let up = node.ancestors
      #expect(up.map(\.depth) == Array((0..<node.depth).reversed()))
      #expect(up.map(\.name.string) == up.map { $0.depth == 0 ? "" : "n\($0.depth)" })
    }
    // The same by way of children.
    var node = tree.root
    while let child = node.children.all.first(where: { $0.name.string.hasPrefix("n") }) {
      node = child
    }
    #expect(node.ancestors.map(\.depth) == Array((0..<(DeviceTree.maximumDepth - 1)).reversed()))
  }

  @Test func `children are only those directly below a node`() throws {
    let tree = try DeviceTree(.node("a", .node("b", .node("c")), .node("d")), .node("e"))
    #expect(tree.root.children.all.map(\.name.string) == ["a", "e"])
    let a = try #require(tree.node(at: "/a"))
    #expect(a.children.all.map(\.name.string) == ["b", "d"])
    #expect(try #require(tree.node(at: "/a/d")).children.all.isEmpty)
  }

  @Test func `an iterator that has ended stays at its end`() throws {
    let tree = try DeviceTree(
      .node("a", .cells("x", 1)), .node("b", .node("c", .node("d", .cells("y", 2)))))
    let a = try #require(tree.node(at: "/a"))
    var children = a.children
    var properties = a.properties
    var nodes = tree.nodes
    _ = properties.next()
    for _ in 0..<5 { #expect(nodes.next() != nil) }
    for _ in 0..<3 {
      #expect(children.next() == nil)
      #expect(properties.next() == nil)
      #expect(nodes.next() == nil)
    }
  }

  @Test func `properties come in the tree's order, with their values`() throws {
    let tree = try DeviceTree(
      .empty("e"), .nop, .cells("one", 0x0102_0304), .cells("two", 1, 2), .strings("s", "x", "yz"))
    #expect(tree.root.properties.all.map(\.name.string) == ["e", "one", "two", "s"])
    #expect(tree.root.properties.all.map(\.count) == [0, 4, 8, 5])
    #expect(tree.root.properties.all.map(\.number) == [nil, 0x0102_0304, 0x1_0000_0002, nil])
    #expect(tree.root.property("two")?.cell(1) == 2)
    #expect(tree.root.property("two")?.cell(2) == nil)
    #expect(tree.root.property("two")?.cell(-1) == nil)
    #expect(tree.root.property("s")?.bytes.bytes == Array("x\0yz\0".utf8))
  }

  @Test func `a property is found by its whole name only`() throws {
    let tree = try DeviceTree(.cells("region", 1), .cells("reg", 2))
    #expect(tree.root.property("reg")?.number == 2)
    #expect(tree.root.property("re") == nil)
    #expect(tree.root.property("regions") == nil)
    #expect(tree.root.property("") == nil)
  }

  @Test func `the strings of a list end with a NUL each`() throws {
    let tree = try DeviceTree(
      .strings("list", "arm,pl011", "", "x"), .property("open", Array("a\0b".utf8)), .empty("none"))
    let list = try #require(tree.root.property("list"))
    #expect(list.strings.all.map(\.string) == ["arm,pl011", "", "x"])
    #expect(list.text == "arm,pl011")
    #expect(list.index(of: "x") == 2)
    #expect(list.index(of: "arm,pl01") == nil)
    #expect(tree.root.property("open")?.strings.all.map(\.string) == ["a"])
    #expect(tree.root.property("none")?.text == nil)
  }

  @Test func `one cell is a cell and anything else is malformed`() throws {
    let tree = try DeviceTree(.cells("one", 7), .cells("two", 1, 2), .empty("none"))
    #expect(try tree.root.cell("one") == 7)
    #expect(try tree.root.cell("missing") == nil)
    #expect(throws: DeviceTreeError.malformedProperty) { try tree.root.cell("two") }
    #expect(throws: DeviceTreeError.malformedProperty) { try tree.root.cell("none") }
  }

  @Test(
    "a node is operational unless its status says otherwise",
    arguments: [
      (nil, true), ("okay", true), ("ok", true), ("disabled", false), ("reserved", false),
      ("fail", false), ("fail-sss", false), ("", false), ("okay ", false),
    ] as [(String?, Bool)])
  func status(status: String?, isEnabled: Bool) throws {
    let tree = try DeviceTree(.node("n", status.map { [.strings("status", $0)] } ?? []))
    #expect(try #require(tree.node(at: "/n")).isEnabled == isEnabled)
  }

  @Test func `what is below a node that is not operational is not operational`() throws {
    let tree = try DeviceTree(
      .node("a", .strings("status", "disabled"), .node("b", .node("c")), .node("d")),
      .node("e", .node("f", .strings("status", "reserved"))), .node("g"))
    #expect(tree.enabledNodes.all.map(\.name.string) == ["", "e", "g"])
  }

  @Test func `a node is compatible with every model that it lists`() throws {
    let tree = try DeviceTree(
      .node("a", .strings("compatible", "arm,gic-v3-its", "arm,gic")), .node("b"),
      .node("c", .strings("compatible", "x", "arm,gic")),
      .node("d", .strings("compatible", "arm,gic"), .strings("status", "disabled")))
    #expect(
      tree.enabledNodes(compatibleWith: "arm,gic").all.map(\.name.string) == ["a", "c"])
    #expect(tree.enabledNodes(compatibleWith: "arm,gic-v3").all.isEmpty)
  }

  @Test(
    "a path leads to a node, with or without unit addresses, or through an alias",
    arguments: [
      ("/", ""), ("/soc", "soc"), ("/soc/serial@9000", "serial@9000"),
      ("/soc/serial", "serial@9000"), ("/soc/serial@a000", "serial@a000"),
      ("//soc//serial/", "serial@9000"), ("serial1", "serial@a000"), ("bus/serial", "serial@9000"),
      ("/soc/seria", nil), ("/soc/serial@9", nil), ("/serial@9000", nil), ("serial2", nil),
      ("loop", nil), ("lost", nil), ("lost/serial", nil), ("", nil), ("bus/none", nil),
      ("relative", nil),
    ] as [(String, String?)])
  func path(path: String, name: String?) throws {
    let tree = try DeviceTree(
      .node("soc", .node("serial@9000"), .node("serial@a000")),
      .node(
        "aliases", .strings("serial1", "/soc/serial@a000"), .strings("bus", "/soc"),
        .strings("loop", "loop"), .strings("relative", "soc"), .strings("lost", "/lost")))
    #expect(tree.node(at: .init(path))?.name.string == name)
  }

  @Test func `a phandle leads to a node, by its old name too`() throws {
    let tree = try DeviceTree(
      .node("a", .cells("phandle", 1)), .node("b", .node("c", .cells("linux,phandle", 2))))
    #expect(tree.node(phandle: 1)?.name == "a")
    #expect(tree.node(phandle: 2)?.name == "c")
    #expect(tree.node(phandle: 3) == nil)
  }

  @Test func `a node is itself, however it was found, and no other`() throws {
    let tree = try DeviceTree(.node("a", .node("b")), .node("c", .node("b")))
    let other = try DeviceTree(.node("a", .node("b")), .node("c", .node("b")))
    #expect(tree.node(at: "/a/b") == tree.nodes.all[2])
    #expect(tree.node(at: "/a/b")?.parent == tree.node(at: "/a"))
    #expect(tree.node(at: "/a/b") != tree.node(at: "/c/b"))
    #expect(tree.node(at: "/a/b") != other.node(at: "/a/b"))
  }

  @Test func `text is equal when its bytes are`() {
    #expect(DeviceTree.Text("serial") == "serial")
    #expect(DeviceTree.Text("serial") != "serial0")
    #expect(DeviceTree.Text("serial0") != "serial")
    #expect(DeviceTree.Text("serial0").starts(with: "serial"))
    #expect(!DeviceTree.Text("seria").starts(with: "serial"))
    #expect(DeviceTree.Text("").isEmpty)
  }
}
