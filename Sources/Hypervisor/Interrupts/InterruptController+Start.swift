// Starting the controller, and starting and stopping each core's part of it.

extension InterruptController where Hardware: ~Copyable {
  /// Takes the distributor over: group 1 of everything enabled, EL2's shared interrupts routed to
  /// `bootProcessor` and enabled. Once, on the boot core, before the guest runs; each core, the
  /// boot core included, then calls `startOnThisCore`.
  func startDistributor(bootProcessor: Int) {
    let control = hardware.read32(.distributor, DistributorOffset.control)
    let groups = DistributorControl.enableGroup0 | DistributorControl.enableGroup1
    // ARE may only change while the groups are disabled.
    writeDistributorControl(control & ~groups | DistributorControl.affinityRouting)
    if distributor.hasSingleSecurityState {
      takeOverGroups(from: 32, words: sharedWordCount)
      takeOverGroups(from: 4096, words: extendedSharedWordCount)
    }
    for n in own.links.indices {
      if let link = own.links[n] { start(link, on: bootProcessor) }
    }
    writeDistributorControl(
      control & ~groups | DistributorControl.affinityRouting | DistributorControl.enableGroup1)
  }

  /// Starts the executing core, `processor`, with `interface` as its vCPU's state: once before
  /// anything else of this core's, and again each time the vCPU is turned on.
  ///
  /// The guest finds the CPU interface of a core out of reset. What its redistributor holds (SGIs
  /// that are pending, LPIs that arrived) is still there, as it would be in hardware.
  func startOnThisCore(_ interface: inout VirtualCPUInterface, processor: Int) {
    interface.processor = processor
    if interface.isStarted {
      // EL2's side has been running all the while: another core may be calling right now.
      giveEverythingBack(&interface)
    } else {
      startPhysicalInterface(processor)
      interface.allListsEmpty = 1 << UInt64(virtualInterface.listRegisterCount) &- 1
      interface.isStarted = true
    }
    resetVirtualInterface(&interface)
    redistributors[processor].setOnline(true)
    refill(&interface)
  }

  /// The vCPU is turned off. What it has not taken is pending in hardware again, for another vCPU
  /// to take once it is routed there; what it was handling stays active, as in hardware. The core
  /// goes on getting EL2's own interrupts.
  func stopOnThisCore(_ interface: inout VirtualCPUInterface) {
    redistributors[interface.processor].setOnline(false)
    giveEverythingBack(&interface)
    resetVirtualInterface(&interface)
    interface.control = .none
    hardware.write(.ichHCR, interface.control.rawValue)
  }

  // MARK: Parts

  /// Gives back what the vCPU has not taken.
  private func giveEverythingBack(_ interface: inout VirtualCPUInterface) {
    var registers = ListRegisterFile(
      reading: hardware, count: virtualInterface.listRegisterCount)
    takePending(from: &registers, &interface)
    registers.write(to: hardware)
    giveBack(&interface) { _ in true }
  }

  /// Leaves the virtual interface of the executing core as a core out of reset has its CPU
  /// interface.
  private func resetVirtualInterface(_ interface: inout VirtualCPUInterface) {
    interface.active.removeAll()
    interface.isWithheld = false
    interface.guardsAcknowledge = false
    interface.trapsDeactivation = false
    for n in 0..<virtualInterface.listRegisterCount { hardware.write(.ichLR(n), 0) }
    for n in 0..<virtualInterface.activePriorityRegisterCount {
      hardware.write(.ichAP0R(n), 0)
      hardware.write(.ichAP1R(n), 0)
    }
    hardware.write(.ichVMCR, VirtualMachineControl.reset.rawValue)
  }

  /// Lets physical interrupts come to the executing core, EL2's own before all others.
  private func startPhysicalInterface(_ processor: Int) {
    Self.enableSystemRegisters(hardware)
    startRedistributor(processor)
    // EOImode 1: the end of interrupt drops the priority, so that others come, and leaves the
    // interrupt active until the guest is done with it.
    hardware.write(.iccCTLR, hardware.read(.iccCTLR) | 1 << 1)
    hardware.write(.iccPMR, 0xff)
    hardware.write(.iccBPR1, 0)
    hardware.write(.iccIGRPEN1, 1)
  }

  /// How many 32-bit words of one bit each the SPIs have, INTIDs 0 to 31 included
  /// (GICD_TYPER.ITLinesNumber).
  private var sharedWordCount: Int {
    Int(hardware.read32(.distributor, DistributorOffset.type) & 0x1f) &+ 1
  }

  /// The same for the extended SPIs (GICD_TYPER.ESPI, ESPI_range).
  private var extendedSharedWordCount: Int {
    let type = hardware.read32(.distributor, DistributorOffset.type)
    return type & 1 << 8 == 0 ? 0 : Int(type >> 27) &+ 1
  }

  /// Notes the groups of the SPIs in `words` words up from INTID `start`, and puts all of them into
  /// group 1 in hardware.
  private func takeOverGroups(from start: UInt32, words: Int) {
    // The word of INTIDs 0 to 31 counts, but is the redistributors'.
    for n in (start == 32 ? 1 : 0)..<max(words, start == 32 ? 1 : 0) {
      let first = InterruptNumber(start &- (start == 32 ? 32 : 0) &+ UInt32(n) &* 32)
      let offset = InterruptRegister.group.offset(of: first)
      distributor.setGroupWord(
        from: first, hardware.read32(.distributor, offset) & ~own.mask(from: first))
      hardware.write32(.distributor, offset, ~0)
    }
  }

  private func writeDistributorControl(_ value: UInt32) {
    hardware.write32(.distributor, DistributorOffset.control, value)
    waitForWrite(.distributor)
  }

  /// Wakes the redistributor and enables EL2's own private interrupts at the highest priority, so
  /// that nothing of the guest's delays them.
  private func startRedistributor(_ processor: Int) {
    let frame = InterruptFrame.redistributor(processor)
    if distributor.hasSingleSecurityState {
      let waker = hardware.read32(frame, RedistributorOffset.waker)
      hardware.write32(
        frame, RedistributorOffset.waker, waker & ~RedistributorOffset.processorSleep)
      while hardware.read32(frame, RedistributorOffset.waker)
        & RedistributorOffset.childrenAsleep != 0
      {}
      let groups = InterruptRegister.group.offset(of: InterruptNumber(0))
      let extended = Int(hardware.read64(frame, RedistributorOffset.type) >> 27 & 0x1f)
      for n in 0...min(extended, 2) { hardware.write32(frame, groups &+ 4 &* n, ~0) }
    }
    // The guest's SGIs are virtual; of the physical ones only EL2's own may come, and none that the
    // firmware left.
    let sgis = InterruptNumber(0)
    hardware.write32(frame, InterruptRegister.clearEnable.offset(of: sgis), 0xffff)
    hardware.write32(frame, InterruptRegister.clearPending.offset(of: sgis), 0xffff)
    startPrivate(own.kick, on: processor)
    startPrivate(own.maintenance, on: processor)
    startPrivate(own.timer, on: processor)
  }

  private func startPrivate(_ number: InterruptNumber, on processor: Int) {
    hardware.write8(
      .redistributor(processor), InterruptRegister.priority.offset(of: number), 0)
    set(.setEnable, number, on: processor)
  }

  private func start(_ link: OwnInterrupts.Link, on processor: Int) {
    set(.clearEnable, link.number, on: processor)
    hardware.write8(.distributor, InterruptRegister.priority.offset(of: link.number), 0)
    let offset = InterruptRegister.configuration.offset(of: link.number)
    let edge: UInt32 = 0b10 << (link.number.rawValue & 15 &* 2)
    let word = hardware.read32(.distributor, offset)
    hardware.write32(.distributor, offset, link.trigger == .edge ? word | edge : word & ~edge)
    route(link, to: processor)
    set(.clearPending, link.number, on: processor)
    set(.setEnable, link.number, on: processor)
  }

  private func route(_ link: OwnInterrupts.Link, to processor: Int) {
    hardware.write64(
      .distributor, InterruptRegister.route.offset(of: link.number), affinities[processor].route)
  }
}
