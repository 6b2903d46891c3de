import DeviceTree
import Testing

/// Interrupt specifiers and the interrupt tree (Devicetree Specification v0.4, 2.4; Linux's
/// `arm,gic-v3.yaml`).
@Suite struct InterruptTests {
  static let gic: Item = .node(
    "intc", .cells("phandle", 1), .strings("compatible", "arm,gic-v3"),
    .empty("interrupt-controller"), .cells("#interrupt-cells", 3))

  private func device(_ items: Item...) throws -> DeviceTree.Node {
    let tree = try DeviceTree(
      .cells("interrupt-parent", 1), Self.gic, .node("device", items))
    return try #require(tree.node(at: "/device"))
  }

  @Test(
    "a specifier's kind and number make an INTID",
    arguments: [
      (0, 0, .spi, 32), (0, 1, .spi, 33), (0, 987, .spi, 1019),
      (1, 0, .ppi, 16), (1, 9, .ppi, 25), (1, 15, .ppi, 31),
      (2, 0, .extendedSPI, 4096), (2, 1023, .extendedSPI, 5119),
      (3, 0, .extendedPPI, 1056), (3, 63, .extendedPPI, 1119),
      (0, 988, nil, 0), (1, 16, nil, 0), (2, 1024, nil, 0), (3, 64, nil, 0), (4, 0, nil, 0),
      (0xffff_ffff, 0xffff_ffff, nil, 0),
    ] as [(UInt32, UInt32, DeviceTree.Interrupt.Kind?, UInt32)])
  func number(
    kind: UInt32, number: UInt32, expected: DeviceTree.Interrupt.Kind?, intid: UInt32
  ) throws {
    let device = try device(.cells("interrupts", kind, number, 4))
    guard let expected else {
      #expect(throws: DeviceTreeError.unknownInterrupt) { try device.interrupt(0) }
      return
    }
    let interrupt = try device.interrupt(0)
    #expect(interrupt.kind == expected)
    #expect(interrupt.intid == intid)
  }

  @Test(
    "the low four flags are the trigger, one of four",
    arguments: [
      (1, .edge), (2, .edge), (4, .level), (8, .level), (0xf04, .level), (0x301, .edge),
      (0, nil), (3, nil), (5, nil), (0xf, nil), (0x10, nil),
    ] as [(UInt32, DeviceTree.Interrupt.Trigger?)])
  func trigger(flags: UInt32, trigger: DeviceTree.Interrupt.Trigger?) throws {
    let device = try device(.cells("interrupts", 0, 1, flags))
    if let trigger {
      #expect(try device.interrupt(0).trigger == trigger)
    } else {
      #expect(throws: DeviceTreeError.unknownInterrupt) { try device.interrupt(0) }
    }
  }

  @Test func `a device has as many interrupts as its specifiers are long`() throws {
    let device = try device(.cells("interrupts", 1, 13, 4, 0, 14, 1))
    #expect(try device.interrupt(0).intid == 29)
    #expect(try device.interrupt(1).intid == 46)
    #expect(throws: DeviceTreeError.missingEntry) { try device.interrupt(2) }
    #expect(throws: DeviceTreeError.missingEntry) { try device.interrupt(-1) }
  }

  @Test(
    "a GICv2's specifiers are those of a GICv3, and bits 15 to 8 of the flags are its CPU mask",
    arguments: [
      "arm,gic-400", "arm,cortex-a15-gic", "arm,cortex-a9-gic", "arm,cortex-a7-gic", "arm,gic-v2",
    ])
  func gicV2(model: String) throws {
    let tree = try DeviceTree(
      .cells("interrupt-parent", 1),
      .node(
        "intc", .cells("phandle", 1), .strings("compatible", model, "vendor,gic"),
        .cells("#interrupt-cells", 3)),
      .node("device", .cells("interrupts", 1, 9, 0xf08, 0, 14, 1)))
    let device = try #require(tree.node(at: "/device"))
    #expect(try device.interrupt(0).intid == 25)
    #expect(try device.interrupt(0).trigger == .level)
    #expect(try device.interrupt(1).intid == 46)
  }

  @Test func `a specifier is as long as the controller says`() throws {
    let tree = try DeviceTree(
      .cells("interrupt-parent", 1),
      .node(
        "intc", .cells("phandle", 1), .strings("compatible", "arm,gic-v3"),
        .cells("#interrupt-cells", 4)),
      .node("device", .cells("interrupts", 1, 9, 4, 0, 0, 5, 1, 0)))
    #expect(try tree.node(at: "/device")?.interrupt(1).intid == 37)
  }

  @Test func `the interrupt parent is the nearest one up the tree`() throws {
    let tree = try DeviceTree(
      .cells("interrupt-parent", 2),
      Self.gic,
      .node("gpio", .cells("phandle", 2), .cells("#interrupt-cells", 2)),
      .node(
        "soc", .cells("interrupt-parent", 1),
        .node("device", .cells("interrupts", 0, 3, 4))),
      .node("own", .cells("interrupt-parent", 1), .cells("interrupts", 0, 4, 4)),
      .node("button", .cells("interrupts", 3, 1)))
    #expect(try tree.node(at: "/soc/device")?.interrupt(0).intid == 35)
    #expect(try tree.node(at: "/own")?.interrupt(0).intid == 36)
    #expect(throws: DeviceTreeError.unsupportedInterruptController) {
      try tree.node(at: "/button")?.interrupt(0)
    }
  }

  @Test func `a device below its controller needs no interrupt parent`() throws {
    let tree = try DeviceTree(
      .node(
        "intc", .strings("compatible", "arm,gic-v3"), .cells("#interrupt-cells", 3),
        .node("frame", .node("device", .cells("interrupts", 0, 3, 4)))))
    #expect(try tree.node(at: "/intc/frame/device")?.interrupt(0).intid == 35)
  }

  @Test func `the controller's own interrupt comes back to it`() throws {
    let tree = try DeviceTree(bytes: VirtMachine.builder.bytes)
    #expect(try tree.node(at: "/intc")?.interrupt(0).intid == 25)
  }

  @Test func `an extended specifier names its controller, and counts before the other`() throws {
    let tree = try DeviceTree(
      Self.gic,
      .node("gpio", .cells("phandle", 2), .cells("#interrupt-cells", 2)),
      .node(
        "device", .cells("interrupts", 0, 99, 4),
        .cells("interrupts-extended", 1, 0, 5, 4, 2, 7, 1, 1, 1, 6, 8)))
    let device = try #require(tree.node(at: "/device"))
    #expect(try device.interrupt(0).intid == 37)
    #expect(throws: DeviceTreeError.unsupportedInterruptController) { try device.interrupt(1) }
    #expect(try device.interrupt(2).intid == 22)
    #expect(throws: DeviceTreeError.missingEntry) { try device.interrupt(3) }
  }

  @Test(
    "an interrupt that leads nowhere is refused",
    arguments: [
      ([], .missingProperty),
      ([.cells("interrupts", 0, 1)], .malformedProperty),
      ([.empty("interrupts")], .missingEntry),
      ([.cells("interrupts", 0, 1, 4), .cells("interrupt-parent", 9)], .noInterruptParent),
      ([.cells("interrupts", 0, 1, 4), .cells("interrupt-parent", 1, 1)], .malformedProperty),
      (
        [.cells("interrupts", 0, 1, 4), .cells("interrupt-parent", 5), .cells("phandle", 5)],
        .noInterruptParent
      ),
      ([.cells("interrupts-extended", 9, 0, 1, 4)], .noInterruptParent),
      ([.cells("interrupts-extended", 1, 0, 1)], .malformedProperty),
      ([.empty("interrupts-extended")], .missingEntry),
    ] as [([Item], DeviceTreeError)])
  func refused(items: [Item], error: DeviceTreeError) throws {
    let tree = try DeviceTree(.cells("interrupt-parent", 1), Self.gic, .node("device", items))
    #expect(throws: error) { try #require(tree.node(at: "/device")).interrupt(0) }
  }

  @Test(
    "a controller whose specifiers have no length is refused",
    arguments: [
      (.cells("#interrupt-cells", 0), .malformedProperty),
      (.cells("#interrupt-cells", 9), .malformedProperty),
      (.cells("#interrupt-cells", 0xffff_ffff), .malformedProperty),
      (.empty("#interrupt-cells"), .malformedProperty),
      (.cells("#interrupt-cells", 1), .unsupportedInterruptController),
    ] as [(Item, DeviceTreeError)])
  func badController(cells: Item, error: DeviceTreeError) throws {
    let tree = try DeviceTree(
      .node("intc", .cells("phandle", 1), .strings("compatible", "arm,gic-v3"), cells),
      .node("device", .cells("interrupt-parent", 1), .cells("interrupts", 0, 0, 4)),
      .node("other", .cells("interrupts-extended", 1, 0, 0, 4)))
    #expect(throws: error) { try #require(tree.node(at: "/device")).interrupt(0) }
    #expect(throws: error) { try #require(tree.node(at: "/other")).interrupt(0) }
  }
}
