extension DeviceTree {
  /// An interrupt of a GICv2 or GICv3, as a specifier in a device tree names it (Linux's `arm,gic.yaml` and
  /// `arm,gic-v3.yaml`).
  public struct Interrupt: Equatable, Sendable {
    public enum Kind: Equatable, Sendable {
      /// Shared by all CPUs.
      case spi
      /// One for each CPU.
      case ppi
      /// In the extended range that GICv3.1 adds, shared by all CPUs.
      case extendedSPI
      /// In the extended range that GICv3.1 adds, one for each CPU.
      case extendedPPI
    }

    public enum Trigger: Equatable, Sendable {
      case edge
      case level
    }

    public let kind: Kind
    /// The INTID (GICv3 architecture, 2.2).
    public let intid: UInt32
    public let trigger: Trigger

    /// - Parameters:
    ///   - kind, number, flags: the first three cells of a specifier.
    init(kind: UInt32, number: UInt32, flags: UInt32) throws(DeviceTreeError) {
      switch (kind, number) {
      case (0, 0..<988): (self.kind, intid) = (.spi, 32 + number)
      case (1, 0..<16): (self.kind, intid) = (.ppi, 16 + number)
      case (2, 0..<1024): (self.kind, intid) = (.extendedSPI, 4096 + number)
      case (3, 0..<64): (self.kind, intid) = (.extendedPPI, 1056 + number)
      default: throw .unknownInterrupt
      }
      // Bits 15:8 are the CPU mask of a GICv2. Neither controller tells rising from falling, or high from low.
      switch flags & 0xf {
      case 1, 2: trigger = .edge
      case 4, 8: trigger = .level
      default: throw .unknownInterrupt
      }
    }
  }
}

extension DeviceTree.Node {
  /// The nth interrupt that the device raises, from `interrupts-extended` or `interrupts`
  /// (Devicetree Specification v0.4, 2.4.1).
  ///
  /// - Throws: `unsupportedInterruptController` if the device does not raise it at a GICv2 or GICv3 directly.
  public func interrupt(_ index: Int) throws(DeviceTreeError) -> DeviceTree.Interrupt {
    guard index >= 0 else { throw .missingEntry }
    // If a device has both, the extended property counts.
    if let extended = property("interrupts-extended") {
      return try interrupt(index, ofExtended: extended)
    }
    guard let interrupts = property("interrupts") else { throw .missingProperty }
    let controller = try interruptParent()
    let cells = try controller.interruptCells()
    guard interrupts.count % (cells * 4) == 0 else { throw .malformedProperty }
    guard index < interrupts.count / (cells * 4) else { throw .missingEntry }
    return try controller.interrupt(specifiedBy: interrupts, at: index * cells)
  }

  /// Reads `interrupts-extended`. Each entry names its controller, which says how long the entry is.
  private func interrupt(
    _ index: Int, ofExtended property: DeviceTree.Property
  ) throws(DeviceTreeError) -> DeviceTree.Interrupt {
    var position = 0
    var remaining = index
    while let phandle = property.cell(position) {
      guard let controller = tree.node(phandle: phandle) else { throw .noInterruptParent }
      let cells = try controller.interruptCells()
      if remaining == 0 {
        return try controller.interrupt(specifiedBy: property, at: position + 1)
      }
      remaining -= 1
      position += 1 + cells
    }
    throw .missingEntry
  }

  /// The node that gives this node's `interrupts` their meaning: the nearest node up the interrupt tree that
  /// says how long a specifier is. The next node up is the `interrupt-parent` of a node, or its parent if
  /// there is no such property.
  private func interruptParent() throws(DeviceTreeError) -> DeviceTree.Node {
    var node = self
    // `interrupt-parent` can form a circle.
    for _ in 0..<DeviceTree.maximumDepth {
      let next: DeviceTree.Node?
      if let phandle = try node.cell("interrupt-parent") {
        next = tree.node(phandle: phandle)
      } else {
        next = node.parent
      }
      guard let next else { throw .noInterruptParent }
      if next.has("#interrupt-cells") { return next }
      node = next
    }
    throw .noInterruptParent
  }

  /// How many cells an interrupt specifier of this controller has.
  private func interruptCells() throws(DeviceTreeError) -> Int {
    guard let cells = try cell("#interrupt-cells") else { throw .missingProperty }
    // No binding has more than a few, and none has 0.
    guard (1...8).contains(cells) else { throw .malformedProperty }
    return Int(cells)
  }

  /// The meaning of a specifier to this controller.
  private func interrupt(
    specifiedBy property: DeviceTree.Property, at position: Int
  ) throws(DeviceTreeError) -> DeviceTree.Interrupt {
    guard isGenericInterruptController, try interruptCells() >= 3 else {
      throw .unsupportedInterruptController
    }
    guard let kind = property.cell(position), let number = property.cell(position + 1),
      let flags = property.cell(position + 2)
    else { throw .malformedProperty }
    return try DeviceTree.Interrupt(kind: kind, number: number, flags: flags)
  }
}
