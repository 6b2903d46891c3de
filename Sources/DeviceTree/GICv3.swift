extension DeviceTree {
  /// The first operational GICv3; nil if there is none.
  public func gicV3() throws(DeviceTreeError) -> GICv3? {
    var nodes = enabledNodes(compatibleWith: GICv3.model)
    guard let node = nodes.next() else { return nil }
    return try GICv3(node)
  }

  /// A version 3 (or 4) Generic Interrupt Controller, as Linux's `arm,gic-v3.yaml` describes it.
  public struct GICv3 {
    static var model: Text { "arm,gic-v3" }

    public let node: Node
    /// The frames of the distributor, GICD.
    public let distributor: Region
    /// The number of regions of redistributors, GICR.
    public let redistributorRegionCount: Int
    /// Bytes from one redistributor to the next, if that differs from what GICR_TYPER says.
    public let redistributorStride: UInt64?

    fileprivate init(_ node: Node) throws(DeviceTreeError) {
      self.node = node
      distributor = try node.region(0)
      redistributorRegionCount = Int(try node.cell("#redistributor-regions") ?? 1)
      let regions = try node.regions()
      guard redistributorRegionCount >= 1, regions.count > redistributorRegionCount else {
        throw .missingEntry
      }
      if let stride = node.property("redistributor-stride") {
        guard let stride = stride.number else { throw .malformedProperty }
        redistributorStride = stride
      } else {
        redistributorStride = nil
      }
    }

    /// The nth region of redistributors, n below `redistributorRegionCount`.
    public func redistributorRegion(_ index: Int) throws(DeviceTreeError) -> Region {
      guard index >= 0, index < redistributorRegionCount else { throw .missingEntry }
      return try node.region(1 + index)
    }

    /// The maintenance interrupt of the virtual CPU interface; nil if the controller has none.
    public func maintenanceInterrupt() throws(DeviceTreeError) -> Interrupt? {
      guard node.has("interrupts") || node.has("interrupts-extended") else { return nil }
      return try node.interrupt(0)
    }

    /// The operational Interrupt Translation Services, which turn messages into LPIs.
    public var translationServices: TranslationServices {
      TranslationServices(children: node.children)
    }

    /// The ITSs of a GICv3.
    public struct TranslationServices: IteratorProtocol {
      fileprivate var children: Children

      public mutating func next() -> Node? {
        while let node = children.next() {
          if node.isEnabled, node.isCompatible(with: "arm,gic-v3-its") { return node }
        }
        return nil
      }
    }
  }
}
