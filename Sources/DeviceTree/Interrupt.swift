extension DeviceTree {
  /// An interrupt of a GICv3, as a device tree's specifier names it (Linux's `arm,gic-v3.yaml`).
  public struct Interrupt: Equatable, Sendable {
    public enum Kind: Equatable, Sendable {
      /// Shared by all CPUs.
      case spi
      /// One for each CPU.
      case ppi
      /// Of the extended ranges that GICv3.1 adds.
      case extendedSPI
      case extendedPPI
    }

    public enum Trigger: Equatable, Sendable {
      case edge
      case level
    }

    public let kind: Kind
    /// The number by which the interrupt controller knows it (GICv3 architecture, 2.2).
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
      // Bits 15:8 are a GICv2's CPU mask. Rising and falling, high and low are one to a GICv3.
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
  /// - Throws: `unsupportedInterruptController` if it is not raised at a GICv3 directly.
  public func interrupt(_ index: Int) throws(DeviceTreeError) -> DeviceTree.Interrupt {
    guard index >= 0 else { throw .missingEntry }
    // Where a device has both, the extended one counts.
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

  /// In `interrupts-extended` each entry names its controller, which says how long the entry is.
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

  /// The node that gives this node's `interrupts` their meaning: the nearest one up the interrupt
  /// tree that says how long a specifier is. The way up is `interrupt-parent` where a node has it
  /// and the node's parent where not.
  private func interruptParent() throws(DeviceTreeError) -> DeviceTree.Node {
    var node = self
    // `interrupt-parent` can go round in circles.
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
    // No binding has more than a handful; none has none.
    guard (1...8).contains(cells) else { throw .malformedProperty }
    return Int(cells)
  }

  /// What a specifier means to this controller.
  private func interrupt(
    specifiedBy property: DeviceTree.Property, at position: Int
  ) throws(DeviceTreeError) -> DeviceTree.Interrupt {
    guard isCompatible(with: DeviceTree.GICv3.model), try interruptCells() >= 3 else {
      throw .unsupportedInterruptController
    }
    guard let kind = property.cell(position), let number = property.cell(position + 1),
      let flags = property.cell(position + 2)
    else { throw .malformedProperty }
    return try DeviceTree.Interrupt(kind: kind, number: number, flags: flags)
  }
}
