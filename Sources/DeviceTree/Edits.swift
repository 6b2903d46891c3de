extension DeviceTree {
  /// The differences between a new tree and the tree that it is made from.
  ///
  /// There is no heap to grow into, so the number of edits is limited. There is no stack for a second copy of
  /// the edits either, so they cannot be copied.
  public struct Edits: ~Copyable {
    /// How many nodes can be removed.
    public static let removalLimit = 32
    /// How many regions can be taken out of memory.
    public static let exclusionLimit = 8

    private let tree: DeviceTree
    private var removals = FixedList<32, UInt32>(filler: 0)
    private var exclusions = FixedList<8, Region>(filler: Region(from: 0, to: 0))
    private(set) var settings = FixedList<8, PropertySetting>(
      filler: PropertySetting(nodeOffset: 0, name: "", value: .number(0)))
    private var keptProcessors = FixedList<512, UInt64>(filler: 0)
    /// How the operating system calls the PSCI that the new tree has in place of the old tree's.
    private(set) var offeredPSCI: PSCI.Conduit?

    /// No edits.
    public init(of tree: DeviceTree) {
      self.tree = tree
    }

    /// Removes a node and everything below it.
    ///
    /// References to the node, by an alias or a phandle, stay as they are and lead nowhere.
    public mutating func remove(_ node: Node) throws(DeviceTreeError) {
      try check(node)
      guard node.depth > 0 else { throw .rootRemoved }
      guard !removes(node) else { return }
      try removals.append(UInt32(truncatingIfNeeded: node.offset))
    }

    /// Takes a region out of every memory node. A node without a rest is removed.
    public mutating func excludeFromMemory(_ region: Region) throws(DeviceTreeError) {
      guard !region.isEmpty else { return }
      try exclusions.append(region)
    }

    /// Gives a node the property `name` with a number of two cells, in place of an old value. The caller must
    /// do this at most once for a name and node.
    public mutating func set(
      _ name: Text, to number: UInt64, of node: Node
    ) throws(DeviceTreeError) {
      try check(node)
      try settings.append(
        PropertySetting(
          nodeOffset: UInt32(truncatingIfNeeded: node.offset), name: name, value: .number(number)))
    }

    /// Adds words behind the text of the property `name`, with a space between, or gives the node that property.
    /// The caller must do this at most once for a name and node.
    public mutating func extend(
      _ name: Text, by words: Text, of node: Node
    ) throws(DeviceTreeError) {
      try check(node)
      let text = node.property(name)?.text ?? ""
      try settings.append(
        PropertySetting(
          nodeOffset: UInt32(truncatingIfNeeded: node.offset), name: name,
          value: .text(text, words)))
    }

    /// Takes the property `name` from a node. The caller must do nothing else with it.
    public mutating func remove(_ name: Text, of node: Node) throws(DeviceTreeError) {
      try check(node)
      try settings.append(
        PropertySetting(
          nodeOffset: UInt32(truncatingIfNeeded: node.offset), name: name, value: .nothing))
    }

    /// Keeps the CPU of that affinity, in the form that `Processor` has. As soon as one CPU is kept, all
    /// others vanish: see `ProcessorFate`.
    public mutating func keepProcessor(affinity: UInt64) throws(DeviceTreeError) {
      try keptProcessors.append(affinity)
    }

    /// Gives the tree a PSCI 1.0 that is called by `conduit` and that starts every CPU: the nodes of another PSCI
    /// vanish, and so does what CPU nodes say of another method.
    public mutating func offerPSCI(by conduit: PSCI.Conduit) throws(DeviceTreeError) {
      var nodes = tree.nodes
      while let node = nodes.next() {
        if PSCI.isDescribed(by: node) { try remove(node) }
      }
      offeredPSCI = conduit
    }

    /// Whether a property is in the new tree's CPU nodes without its old value.
    func replaces(_ property: Property, of node: Node) -> Bool {
      guard offeredPSCI != nil, node.depth > 0 else { return false }
      let isMethod = property.isNamed("enable-method")
      guard isMethod || property.isNamed("cpu-release-addr") else { return false }
      // /cpus itself may have the method, for all of them.
      return isProcessor(node) || isMethod && node.depth == 1 && node.name == "cpus"
    }

    /// Whether a node is a CPU.
    func isProcessor(_ node: Node) -> Bool {
      node.depth == 2 && node.isOfType("cpu") && node.parent?.name == "cpus"
    }

    /// Whether some CPUs are not kept.
    var removesProcessors: Bool { !keptProcessors.isEmpty }

    /// Whether the CPU of that affinity stays.
    func keeps(affinity: UInt64) -> Bool {
      !removesProcessors || keptProcessors.contains { $0 == affinity }
    }

    /// Whether a property of a node is set.
    func sets(_ property: Property, of node: Node) -> Bool {
      for index in 0..<settings.count {
        if let setting = settings[index], Int(setting.nodeOffset) == node.offset,
          property.isNamed(setting.name)
        {
          return true
        }
      }
      return false
    }

    func removes(_ node: Node) -> Bool {
      removals.contains { Int($0) == node.offset }
    }

    var hasExclusions: Bool { !exclusions.isEmpty }

    /// The lowest part that is taken out of a region; nil if none is.
    func firstExclusion(from region: Region) -> Region? {
      var first: Region?
      for index in 0..<exclusions.count {
        guard let exclusion = exclusions[index], exclusion.overlaps(region) else { continue }
        if let found = first, found.address <= exclusion.address { continue }
        first = exclusion
      }
      return first
    }

    func check(_ tree: DeviceTree) throws(DeviceTreeError) {
      guard tree.isSame(as: self.tree) else { throw .foreignNode }
    }

    private func check(_ node: Node) throws(DeviceTreeError) {
      try check(node.tree)
    }
  }
}

/// A property that a node gets, or whose value changes.
struct PropertySetting {
  enum Value {
    /// A number of two cells.
    case number(UInt64)
    /// A text of two parts with a space between, where neither is empty.
    case text(DeviceTree.Text, DeviceTree.Text)
    /// The property vanishes.
    case nothing
  }

  /// The node's place in the structure block.
  let nodeOffset: UInt32
  let name: DeviceTree.Text
  let value: Value
}
