extension DeviceTree {
  /// What a new tree is not to have of the tree that it is made from.
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
    /// How many CPUs can be kept by name.
    public static let processorLimit = 64

    private let tree: DeviceTree
    private var removals = FixedList<32, UInt32>(filler: 0)
    private var exclusions = FixedList<8, Region>(filler: Region(from: 0, to: 0))
    private(set) var settings = FixedList<8, PropertySetting>(
      filler: PropertySetting(nodeOffset: 0, name: "", number: 0))
    private var keptProcessors = FixedList<64, UInt64>(filler: 0)

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

    /// Gives a node the property `name` with a number of two cells, in place of what it may have had:
    /// once for a name and node.
    public mutating func set(
      _ name: Text, to number: UInt64, of node: Node
    ) throws(DeviceTreeError) {
      try check(node)
      try settings.append(
        PropertySetting(
          nodeOffset: UInt32(truncatingIfNeeded: node.offset), name: name, number: number))
    }

    /// Keeps the CPU of that affinity, which is as `Processor` has it. As soon as one is kept, all
    /// CPUs that are not vanish: see `ProcessorFate`.
    public mutating func keepProcessor(affinity: UInt64) throws(DeviceTreeError) {
      try keptProcessors.append(affinity)
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

    /// The lowest of what is taken out of a region; nil if nothing is.
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

/// A property that a node gets, or gets another value of: a number of two cells.
struct PropertySetting {
  /// Where the node begins in the structure block.
  let nodeOffset: UInt32
  let name: DeviceTree.Text
  let number: UInt64
}
