internal import DeviceTree

extension UARTDescription {
  /// The UART that a node describes; nil if it is none that EL2 drives.
  @inline(never)
  init?(_ node: DeviceTree.Node) {
    guard let family = UARTFamily(node), let region = try? node.region(0) else { return nil }
    self.family = family
    base = region.address
    let width = (try? node.cell("reg-io-width")) ?? 0
    isWide = width == 4
    switch family {
    // The bindings of these say nothing of it: the registers are words.
    case .mediaTek, .tegra, .miniUART:
      registerShift = 2
      isWide = true
    case .omap: registerShift = 2
    case .ns16550, .freescale, .designWare:
      // More than a page has no room for would be a malformed tree.
      let shift = (try? node.cell("reg-shift")) ?? 0
      guard shift <= 4 else { return nil }
      registerShift = UInt8(truncatingIfNeeded: shift)
      base &+= UInt64((try? node.cell("reg-offset")) ?? 0)
    default: break
    }
    // What firmware says of byte order. An LPUART of the Layerscape has it either way.
    if family == .bigEndianLPUART, node.has("little-endian") {
      self.family = .littleEndianLPUART
    }
  }
}

extension UARTFamily {
  /// The family of a node, from its `compatible`; nil if it is none that EL2 drives.
  @inline(never)
  init?(_ node: DeviceTree.Node) {
    guard let models = node.property("compatible")?.strings else { return nil }
    // From the most special to the most general.
    var rest = models
    while let model = rest.next() {
      if let family = Self.family(of: model) {
        self = family
        return
      }
    }
    return nil
  }

  private static func family(of model: DeviceTree.Text) -> UARTFamily? {
    if model == "arm,pl011" { return .pl011 }
    if model == "arm,sbsa-uart" { return .sbsa }
    if model == "snps,dw-apb-uart" { return .designWare }
    if model == "mediatek,mt6577-uart" { return .mediaTek }
    if model == "ti,am654-uart" || model == "ti,omap4-uart" { return .omap }
    if model == "nvidia,tegra20-uart" { return .tegra }
    if model == "fsl,ns16550" { return .freescale }
    if model == "ns16550a" || model == "ns16550" { return .ns16550 }
    if model == "brcm,bcm2835-aux-uart" { return .miniUART }
    if model == "cdns,uart-r1p12" { return .cadenceR1P12 }
    if model == "cdns,uart-r1p8" || model == "xlnx,xuartps" { return .cadence }
    if model == "fsl,imx6q-uart" { return .imx }
    if model.starts(with: "amlogic,meson-") && model.ends(with: "-uart") { return .meson }
    // RZ/G2L and RZ/V2H and what is like them have the compact layout.
    if model.starts(with: "renesas,scif-r9a0") { return .compactSCIF }
    if model == "renesas,scif" { return .scif }
    if model == "renesas,hscif" { return .hscif }
    if model == "fsl,ls1021a-lpuart" { return .bigEndianLPUART }
    if model == "fsl,ls1028a-lpuart" { return .littleEndianLPUART }
    if model == "fsl,imx7ulp-lpuart" || model == "fsl,imx8qxp-lpuart" { return .shiftedLPUART }
    return nil
  }
}
