// From a physical interrupt to a list register: what waits, what goes first, what makes room.

extension InterruptController where Hardware: ~Copyable {
  /// Handles the physical interrupt for which the executing core came to EL2, `acknowledged` if it is
  /// so already. The guest's are made ready for it. The first of EL2's own that somebody else has to
  /// see to is returned; if more are pending, the core comes to EL2 again at once. `guestIsMasked` is
  /// PSTATE.I of the guest, or true where that is not known: it can take nothing as yet.
  func handlePhysicalInterrupt(
    _ interface: inout VirtualCPUInterface, acknowledged: InterruptNumber = .none,
    guestIsMasked: Bool = true
  ) -> HypervisorInterrupt? {
    var event: HypervisorInterrupt?
    var number = acknowledged
    repeat {
      if number == .none { number = acknowledge() }
      guard number.kind != .special else { break }
      hardware.write(.iccEOIR1, UInt64(number.rawValue))
      if number.kind == .sgi || own.contains(number) {
        hardware.write(.iccDIR, UInt64(number.rawValue))
        event = handleOwn(number, &interface)
      } else {
        // Fired again though it is active for the guest: the guest made it inactive itself.
        interface.active.deactivate(number)
        interface.queue.insert(number)
        noteAcknowledged(number, on: interface.processor)
        if guestIsMasked && mayFall(number, on: interface.processor) {
          interface.guardsAcknowledge = true
        }
      }
      number = .none
    } while event == nil
    refill(&interface)
    return event
  }

  /// Acknowledges the most urgent physical interrupt: special if there is none.
  func acknowledge() -> InterruptNumber {
    InterruptNumber(UInt32(truncatingIfNeeded: hardware.read(.iccIAR1) & 0xff_ffff))
  }

  /// EL2 has acknowledged `number` for the guest.
  func noteAcknowledged(_ number: InterruptNumber, on processor: Int) {
    if number.kind == .spi {
      distributor.softwarePending.acknowledge(number.bit, at: number.wordIndex)
    } else if number.kind == .ppi {
      redistributors[processor].softwarePending.acknowledge(
        number.bit, at: number.wordIndex)
    }
  }

  private func handleOwn(
    _ number: InterruptNumber, _ interface: inout VirtualCPUInterface
  ) -> HypervisorInterrupt? {
    switch number {
    case own.kick: return .kick
    case own.timer: return .timer
    case own.maintenance:
      // Its line stays asserted until what it is asserted for is done.
      refill(&interface)
      return nil
    default:
      // A physical SGI of the guest's numbers can only be a leftover of the firmware's.
      return number.kind == .spi ? .link(number) : nil
    }
  }

  /// Brings the list registers up to date, before the executing core goes back to the guest: with
  /// SGIs that other vCPUs sent, with what changed in distributor and redistributor, with what
  /// waited for a free list register.
  func synchronize(_ interface: inout VirtualCPUInterface) {
    let redistributor = interface.processor
    if redistributors[redistributor].takeRevalidation() {
      revalidate(&interface)
    }
    if interface.guardsAcknowledge {
      dropFallen(&interface)
    } else if !interface.queue.isEmpty || interface.active.hasEntries
      || redistributors[redistributor].pendingSGIs & redistributors[redistributor].enabledSGIs != 0
    {
      refill(&interface)
    }
  }

  /// Holds virtual interrupts back, or no longer: ICH_HCR_EL2.En. The guest's state is untouched.
  func setWithheld(_ isWithheld: Bool, _ interface: inout VirtualCPUInterface) {
    interface.isWithheld = isWithheld
    let enable = VirtualInterfaceControl.enable.rawValue
    // With EOIcount as it is now.
    let control = hardware.read(.ichHCR)
    hardware.write(.ichHCR, isWithheld ? control & ~enable : control | enable)
    if isWithheld { interface.control.remove(.enable) } else { interface.control.insert(.enable) }
  }

  /// Whether an interrupt waits that would wake the executing core's vCPU from WFI: it is pending,
  /// in an enabled group and above the priority mask. (One that could not preempt what is running
  /// counts as well: a wake-up too many is allowed, one too few is not.) To be asked after
  /// `synchronize`.
  ///
  /// Where the guest has put its redistributor to sleep, anything that is pending wakes it, whatever
  /// its CPU interface lets through (GICR_WAKER, IHI 0069, 12.11.42: WakeRequest).
  func hasPendingVirtualInterrupt(_ interface: borrowing VirtualCPUInterface) -> Bool {
    let redistributor = interface.processor
    if redistributors[redistributor].holdsBack {
      return !interface.queue.isEmpty
        || redistributors[redistributor].pendingSGIs & redistributors[redistributor].enabledSGIs
          != 0
    }
    let control = VirtualMachineControl(rawValue: hardware.read(.ichVMCR))
    let registers = ListRegisterFile(
      reading: hardware, count: virtualInterface.listRegisterCount)
    for n in 0..<registers.count {
      let interrupt = registers[n]
      if interrupt.isDeliverable && control.enabledGroups.contains(interrupt.group)
        && interrupt.priority < control.priorityMask
      {
        return true
      }
    }
    return false
  }

  // MARK: What an interrupt is to the guest now

  /// The priority that the guest gave `number`, as a list register has it.
  func priority(of number: InterruptNumber, on processor: Int) -> UInt8 {
    switch number.kind {
    case .sgi:
      priorities.inListRegister(
        redistributors[processor].priority(ofSGI: Int(number.rawValue)))
    case .lpi: priorities.inListRegister(hardware.lpiConfiguration(of: number) & 0xfc)
    case .ppi, .spi, .special: peripheralPriority(of: number, on: processor)
    }
  }

  /// The same for a PPI or SPI.
  @inline(__always)
  func peripheralPriority(of number: InterruptNumber, on processor: Int) -> UInt8 {
    priorities.inListRegister(
      hardware.read8(
        frame(of: number, on: processor), InterruptRegister.priority.offset(of: number)))
  }

  /// The group that the guest gave `number`. LPIs are always in group 1.
  func group(of number: InterruptNumber, on processor: Int) -> InterruptGroup {
    switch number.kind {
    case .sgi, .ppi: redistributors[processor].group(of: number)
    case .spi: distributor.group(of: number)
    case .lpi, .special: .group1
    }
  }

  // MARK: Out of a list register or the queue

  /// Lets `number` wait in software.
  func requeue(_ number: InterruptNumber, _ interface: inout VirtualCPUInterface) {
    if number.kind == .sgi {
      redistributors[interface.processor].setPending(sgis: 1 << number.rawValue)
    } else {
      interface.queue.insert(number)
    }
  }

  /// `number`, a PPI or SPI that waits in the queue, becomes again what it was before EL2
  /// acknowledged it: pending in hardware. A level-sensitive one is, as long as its line is
  /// asserted, unless the guest itself made it pending.
  func giveBack(_ number: InterruptNumber, _ interface: inout VirtualCPUInterface) {
    let processor = interface.processor
    if isHeldBySoftware(number, on: processor) {
      if number.kind == .spi {
        distributor.softwarePending.giveBack(number.bit, at: number.wordIndex)
      } else {
        redistributors[processor].softwarePending.giveBack(number.bit, at: number.wordIndex)
      }
      set(.setPending, number, on: processor)
    } else if trigger(of: number, on: processor) == .edge {
      set(.setPending, number, on: processor)
    }
    drop(number, &interface)
  }

  /// Whether the guest made `number`, a PPI or SPI that EL2 holds for it, pending itself.
  func isHeldBySoftware(_ number: InterruptNumber, on processor: Int) -> Bool {
    number.kind == .spi
      ? distributor.softwarePending.isHeld(number.bit, at: number.wordIndex)
      : redistributors[processor].softwarePending.isHeld(number.bit, at: number.wordIndex)
  }

  /// `number`, a PPI or SPI that waits in the queue, is pending no longer.
  func drop(_ number: InterruptNumber, _ interface: inout VirtualCPUInterface) {
    interface.queue.remove(number)
    hardware.write(.iccDIR, UInt64(number.rawValue))
  }

  /// Lets everything that is pending in `registers` wait in software.
  func takePending(
    from registers: inout ListRegisterFile, _ interface: inout VirtualCPUInterface
  ) {
    for n in 0..<registers.count where registers[n].isPending {
      requeue(registers[n].number, &interface)
      registers[n].isPending = false
    }
  }

  /// Gives back the PPIs and SPIs of the queue of which `condition` holds.
  func giveBack(
    _ interface: inout VirtualCPUInterface, where condition: (InterruptNumber) -> Bool
  ) {
    var next = interface.queue.first(from: 0)
    while let number = next {
      if number.isPeripheral && condition(number) { giveBack(number, &interface) }
      next = interface.queue.first(from: number.rawValue &+ 1)
    }
  }

  /// Takes what the guest has not taken out of the list registers, gives back what it has disabled
  /// since, and offers the rest anew with the priorities and groups of now.
  func revalidate(_ interface: inout VirtualCPUInterface) {
    var registers = ListRegisterFile(
      reading: hardware, count: virtualInterface.listRegisterCount)
    takePending(from: &registers, &interface)
    registers.write(to: hardware)
    let processor = interface.processor
    giveBack(&interface) { !isSet(.setEnable, $0, on: processor) }
    refill(&interface)
  }
}
