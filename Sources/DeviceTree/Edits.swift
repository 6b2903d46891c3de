extension DeviceTree {
  /// What a new tree is to have that the tree it is made from has not, and the other way round.
  ///
  /// The limits are a matter of the memory that the edits take; there is no heap to grow into. Nor is
  /// there stack for a second copy, so there is none.
  public struct Edits: ~Copyable {
    /// How many nodes can be removed.
    public static let removalLimit = 32
    /// How many regions can be taken out of memory.
    public static let exclusionLimit = 8
    /// How many properties can be set.
    public static let settingLimit = 8

    /// What a property can be set to.
    public enum Value: Sendable {
      /// The text and a NUL.
      case text(Text)
      /// One cell.
      case cell(UInt32)
      /// Two cells, the high one first.
      case cells(UInt64)
      /// Bytes as they are.
      case bytes(Text)
    }

    /// A property that is set.
    struct Setting {
      let node: Int
      let name: Text
      var value: Value
    }

    private let tree: DeviceTree
    private var removals = FixedList<32, UInt32>()
    private(set) var exclusions = FixedList<8, Region>()
    private(set) var settings = FixedList<8, Setting>()

    /// No edits, to begin with.
    public init(of tree: DeviceTree) {
      self.tree = tree
    }

    /// Removes a node and everything below it.
    ///
    /// What refers to it, an alias or a phandle, stays as it is and leads nowhere.
    public mutating func remove(_ node: Node) throws(DeviceTreeError) {
      try check(node)
      guard node.depth > 0 else { throw .rootRemoved }
      guard !removes(node) else { return }
      try removals.append(UInt32(truncatingIfNeeded: node.offset))
    }

    /// Takes a region out of every memory node; one with nothing left is removed.
    public mutating func excludeFromMemory(_ region: Region) throws(DeviceTreeError) {
      guard !region.isEmpty else { return }
      try exclusions.append(region)
    }

    /// Sets a property, which the node may or may not have so far, in place of what any edit before
    /// said of it. The name and a value's text must stay in memory until the new tree is written.
    public mutating func set(
      _ name: Text, of node: Node, to value: Value
    ) throws(DeviceTreeError) {
      try check(node)
      let setting = Setting(node: node.offset, name: name, value: value)
      if let index = settings.firstIndex(where: { $0.node == node.offset && $0.name == name }) {
        settings.replace(index, with: setting)
      } else {
        try settings.append(setting)
      }
    }

    func removes(_ node: Node) -> Bool {
      removals.contains { Int($0) == node.offset }
    }

    /// What a property is set to; nil if it stays as it is.
    func value(of property: Property, in node: Node) -> Value? {
      for index in 0..<settings.count {
        if let setting = settings[index], setting.node == node.offset,
          property.isNamed(setting.name)
        {
          return setting.value
        }
      }
      return nil
    }

    func check(_ tree: DeviceTree) throws(DeviceTreeError) {
      guard tree.bytes.addresses == self.tree.bytes.addresses else { throw .foreignNode }
    }

    private func check(_ node: Node) throws(DeviceTreeError) {
      try check(node.tree)
    }
  }
}

extension DeviceTree.Edits.Value {
  /// Length in bytes.
  var count: Int {
    switch self {
    case .text(let text): text.count + 1
    case .cell: 4
    case .cells: 8
    case .bytes(let bytes): bytes.count
    }
  }
}
