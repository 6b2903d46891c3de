internal import DeviceTree

// Which devices of the tree are the console and the debug link.

extension MachineDescription {
  /// The UART that /chosen calls the console, or else the first that is enabled; nil if there is none that EL2
  /// drives.
  @inline(never)
  static func findConsole(_ tree: DeviceTree) -> UARTDescription? {
    if let node = tree.standardOutput, let uart = UARTDescription(node) { return uart }
    var nodes = tree.enabledNodes
    while let node = nodes.next() {
      if let uart = UARTDescription(node) { return uart }
    }
    return nil
  }

  /// The debug link is our virtio console where there is one, else the first UART that nobody else needs.
  @inline(never)
  static func findLink(
    _ tree: DeviceTree, console: UARTDescription?, isConsole: (UInt64) -> Bool
  ) throws(MachineError) -> LinkDescription {
    if let link = findVirtioLink(tree, isConsole: isConsole) { return link }
    var survey = UARTSurvey()
    var nodes = tree.enabledNodes
    while let node = nodes.next() {
      guard let uart = UARTDescription(node) else { continue }
      let candidate = UARTCandidate(node: node, uart: uart)
      if uart.base == console?.base {
        survey.append(uart, .console)
      } else if let obstacle = candidate.obstacle {
        survey.append(uart, obstacle)
      } else {
        return LinkDescription(device: .uart(uart), interrupts: candidate.interrupts)
      }
    }
    throw .noDebugLink(survey)
  }

  /// The console on the transport with the lowest address: `stepwell run` puts it there, and QEMU gives transports
  /// to other devices from the other end.
  private static func findVirtioLink(
    _ tree: DeviceTree, isConsole: (UInt64) -> Bool
  ) -> LinkDescription? {
    var found: LinkDescription?
    var nodes = tree.enabledNodes(compatibleWith: "virtio,mmio")
    while let node = nodes.next() {
      // The interrupt last: to find its controller takes a search of the tree, and there are many
      // transports.
      guard let region = try? node.region(0),
        found.map({ region.address < $0.device.base }) ?? true, isConsole(region.address),
        let interrupt = try? node.interrupt(0)
      else { continue }
      var interrupts = InlineArray<4, OwnInterrupts.Link?>(repeating: nil)
      interrupts[0] = OwnInterrupts.Link(interrupt)
      found = LinkDescription(
        device: .virtio(transport: region.address), interrupts: interrupts)
    }
    return found
  }
}

extension OwnInterrupts.Link {
  init(_ interrupt: DeviceTree.Interrupt) {
    self.init(
      number: InterruptNumber(interrupt.intid),
      trigger: interrupt.trigger == .edge ? .edge : .level)
  }
}

/// A UART that may become the debug link.
private struct UARTCandidate {
  let node: DeviceTree.Node
  let uart: UARTDescription

  /// Why it cannot be the link; nil if it can.
  var obstacle: LinkObstacle? {
    var children = node.children
    if children.next() != nil { return .hasChildren }
    guard interrupts[0] != nil else { return .noInterrupt }
    var nodes = node.tree.enabledNodes
    while let other = nodes.next() {
      guard other != node, !isPart(of: other) else { continue }
      if sharesPage(with: other) { return .sharesPage }
      if sharesInterrupt(with: other) { return .sharesInterrupt }
    }
    return nil
  }

  /// Its interrupts, as many as it has and EL2 needs.
  var interrupts: InlineArray<4, OwnInterrupts.Link?> {
    var interrupts = InlineArray<4, OwnInterrupts.Link?>(repeating: nil)
    if uart.family == .compactSCIF, let names = node.property("interrupt-names") {
      // One line for each thing that may happen. The receive trigger is at one character, so nothing is left to be
      // told by `dri`.
      var count = 0
      func add(_ name: DeviceTree.Text) {
        guard let index = names.index(of: name), let interrupt = try? node.interrupt(index) else {
          return
        }
        interrupts[count] = OwnInterrupts.Link(interrupt)
        count &+= 1
      }
      add("rxi")
      add("txi")
      add("eri")
      add("bri")
    } else if let interrupt = try? node.interrupt(0) {
      interrupts[0] = OwnInterrupts.Link(interrupt)
    }
    return interrupts
  }

  /// Whether `other` exists for this UART alone: the block that a mini-UART is in has clock and interrupt registers
  /// for it in the same page.
  private func isPart(of other: DeviceTree.Node) -> Bool {
    uart.family == .miniUART
      && (other.isCompatible(with: "brcm,bcm2835-aux")
        || other.isCompatible(with: "brcm,bcm2711-aux"))
  }

  private func sharesPage(with other: DeviceTree.Node) -> Bool {
    let page = Page.region(of: uart.base)
    guard var regions = try? other.regions() else { return false }
    while let region = regions.next() {
      // Memory and the windows of buses are no devices.
      if region.overlaps(page), region.size <= 0x100_0000 { return true }
    }
    return false
  }

  /// Whether `other` names the same kind and number of interrupt at any place. To find out for which controller
  /// would take a search of the tree for each node; one UART too many that is passed over does no harm.
  private func sharesInterrupt(with other: DeviceTree.Node) -> Bool {
    guard let own = node.property("interrupts"), let kind = own.cell(0), let number = own.cell(1),
      let others = other.property("interrupts")
    else { return false }
    var index = 0
    while let cell = others.cell(index), let next = others.cell(index &+ 1) {
      if cell == kind, next == number { return true }
      index &+= 3
    }
    return false
  }
}
