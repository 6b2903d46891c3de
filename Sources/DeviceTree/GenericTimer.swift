extension DeviceTree {
  /// The interrupts of the CPUs' generic timers; nil if the tree has none.
  public var genericTimer: GenericTimer? {
    var nodes = enabledNodes(compatibleWith: "arm,armv8-timer")
    return nodes.next().map { GenericTimer($0) }
  }

  /// The interrupts of the generic timers (Linux's `arm,arch_timer.yaml`); nil where a timer has none.
  /// Each is looked up when it is asked for: finding its controller takes a search of the tree.
  public struct GenericTimer {
    public let node: Node

    fileprivate init(_ node: Node) { self.node = node }

    /// CNTPS, Secure EL1.
    public var securePhysical: Interrupt? {
      get throws(DeviceTreeError) { try node.timerInterrupt("sec-phys", position: 0) }
    }
    /// CNTP, EL1.
    public var physical: Interrupt? {
      get throws(DeviceTreeError) { try node.timerInterrupt("phys", position: 1) }
    }
    /// CNTV.
    public var virtual: Interrupt? {
      get throws(DeviceTreeError) { try node.timerInterrupt("virt", position: 2) }
    }
    /// CNTHP, EL2.
    public var hypervisorPhysical: Interrupt? {
      get throws(DeviceTreeError) { try node.timerInterrupt("hyp-phys", position: 3) }
    }
    /// CNTHV, EL2 with FEAT_VHE.
    public var hypervisorVirtual: Interrupt? {
      get throws(DeviceTreeError) { try node.timerInterrupt("hyp-virt", position: 4) }
    }
  }
}

extension DeviceTree.Node {
  /// A timer's interrupt, which is found by its name or, in a tree without names, its position.
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
