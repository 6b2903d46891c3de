extension DeviceTree {
  /// The interrupts of the CPUs' generic timers; nil if the tree has none.
  public func genericTimer() throws(DeviceTreeError) -> GenericTimer? {
    var nodes = enabledNodes(compatibleWith: "arm,armv8-timer")
    guard let node = nodes.next() else { return nil }
    return try GenericTimer(node)
  }

  /// The interrupts of the generic timers (Linux's `arm,arch_timer.yaml`); nil where a timer has none.
  public struct GenericTimer {
    public let node: Node
    /// CNTPS, Secure EL1.
    public let securePhysical: Interrupt?
    /// CNTP, EL1.
    public let physical: Interrupt?
    /// CNTV.
    public let virtual: Interrupt?
    /// CNTHP, EL2.
    public let hypervisorPhysical: Interrupt?
    /// CNTHV, EL2 with FEAT_VHE.
    public let hypervisorVirtual: Interrupt?

    fileprivate init(_ node: Node) throws(DeviceTreeError) {
      self.node = node
      securePhysical = try node.timerInterrupt("sec-phys", position: 0)
      physical = try node.timerInterrupt("phys", position: 1)
      virtual = try node.timerInterrupt("virt", position: 2)
      hypervisorPhysical = try node.timerInterrupt("hyp-phys", position: 3)
      hypervisorVirtual = try node.timerInterrupt("hyp-virt", position: 4)
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
