/// The properties of `/chosen`, which firmware gives to the operating system
/// (Devicetree Specification v0.4, 3.6; the initrd in Linux's `chosen.yaml`).
extension DeviceTree {
  public var chosen: Node? { root.child(named: "chosen") }

  /// The region of the initial RAM disk; nil if there is none.
  public func initrd() throws(DeviceTreeError) -> Region? {
    guard let start = chosen?.property("linux,initrd-start"),
      let end = chosen?.property("linux,initrd-end")
    else { return nil }
    guard let start = start.number, let end = end.number, start <= end else {
      throw .malformedProperty
    }
    return Region(from: start, to: end)
  }

  /// The console for early messages of the operating system; nil if `stdout-path` is missing or names no
  /// node. Options behind a colon, as in `115200n8`, are no part of the path.
  public var standardOutput: Node? {
    guard let value = chosen?.property("stdout-path")?.text else { return nil }
    return node(at: value.split(at: ":").head)
  }
}
