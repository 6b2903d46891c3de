extension DeviceTree {
  /// The first operational GICv2; nil if there is none.
  public func gicV2() throws(DeviceTreeError) -> GICv2? {
    let models = GICv2.models
    for n in models.indices {
      var nodes = enabledNodes(compatibleWith: models[n])
      if let node = nodes.next() { return try GICv2(node) }
    }
    return nil
  }

  /// A version 2 Generic Interrupt Controller, as Linux's `arm,gic.yaml` describes it.
  public struct GICv2 {
    /// By what names boards have it. The interrupt controller of a Cortex-A9 is a GICv1, but trees name it for
    /// later ones too.
    static var models: InlineArray<5, Text> {
      [
        "arm,gic-400", "arm,cortex-a15-gic", "arm,cortex-a7-gic", "arm,gic-v2", "arm,cortex-a9-gic",
      ]
    }

    public let node: Node
    /// The frame of the distributor, GICD.
    public let distributor: Region
    /// The frame of the CPU interfaces, GICC: the executing core's.
    public let cpuInterface: Region
    /// The frame of the virtual interfaces' control, GICH; nil where the tree names none.
    public let virtualControl: Region?
    /// The frame of the virtual CPU interfaces, GICV; nil where the tree names none.
    public let virtualCPUInterface: Region?

    fileprivate init(_ node: Node) throws(DeviceTreeError) {
      self.node = node
      distributor = try node.region(0)
      cpuInterface = try node.region(1)
      let count = try node.regions().count
      virtualControl = count > 2 ? try node.region(2) : nil
      virtualCPUInterface = count > 3 ? try node.region(3) : nil
    }

    /// The maintenance interrupt of the virtual interface; nil if the tree names none.
    public func maintenanceInterrupt() throws(DeviceTreeError) -> Interrupt? {
      guard node.has("interrupts") || node.has("interrupts-extended") else { return nil }
      return try node.interrupt(0)
    }
  }
}

extension DeviceTree.Node {
  /// Whether this is a GICv2, or a GICv3, whose interrupt specifiers have the same first three cells.
  var isGenericInterruptController: Bool {
    if isCompatible(with: DeviceTree.GICv3.model) { return true }
    let models = DeviceTree.GICv2.models
    for n in models.indices where isCompatible(with: models[n]) { return true }
    return false
  }
}
