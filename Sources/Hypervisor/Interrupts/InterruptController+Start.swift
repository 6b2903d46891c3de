// Starting the controller, and starting and stopping each core's part of it.

extension InterruptController where Hardware: ~Copyable {
  /// Takes the distributor over: everything in one group, which is enabled, and EL2's shared interrupts routed
  /// to `bootProcessor` and enabled. Once, on the boot core, before the guest runs; each core, the boot core
  /// included, then calls `startCore`.
  func startDistributor(bootProcessor: Int) throws(InterruptControllerFault) {
    hardware.identifyCore(bootProcessor)
    guard hardware.enableGroups(.none) else { throw .writeIncomplete }
    if sharedInterrupts.hasSingleSecurityState {
      takeOverGroups(from: InterruptNumber(32), words: hardware.sharedWordCount)
      takeOverGroups(from: InterruptNumber(4096), words: hardware.extendedSharedWordCount)
    }
    for n in own.links.indices {
      if let link = own.links[n] { start(link, on: bootProcessor) }
    }
    let groups: InterruptGroups = hardware.physicalGroup == .group0 ? .group0 : .group1
    guard hardware.enableGroups(groups) else { throw .writeIncomplete }
  }

  /// Starts the executing core, `processor`, with `interface` as its vCPU's state, before anything else is
  /// done with either. The vCPU has a CPU interface out of reset then.
  func startCore(
    _ interface: inout VirtualCPUInterface, processor: Int
  ) throws(InterruptControllerFault) {
    interface.processor = processor
    hardware.enableCPUInterface()
    hardware.identifyCore(processor)
    if Hardware.privateRegistersAreBanked {
      privateInterrupts[processor].copyFirstView(
        of: processor, hasSingleSecurityState: sharedInterrupts.hasSingleSecurityState,
        from: hardware)
    }
    try startPrivateInterrupts(of: processor)
    hardware.startCPUInterface()
    interface.allListsEmpty = 1 << UInt64(virtualInterface.listRegisterCount) &- 1
    resetVirtualInterface(&interface)
    comeOnline(&interface)
  }

  /// The vCPU of the executing core is turned on.
  ///
  /// The guest finds the CPU interface of a core out of reset. What its private interrupts hold (SGIs
  /// that are pending, LPIs that arrived) is still there, as it would be in hardware.
  func startVCPU(_ interface: inout VirtualCPUInterface) {
    // EL2's side has been running all the while: another core may be calling right now.
    giveEverythingBack(&interface)
    resetVirtualInterface(&interface)
    comeOnline(&interface)
  }

  /// The vCPU of the executing core is turned off. What it has not taken is pending in hardware again, for
  /// another vCPU to take once it is routed there; what it was handling stays active, as in hardware. The
  /// core goes on getting EL2's own interrupts.
  func stopVCPU(_ interface: inout VirtualCPUInterface) {
    privateInterrupts[interface.processor].setOnline(false)
    giveEverythingBack(&interface)
    resetVirtualInterface(&interface)
    interface.control = .none
    hardware.writeControl(interface.control)
  }

  // MARK: Parts

  private func comeOnline(_ interface: inout VirtualCPUInterface) {
    privateInterrupts[interface.processor].setOnline(true)
    refill(&interface)
  }

  /// Gives back what the vCPU has not taken.
  private func giveEverythingBack(_ interface: inout VirtualCPUInterface) {
    var registers = listRegisters
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
    for n in 0..<virtualInterface.listRegisterCount {
      hardware.writeListRegister(n, ListRegister())
    }
    for n in 0..<virtualInterface.activePriorityRegisterCount { hardware.clearActivePriorities(n) }
    hardware.writeMachineControl(.reset)
  }

  /// IGROUPR of 32 interrupts in ``DistributorHardware/physicalGroup``.
  private var groupWord: UInt32 { hardware.physicalGroup == .group0 ? 0 : ~0 }

  /// Notes the groups of the SPIs in `words` words from `start` on, and puts all of them into one group in
  /// hardware.
  private func takeOverGroups(from start: InterruptNumber, words: Int) {
    for n in 0..<words {
      let first = InterruptNumber(start.rawValue &+ UInt32(n) &* 32)
      sharedInterrupts.setGroupWord(
        from: first, hardware.read(.igroupr, of: first, on: 0) & ~own.mask(from: first))
      hardware.write(.igroupr, of: first, on: 0, groupWord)
    }
  }

  /// Wakes the private interrupts of the executing core, and enables EL2's own at the highest priority, so
  /// that nothing of the guest's delays them.
  private func startPrivateInterrupts(of processor: Int) throws(InterruptControllerFault) {
    if sharedInterrupts.hasSingleSecurityState {
      guard hardware.wake(processor) else { throw .asleep }
      for n in 0..<hardware.privateWordCount(on: processor) {
        hardware.write(.igroupr, of: .private(word: n), on: processor, groupWord)
      }
    }
    // The guest's SGIs are virtual; of the physical ones only EL2's own may come, and none that the
    // firmware left.
    let sgis = InterruptNumber(0)
    hardware.write(.icenabler, of: sgis, on: processor, 0xffff)
    hardware.write(.icpendr, of: sgis, on: processor, 0xffff)
    if Hardware.sgisHaveSources {
      privateInterrupts[processor].notePermanentlyEnabled(
        sgis: hardware.read(.isenabler, of: sgis, on: processor))
    }
    startPrivate(own.kick, on: processor)
    startPrivate(own.maintenance, on: processor)
    startPrivate(own.timer, on: processor)
  }

  private func startPrivate(_ number: InterruptNumber, on processor: Int) {
    hardware.writePriority(of: number, on: processor, 0)
    set(.isenabler, number, on: processor)
  }

  private func start(_ link: OwnInterrupts.Link, on processor: Int) {
    let number = link.number
    set(.icenabler, number, on: processor)
    hardware.writePriority(of: number, on: processor, 0)
    let word = hardware.read(.icfgr, of: number, on: processor)
    hardware.write(
      .icfgr, of: number, on: processor,
      link.trigger == .edge ? word | number.edgeBit : word & ~number.edgeBit)
    hardware.route(number, to: processor)
    set(.icpendr, number, on: processor)
    set(.isenabler, number, on: processor)
  }
}
