import DeviceTree
import Testing

/// What a tree says of the machine: memory, CPUs, interrupt controller, timers, firmware, console.
@Suite struct MachineTests {
  private func virt() throws -> DeviceTree { try DeviceTree(bytes: VirtMachine.builder.bytes) }

  // MARK: Memory

  @Test func `memory is what operational memory nodes below the root have`() throws {
    let tree = try DeviceTree(
      .cells("#address-cells", 1), .cells("#size-cells", 1),
      .node(
        "memory@4000", .strings("device_type", "memory"),
        .cells("reg", 0x4000, 0x1000, 0x8000, 0x1000)),
      .node(
        "secram@c000", .strings("device_type", "memory"), .strings("status", "disabled"),
        .cells("reg", 0xc000, 0x1000)),
      .node("memory@0", .strings("device_type", "memory"), .cells("reg", 0, 0x1000)),
      .node("sram@1000", .cells("reg", 0x1000, 0x1000)),
      .node("bus", .node("memory@2000", .strings("device_type", "memory"))))
    let regions = try tree.memoryNodes.all.flatMap { try $0.regions().all }
    #expect(regions == [.init(0x4000, 0x1000), .init(0x8000, 0x1000), .init(0, 0x1000)])
  }

  @Test(arguments: ["linaro,optee-tz", "android,trusty-smc-v1", "qcom,scm"])
  func `a trusted OS is an enabled node of one`(compatible: String) throws {
    #expect(try !virt().hasTrustedOS)
    for (status, isThere) in [("okay", true), ("disabled", false)] {
      let tree = try DeviceTree(
        .node(
          "firmware",
          .node(
            "tee", .strings("compatible", "vendor,board-tee", compatible),
            .strings("method", "smc"), .strings("status", status))))
      #expect(tree.hasTrustedOS == isThere)
    }
  }

  @Test func `memory is reserved in a block before the nodes`() throws {
    var builder = TreeBuilder([])
    #expect(try DeviceTree(bytes: builder.bytes).reservations.all.isEmpty)
    builder.reservations = [(0x1000, 0x200), (0, 0x100), (0x8000_0000_0000, 0)]
    #expect(
      try DeviceTree(bytes: builder.bytes).reservations.all == [
        .init(0x1000, 0x200), .init(0, 0x100), .init(0x8000_0000_0000, 0),
      ])
  }

  @Test func `memory is reserved by nodes too, some of which have no place yet`() throws {
    let tree = try DeviceTree(
      .cells("#address-cells", 1), .cells("#size-cells", 1),
      .node(
        "reserved-memory", .cells("#address-cells", 1), .cells("#size-cells", 1), .empty("ranges"),
        .node("firmware@5000", .cells("reg", 0x5000, 0x100), .empty("no-map")),
        .node("cma", .cells("size", 0x1000), .empty("reusable"))))
    let nodes = try #require(tree.reservedMemoryNodes).all
    #expect(nodes.map { $0.has("no-map") } == [true, false])
    #expect(try nodes.map { try $0.regions().all } == [[.init(0x5000, 0x100)], []])
    #expect(try DeviceTree().reservedMemoryNodes == nil)
  }

  // MARK: Interrupt controller

  @Test func `a GICv2 has four frames, or two without a virtual interface`() throws {
    func tree(_ items: Item...) throws -> DeviceTree {
      try DeviceTree(
        .cells("#address-cells", 1), .cells("#size-cells", 1), .cells("interrupt-parent", 1),
        .node(
          "interrupt-controller@1000",
          [
            .cells("phandle", 1), .strings("compatible", "arm,gic-400"),
            .cells("#interrupt-cells", 3),
          ] + items))
    }
    let frames = Item.cells(
      "reg", 0x1000, 0x1000, 0x2000, 0x2000, 0x4000, 0x2000, 0x6000, 0x2000)
    let whole = try #require(
      try tree(frames, .cells("interrupts", 1, 9, 0xf04)).gicV2())
    #expect(whole.distributor == .init(0x1000, 0x1000))
    #expect(whole.cpuInterface == .init(0x2000, 0x2000))
    #expect(whole.virtualControl == .init(0x4000, 0x2000))
    #expect(whole.virtualCPUInterface == .init(0x6000, 0x2000))
    #expect(try whole.maintenanceInterrupt()?.intid == 25)
    let half = try #require(try tree(.cells("reg", 0x1000, 0x1000, 0x2000, 0x2000)).gicV2())
    #expect(half.virtualControl == nil && half.virtualCPUInterface == nil)
    #expect(try half.maintenanceInterrupt() == nil)
    #expect(throws: DeviceTreeError.missingEntry) {
      try tree(.cells("reg", 0x1000, 0x1000)).gicV2()
    }
    #expect(try tree(frames, .strings("status", "disabled")).gicV2() == nil)
    #expect(try virt().gicV2() == nil)
  }

  // MARK: Chosen

  @Test(
    "the initrd lies between two addresses of one or two cells",
    arguments: [
      (
        [.cells("linux,initrd-start", 0x1000), .cells("linux,initrd-end", 0x3000)],
        .init(0x1000, 0x2000)
      ),
      (
        [.cells("linux,initrd-start", 1, 0x1000), .cells("linux,initrd-end", 1, 0x3000)],
        .init(0x1_0000_1000, 0x2000)
      ),
      (
        [.cells("linux,initrd-start", 0x1000), .cells("linux,initrd-end", 1, 0)],
        .init(0x1000, 0xffff_f000)
      ),
      ([.cells("linux,initrd-start", 0x1000)], nil),
      ([.cells("linux,initrd-end", 0x1000)], nil),
      ([], nil),
    ] as [([Item], DeviceTree.Region?)])
  func initrd(items: [Item], region: DeviceTree.Region?) throws {
    #expect(try DeviceTree(.node("chosen", items)).initrd() == region)
  }

  @Test(
    "an initrd that cannot be is refused",
    arguments: [
      [.cells("linux,initrd-start", 2), .cells("linux,initrd-end", 1)],
      [.empty("linux,initrd-start"), .cells("linux,initrd-end", 1)],
      [.cells("linux,initrd-start", 0), .cells("linux,initrd-end", 1, 2, 3)],
    ] as [[Item]])
  func badInitrd(items: [Item]) throws {
    let tree = try DeviceTree(.node("chosen", items))
    #expect(throws: DeviceTreeError.malformedProperty) { try tree.initrd() }
  }

  @Test(
    "the console is the node that stdout-path names, without the options behind a colon",
    arguments: [
      ("serial0", "uart@1000"), ("serial0:115200n8", "uart@1000"), ("/uart@2000", "uart@2000"),
      ("/uart@2000:9600:x", "uart@2000"), ("/uart@3000", nil), ("serial1", nil), ("", nil),
      (":115200", nil),
    ] as [(String, String?)])
  func console(path: String, name: String?) throws {
    let tree = try DeviceTree(
      .node("uart@1000"), .node("uart@2000"), .node("aliases", .strings("serial0", "/uart@1000")),
      .node("chosen", .strings("stdout-path", path)))
    #expect(tree.standardOutput?.name.string == name)
  }

  @Test func `on the virt machine the console is a PL011`() throws {
    let console = try #require(try virt().standardOutput)
    #expect(console.isCompatible(with: "arm,pl011"))
    #expect(try console.region(0) == .init(0x0900_0000, 0x1000))
    #expect(try console.interrupt(0).intid == 33)
  }

  @Test func `a virtio transport has registers and an edge-triggered SPI`() throws {
    let transports = try virt().enabledNodes(compatibleWith: "virtio,mmio").all
    #expect(
      try transports.map { try $0.region(0).address } == (0..<4).map { 0x0a00_0000 + $0 * 0x200 })
    #expect(try transports.map { try $0.interrupt(0).intid } == Array(48..<52))
    #expect(try transports.allSatisfy { try $0.interrupt(0).trigger == .edge })
  }

  // MARK: Interrupt controller and timers

  @Test func `a GICv3 has a distributor, redistributors, a maintenance interrupt and ITSs`() throws
  {
    let gic = try #require(try virt().gicV3())
    #expect(gic.distributor == .init(0x0800_0000, 0x1_0000))
    #expect(gic.redistributorRegionCount == 1)
    #expect(try gic.redistributorRegion(0) == .init(0x080a_0000, 0x00f6_0000))
    #expect(throws: DeviceTreeError.missingEntry) { try gic.redistributorRegion(1) }
    #expect(gic.redistributorStride == nil)
    #expect(try gic.maintenanceInterrupt()?.intid == 25)
    #expect(
      try gic.translationServices.all.map { try $0.region(0) } == [.init(0x0808_0000, 0x2_0000)])
  }

  private func tree(gic items: [Item]) throws -> DeviceTree {
    try DeviceTree(
      .cells("#address-cells", 1), .cells("#size-cells", 1),
      .node("intc", [.strings("compatible", "arm,gic-v3")] + items))
  }

  @Test func `redistributors may be in several regions and a stride apart`() throws {
    let tree = try tree(gic: [
      .cells("reg", 0, 0x1_0000, 0x10_0000, 0x2_0000, 0x20_0000, 0x2_0000, 0x30_0000, 0x2000),
      .cells("#redistributor-regions", 2), .cells("redistributor-stride", 0, 0x4_0000),
    ])
    let gic = try #require(try tree.gicV3())
    #expect(try (0..<2).map(gic.redistributorRegion).map(\.address) == [0x10_0000, 0x20_0000])
    #expect(throws: DeviceTreeError.missingEntry) { try gic.redistributorRegion(2) }
    #expect(throws: DeviceTreeError.missingEntry) { try gic.redistributorRegion(-1) }
    #expect(gic.redistributorStride == 0x4_0000)
    #expect(try gic.maintenanceInterrupt() == nil)
    #expect(gic.translationServices.all.isEmpty)
  }

  @Test(
    "a GICv3 without its registers is refused",
    arguments: [
      ([], .missingProperty),
      ([.cells("reg", 0, 0x1_0000)], .missingEntry),
      (
        [.cells("reg", 0, 0x1_0000, 0x10_0000, 0x2_0000), .cells("#redistributor-regions", 2)],
        .missingEntry
      ),
      (
        [.cells("reg", 0, 0x1_0000, 0x10_0000, 0x2_0000), .cells("#redistributor-regions", 0)],
        .missingEntry
      ),
      ([.cells("reg", 0, 1, 2, 3), .cells("#redistributor-regions", 0xffff_ffff)], .missingEntry),
      ([.cells("reg", 0, 1, 2, 3), .empty("redistributor-stride")], .malformedProperty),
    ] as [([Item], DeviceTreeError)])
  func badGIC(items: [Item], error: DeviceTreeError) throws {
    let tree = try tree(gic: items)
    #expect(throws: error) { try tree.gicV3() }
  }

  @Test func `another interrupt controller is no GICv3`() throws {
    #expect(try DeviceTree(.node("intc", .strings("compatible", "arm,gic-400"))).gicV3() == nil)
  }

  @Test func `the interrupt of EL2's timer is known by its position`() throws {
    let timer = try #require(try virt().genericTimer)
    #expect(try timer.hypervisorPhysical?.intid == 26)
    #expect(try DeviceTree().genericTimer == nil)
  }

  @Test(
    "the interrupt of EL2's timer is known by its name if the tree has names",
    arguments: [
      (["phys", "virt", "hyp-phys"], 28), (["hyp-phys", "virt", "phys"], 30),
      // There is a fourth interrupt in neither of these.
      (["phys", "virt", "hyp-virt"], nil), (["hyp-physical", "hyp", "virt"], nil),
    ] as [([String], UInt32?)])
  func namedTimer(names: [String], intid: UInt32?) throws {
    let tree = try DeviceTree(
      .cells("interrupt-parent", 1), InterruptTests.gic,
      .node(
        "timer", .strings("compatible", "arm,armv8-timer"),
        .cells("interrupts", 1, 14, 4, 1, 11, 4, 1, 12, 4),
        .strings("interrupt-names", names[0], names[1], names[2])))
    let timer = try #require(tree.genericTimer)
    #expect(try timer.hypervisorPhysical?.intid == intid)
  }

  @Test func `a tree with three timer interrupts and no names has none for EL2`() throws {
    let tree = try DeviceTree(
      .cells("interrupt-parent", 1), InterruptTests.gic,
      .node(
        "timer", .strings("compatible", "arm,armv8-timer"),
        .cells("interrupts", 1, 14, 4, 1, 11, 4, 1, 12, 4)))
    #expect(try tree.genericTimer?.hypervisorPhysical == nil)
  }

  // MARK: CPUs and firmware

  @Test func `a CPU's reg is its affinity, in one cell or two`() throws {
    #expect(try virt().processors().all.map(\.affinity) == [0, 1])
    let tree = try DeviceTree(
      .node(
        "cpus", .cells("#address-cells", 2), .cells("#size-cells", 0),
        .node("cpu@10000", .strings("device_type", "cpu"), .cells("reg", 0, 0x1_0000)),
        .node("cpu@100000100", .strings("device_type", "cpu"), .cells("reg", 1, 0x100))))
    #expect(try tree.processors().all.map(\.affinity) == [0x1_0000, 0x1_0000_0100])
  }

  @Test func `a CPU that waits to be started is one, and one that has failed is none`() throws {
    let tree = try DeviceTree(
      .node(
        "cpus", .node("cpu@0", .strings("device_type", "cpu"), .cells("reg", 0)),
        .node(
          "cpu@1", .strings("device_type", "cpu"), .cells("reg", 1),
          .strings("status", "disabled")),
        .node(
          "cpu@2", .strings("device_type", "cpu"), .cells("reg", 2), .strings("status", "fail")),
        .node("cpu@3", .strings("device_type", "cpu"), .strings("status", "fail-broken")),
        .node("l2-cache", .strings("device_type", "cache"))))
    #expect(try tree.processors().all.map(\.affinity) == [0, 1])
  }

  @Test func `CPUs without a number, or no CPUs at all, are refused`() throws {
    #expect(throws: DeviceTreeError.missingProperty) { try DeviceTree().processors() }
    #expect(throws: DeviceTreeError.missingProperty) {
      try DeviceTree(.node("cpus", .node("cpu@0", .strings("device_type", "cpu")))).processors()
    }
    #expect(throws: DeviceTreeError.malformedProperty) {
      try DeviceTree(
        .node("cpus", .node("cpu@0", .strings("device_type", "cpu"), .cells("reg", 1, 2, 3)))
      ).processors()
    }
  }

  @Test(
    "the firmware is called as its node says, by the newest version that it lists",
    arguments: [
      (["arm,psci-1.0", "arm,psci-0.2", "arm,psci"], "smc", .v1_0, .smc),
      (["arm,psci-0.2", "arm,psci"], "hvc", .v0_2, .hvc),
      (["arm,psci"], "smc", .v0_1, .smc),
    ] as [([String], String, DeviceTree.PSCI.Version, DeviceTree.PSCI.Conduit)])
  func psci(
    compatible: [String], method: String, version: DeviceTree.PSCI.Version,
    conduit: DeviceTree.PSCI.Conduit
  ) throws {
    let list: [UInt8] = compatible.flatMap { Array($0.utf8) + [0] }
    let tree = try DeviceTree(
      .node("firmware", .node("psci", .property("compatible", list), .strings("method", method))))
    let psci = try #require(try tree.psci())
    #expect(psci.version == version)
    #expect(psci.conduit == conduit)
  }

  @Test func `firmware that cannot be called is refused`() throws {
    let psci = Item.strings("compatible", "arm,psci")
    #expect(try DeviceTree().psci() == nil)
    #expect(throws: DeviceTreeError.missingProperty) { try DeviceTree(.node("psci", psci)).psci() }
    #expect(throws: DeviceTreeError.malformedProperty) {
      try DeviceTree(.node("psci", psci, .strings("method", "spin"))).psci()
    }
  }
}
