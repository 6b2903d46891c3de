extension DeviceTree {
  /// The generic timers of the CPUs; nil if the tree has none.
  public var genericTimer: GenericTimer? {
    var nodes = enabledNodes(compatibleWith: "arm,armv8-timer")
    return nodes.next().map { GenericTimer($0) }
  }

  /// The interrupts of the generic timers (Linux's `arm,arch_timer.yaml`). An interrupt is looked up when it
  /// is asked for, because finding its controller takes a search of the tree.
  public struct GenericTimer {
    public let node: Node

    fileprivate init(_ node: Node) { self.node = node }

    /// CNTHP, of EL2; nil if the tree names no such interrupt.
    public var hypervisorPhysical: Interrupt? {
      get throws(DeviceTreeError) { try node.timerInterrupt("hyp-phys", position: 3) }
    }
  }
}

extension DeviceTree.Node {
  /// The interrupt of a timer, by its name, or by its position in a tree without names.
  fileprivate func timerInterrupt(
    _ name: DeviceTree.Text, position: Int
  ) throws(DeviceTreeError) -> DeviceTree.Interrupt? {
    var position = position
    if let names = property("interrupt-names") {
      guard let named = names.index(of: name) else { return nil }
      position = named
    }
    do {
      return try interrupt(position)
    } catch .missingEntry {
      return nil
    }
  }
}
