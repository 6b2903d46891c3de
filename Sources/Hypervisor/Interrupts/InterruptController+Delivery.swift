// From a physical interrupt to a list register: what waits, what goes first, what makes room.

extension InterruptController where Hardware: ~Copyable {
  /// Handles the physical interrupts for which the executing core came to EL2. The guest's are offered to
  /// it.
  ///
  /// - Parameters:
  ///   - acknowledged: what the fast path has acknowledged already, or `none`.
  ///   - guestIsMasked: PSTATE.I of the guest, or true where that is not known.
  /// - Returns: the first of EL2's own that the caller must see to. If more are pending, the core comes to
  ///   EL2 again at once.
  func handlePhysicalInterrupt(
    _ interface: inout VirtualCPUInterface, acknowledged: AcknowledgedInterrupt = .none,
    guestIsMasked: Bool = true
  ) -> HypervisorInterrupt? {
    var event: HypervisorInterrupt?
    var acknowledged = acknowledged
    repeat {
      if acknowledged == .none { acknowledged = hardware.acknowledge() }
      let number = Hardware.number(of: acknowledged)
      guard number.kind != .special else { break }
      hardware.dropPriority(acknowledged)
      if number.kind == .sgi || own.contains(number) {
        hardware.deactivate(acknowledged)
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
      acknowledged = .none
    } while event == nil
    refill(&interface)
    return event
  }

  /// EL2 has acknowledged `number` for the guest.
  func noteAcknowledged(_ number: InterruptNumber, on processor: Int) {
    if number.kind == .spi {
      sharedInterrupts.softwarePending.acknowledge(number.bit, at: number.wordIndex)
    } else if number.kind == .ppi {
      privateInterrupts[processor].softwarePending.acknowledge(
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
      // Another physical SGI can only be a leftover of the firmware's.
      return number.kind == .spi ? .link(number) : nil
    }
  }

  /// Brings the list registers up to date, before the executing core goes back to the guest: with
  /// SGIs that other vCPUs sent, with what changed in distributor and redistributor, with what
  /// waited for a free list register.
  func synchronize(_ interface: inout VirtualCPUInterface) {
    let processor = interface.processor
    if privateInterrupts[processor].takeRevalidation() {
      revalidate(&interface)
    }
    if interface.guardsAcknowledge {
      dropFallen(&interface)
    } else if !interface.queue.isEmpty || interface.active.hasEntries
      || privateInterrupts[processor].readySGIs != 0
    {
      refill(&interface)
    }
  }

  /// Withholds virtual interrupts, or no longer. The guest's state is untouched.
  func setWithheld(_ isWithheld: Bool, _ interface: inout VirtualCPUInterface) {
    interface.isWithheld = isWithheld
    // With EOIcount as it is now.
    var control = hardware.readControl()
    if isWithheld { control.remove(.enable) } else { control.insert(.enable) }
    hardware.writeControl(control)
    if isWithheld { interface.control.remove(.enable) } else { interface.control.insert(.enable) }
  }

  /// Whether an interrupt waits that would wake the executing core's vCPU from WFI: it is pending,
  /// in an enabled group and above the priority mask. (One that could not preempt what is running
  /// counts as well: a wake-up too many is allowed, one too few is not.) The caller must have
  /// called `synchronize`.
  ///
  /// Where the guest has put its redistributor to sleep, anything that is pending wakes it, whatever
  /// its CPU interface lets through (GICR_WAKER, IHI 0069, 12.11.42: WakeRequest).
  func hasPendingVirtualInterrupt(_ interface: borrowing VirtualCPUInterface) -> Bool {
    let processor = interface.processor
    if privateInterrupts[processor].holdsBack {
      return !interface.queue.isEmpty || privateInterrupts[processor].readySGIs != 0
    }
    let control = hardware.readMachineControl()
    let registers = listRegisters
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
        privateInterrupts[processor].priority(ofSGI: Int(number.rawValue)))
    case .lpi: priorities.inListRegister(hardware.lpiConfiguration(of: number) & 0xfc)
    case .ppi, .spi, .special: peripheralPriority(of: number, on: processor)
    }
  }

  /// The same for a PPI or SPI.
  @inline(__always)
  func peripheralPriority(of number: InterruptNumber, on processor: Int) -> UInt8 {
    priorities.inListRegister(
      hardware.readPriority(of: number, on: processor))
  }

  /// The group that the guest gave `number`. LPIs are always in group 1.
  func group(of number: InterruptNumber, on processor: Int) -> InterruptGroup {
    switch number.kind {
    case .sgi, .ppi: privateInterrupts[processor].group(of: number)
    case .spi: sharedInterrupts.group(of: number)
    case .lpi, .special: .group1
    }
  }

  // MARK: Out of a list register or the queue

  /// Lets the interrupt of `register`, which is pending, wait in software.
  func requeue(_ register: ListRegister, _ interface: inout VirtualCPUInterface) {
    let number = register.number
    if number.kind != .sgi {
      interface.queue.insert(number)
    } else if Hardware.sgisHaveSources {
      privateInterrupts[interface.processor].pendingSGIs.insert(number, from: register.source)
    } else {
      privateInterrupts[interface.processor].pendingSGIs.insert(1 << number.rawValue)
    }
  }

  /// `number`, a PPI or SPI that waits in the queue, becomes again what it was before EL2
  /// acknowledged it: pending in hardware. A level-sensitive one is, as long as its line is
  /// asserted, unless the guest itself made it pending.
  func giveBack(_ number: InterruptNumber, _ interface: inout VirtualCPUInterface) {
    let processor = interface.processor
    if isHeldBySoftware(number, on: processor) {
      if number.kind == .spi {
        sharedInterrupts.softwarePending.giveBack(number.bit, at: number.wordIndex)
      } else {
        privateInterrupts[processor].softwarePending.giveBack(number.bit, at: number.wordIndex)
      }
      set(.ispendr, number, on: processor)
    } else if trigger(of: number, on: processor) == .edge {
      set(.ispendr, number, on: processor)
    }
    drop(number, &interface)
  }

  /// Whether the guest made `number`, a PPI or SPI that EL2 holds for it, pending itself.
  func isHeldBySoftware(_ number: InterruptNumber, on processor: Int) -> Bool {
    number.kind == .spi
      ? sharedInterrupts.softwarePending.isHeld(number.bit, at: number.wordIndex)
      : privateInterrupts[processor].softwarePending.isHeld(number.bit, at: number.wordIndex)
  }

  /// `number`, a PPI or SPI that waits in the queue, is pending no longer.
  func drop(_ number: InterruptNumber, _ interface: inout VirtualCPUInterface) {
    interface.queue.remove(number)
    hardware.deactivate(number)
  }

  /// Lets everything that is pending in `registers` wait in software.
  func takePending(
    from registers: inout ListRegisterFile, _ interface: inout VirtualCPUInterface
  ) {
    for n in 0..<registers.count where registers[n].isPending {
      requeue(registers[n], &interface)
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
    var registers = listRegisters
    takePending(from: &registers, &interface)
    registers.write(to: hardware)
    let processor = interface.processor
    giveBack(&interface) { !isSet(.isenabler, $0, on: processor) }
    refill(&interface)
  }
}
