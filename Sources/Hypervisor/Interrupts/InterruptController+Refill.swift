// The list registers: the most urgent interrupts are in them, the rest waits in software.
//
// What `refill` leaves behind, whatever it found:
// 1. every list register that is pending is so with an interrupt of a group that is enabled;
// 2. nothing that waits is more urgent than anything that is deliverable in a list register;
// 3. if something that could be delivered waits, at least one list register is deliverable, and a
//    maintenance interrupt comes when the guest has taken the last.
// So the guest takes interrupts in the order of their priorities, and none is stranded.

/// An interrupt that waits and could be delivered.
private struct Candidate {
  let number: InterruptNumber
  /// The CPU that sent an SGI, where SGIs have a source; otherwise 0.
  let source: UInt8
  let priority: UInt8
  let group: InterruptGroup
}

/// What `refill` found on its way.
private struct Waiting {
  /// Something that could be delivered.
  var anything = false
  /// Something that waits for the guest to enable a group in its CPU interface.
  var groups = InterruptGroups.none
  /// Something waits for a list register whose active interrupt may not be moved out.
  var forDeactivation = false
}

extension InterruptController where Hardware: ~Copyable {
  /// Offers the guest what waits, and arms the maintenance interrupt for what still does.
  func refill(_ interface: inout VirtualCPUInterface) {
    endUnmatched(&interface)
    let control = hardware.readMachineControl()
    var registers = listRegisters
    var waiting = Waiting()
    let forwarded = forwardedGroups(to: interface.processor)
    let enabled = forwarded.intersection(control.enabledGroups)

    evict(from: &registers, allBut: enabled, &interface)
    merge(into: &registers, enabled, &interface)
    while let candidate = mostUrgent(enabled, forwarded, &waiting, interface) {
      guard
        makeRoom(for: candidate, in: &registers, control, &waiting, &interface)
      else {
        waiting.anything = true
        break
      }
    }
    registers.write(to: hardware)
    arm(waiting, control, &interface)
  }

  /// Deactivates what the guest ended outside the list registers since the last time.
  private func endUnmatched(_ interface: inout VirtualCPUInterface) {
    guard interface.active.hasEntries else { return }
    let control = hardware.readControl()
    for _ in 0..<control.unmatchedEnds {
      guard let ended = interface.active.pop() else { return }
      if ended.isActive && ended.isHardwareLinked {
        hardware.deactivate(ended.number)
      }
    }
  }

  /// Takes pending interrupts of groups that are not `enabled` out of the list registers, where
  /// they would be in the way.
  private func evict(
    from registers: inout ListRegisterFile, allBut enabled: InterruptGroups,
    _ interface: inout VirtualCPUInterface
  ) {
    for n in 0..<registers.count
    where registers[n].isPending && !enabled.contains(registers[n].group) {
      requeue(registers[n], &interface)
      registers[n].isPending = false
    }
  }

  /// Adds what waits to a list register that has the same interrupt already: there is one list
  /// register for an interrupt.
  private func merge(
    into registers: inout ListRegisterFile, _ enabled: InterruptGroups,
    _ interface: inout VirtualCPUInterface
  ) {
    for n in 0..<registers.count where !registers[n].isEmpty {
      let number = registers[n].number
      let source = registers[n].source
      guard isWaiting(number, source, interface),
        enabled.contains(group(of: number, on: interface.processor))
      else { continue }
      stopWaiting(number, source, &interface)
      registers[n].isPending = true
      // A physical interrupt comes again only after it was made inactive, so the guest did that
      // itself. (Pending and active with the hardware link is not a valid state.)
      if registers[n].isHardwareLinked { registers[n].isActive = false }
    }
  }

  /// The interrupt of highest priority, of equals the one of lowest number, that waits and is in an
  /// `enabled` group. Notes in `waiting` what waits for the guest's CPU interface only.
  private func mostUrgent(
    _ enabled: InterruptGroups, _ forwarded: InterruptGroups, _ waiting: inout Waiting,
    _ interface: borrowing VirtualCPUInterface
  ) -> Candidate? {
    var best: Candidate?
    var sgis = waitingSGIs(interface)
    while sgis != 0 {
      let number = InterruptNumber(UInt32(sgis.trailingZeroBitCount))
      sgis &= sgis &- 1
      consider(number, enabled, forwarded, &waiting, &best, interface)
    }
    var next = interface.queue.first(from: 0)
    while let number = next {
      next = interface.queue.first(from: number.rawValue &+ 1)
      consider(number, enabled, forwarded, &waiting, &best, interface)
    }
    return best
  }

  /// Makes `number`, which waits, the `best` candidate if it is more urgent.
  private func consider(
    _ number: InterruptNumber, _ enabled: InterruptGroups, _ forwarded: InterruptGroups,
    _ waiting: inout Waiting, _ best: inout Candidate?,
    _ interface: borrowing VirtualCPUInterface
  ) {
    let group = group(of: number, on: interface.processor)
    guard enabled.contains(group) else {
      if forwarded.contains(group) {
        waiting.groups.insert(group == .group0 ? .group0 : .group1)
      }
      return
    }
    let priority = priority(of: number, on: interface.processor)
    if let best, best.priority <= priority { return }
    best = Candidate(
      number: number, source: firstSource(of: number, interface), priority: priority,
      group: group)
  }

  /// Puts `candidate` into a list register: a free one, else that of a less urgent interrupt, else,
  /// if none is deliverable, that of the active interrupt that the guest will end last. False if
  /// there is no room for it, or no need because something at least as urgent is there.
  private func makeRoom(
    for candidate: Candidate, in registers: inout ListRegisterFile,
    _ control: VirtualMachineControl, _ waiting: inout Waiting,
    _ interface: inout VirtualCPUInterface
  ) -> Bool {
    let place: Int
    if let free = registers.freeIndex {
      place = free
    } else if let lowest = registers.lowestDeliverable {
      guard candidate.priority < registers[lowest].priority else { return false }
      requeue(registers[lowest], &interface)
      place = lowest
    } else if let lowest = registers.lowestActive {
      guard moveOut(registers[lowest], control, &interface) else {
        waiting.forDeactivation = true
        return false
      }
      place = lowest
    } else {
      return false
    }
    stopWaiting(candidate.number, candidate.source, &interface)
    registers[place] = ListRegister(
      pending: candidate.number, priority: candidate.priority, group: candidate.group,
      source: candidate.source)
    return true
  }

  /// Remembers `interrupt`, which is active, outside the list registers. False where EL2 would not
  /// learn of its deactivation: EOImode is 1 and the guest's deactivations cannot be trapped.
  private func moveOut(
    _ interrupt: ListRegister, _ control: VirtualMachineControl,
    _ interface: inout VirtualCPUInterface
  ) -> Bool {
    let number = interrupt.number
    guard !control.splitsDeactivation || virtualInterface.canTrapDeactivation else { return false }
    if interrupt.isPending { requeue(interrupt, &interface) }
    // LPIs have no active state, even where a list register shows one: nobody waits for their end.
    guard number.kind != .lpi else { return true }
    if !control.splitsDeactivation {
      interface.active.push(interrupt)
    } else {
      interface.trapsDeactivation = true
      if number.kind == .sgi { interface.active.unorderedSGIs |= 1 << number.rawValue }
    }
    return true
  }

  /// Composes the virtual interface's control, with which EOIcount begins again at 0. A maintenance
  /// condition is armed only where it does not hold already, because it would be signalled for ever.
  private func arm(
    _ waiting: Waiting, _ control: VirtualMachineControl,
    _ interface: inout VirtualCPUInterface
  ) {
    var value: VirtualInterfaceControl = interface.isWithheld ? .none : .enable
    if waiting.anything && !waiting.forDeactivation {
      value.insert(.noPending)
      // If the guest disables one of two groups, its interrupts must not block the other's.
      if control.enabledGroups == .both {
        value.insert(.group0Disabled)
        value.insert(.group1Disabled)
      }
    }
    if waiting.forDeactivation && virtualInterface.listRegisterCount > 1 {
      value.insert(.underflow)
    }
    if waiting.groups.contains(.group0) { value.insert(.group0Enabled) }
    if waiting.groups.contains(.group1) { value.insert(.group1Enabled) }
    if interface.active.hasEntries { value.insert(.entryNotPresent) }
    if interface.guardsAcknowledge { value.insert(.trapAcknowledge) }
    if interface.trapsDeactivation { value.insert(.trapDeactivation) }
    interface.control = value
    if interface.isWaiting { value.remove(.enable) }
    hardware.writeControl(value)
  }

  // MARK: What waits: the queue, and the SGIs that are enabled and not active elsewhere

  private func waitingSGIs(_ interface: borrowing VirtualCPUInterface) -> UInt32 {
    privateInterrupts[interface.processor].readySGIs & ~interface.active.activeSGIs
  }

  private func isWaiting(
    _ number: InterruptNumber, _ source: UInt8, _ interface: borrowing VirtualCPUInterface
  ) -> Bool {
    guard number.kind == .sgi else { return interface.queue.contains(number) }
    guard waitingSGIs(interface) & 1 << number.rawValue != 0 else { return false }
    return !Hardware.sgisHaveSources
      || privateInterrupts[interface.processor].pendingSGIs.contains(number, from: source)
  }

  /// The lowest of the CPUs whose `number`, if it is an SGI, waits.
  private func firstSource(
    of number: InterruptNumber, _ interface: borrowing VirtualCPUInterface
  ) -> UInt8 {
    guard Hardware.sgisHaveSources && number.kind == .sgi else { return 0 }
    let sources = privateInterrupts[interface.processor].pendingSGIs.sourceMask(of: number)
    return UInt8(truncatingIfNeeded: sources.trailingZeroBitCount)
  }

  private func stopWaiting(
    _ number: InterruptNumber, _ source: UInt8, _ interface: inout VirtualCPUInterface
  ) {
    if number.kind != .sgi {
      interface.queue.remove(number)
    } else if Hardware.sgisHaveSources {
      privateInterrupts[interface.processor].pendingSGIs.remove(number, from: source)
    } else {
      privateInterrupts[interface.processor].pendingSGIs.remove(1 << number.rawValue)
    }
  }
}
