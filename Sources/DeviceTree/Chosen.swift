/// What the firmware has chosen for the operating system: the properties of `/chosen`
/// (Devicetree Specification v0.4, 3.6; the initrd's in Linux's `chosen.yaml`).
extension DeviceTree {
  public var chosen: Node? { root.child(named: "chosen") }

  /// The operating system's command line.
  public var bootArguments: Text? { chosen?.property("bootargs")?.text }

  /// Where the initial RAM disk is; nil if there is none.
  public func initrd() throws(DeviceTreeError) -> Region? {
    guard let start = chosen?.property("linux,initrd-start"),
      let end = chosen?.property("linux,initrd-end")
    else { return nil }
    guard let start = start.number, let end = end.number, start <= end else {
      throw .malformedProperty
    }
    return Region(from: start, to: end)
  }

  /// The console of the operating system's early messages; nil where `stdout-path` is missing or
  /// leads nowhere.
  public var standardOutput: StandardOutput? {
    guard let value = chosen?.property("stdout-path")?.text else { return nil }
    let (path, options) = value.split(at: ":")
    return node(at: path).map { StandardOutput(node: $0, options: options) }
  }

  /// What `stdout-path` says.
  public struct StandardOutput {
    public let node: Node
    /// What follows the path's colon, as in `115200n8`.
    public let options: Text?
  }
}
