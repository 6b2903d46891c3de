// Fast path for an interrupt of a device, a timer or another vCPU that comes while the guest handles no other.
// Nearly all of them do, and what `refill` would find then is known beforehand.

extension InterruptController where Hardware: ~Copyable {
  /// Handles the physical interrupt for which the executing core came to EL2 where no list register is in
  /// use and nothing waits: the guest's goes into the first.
  ///
  /// - Parameters:
  ///   - guestIsMasked: PSTATE.I of the guest.
  ///   - isCalled: whether another core asks this one for something besides interrupts. Looked at after a kick
  ///     was acknowledged.
  /// - Returns: nil if that is done. Otherwise what is acknowledged already, or `none`, for
  ///   `handlePhysicalInterrupt` to go on with.
  @inline(__always)
  func deliverOnFastPath(
    _ interface: inout VirtualCPUInterface, guestIsMasked: @autoclosure () -> Bool,
    isCalled: @autoclosure () -> Bool
  ) -> AcknowledgedInterrupt? {
    // Armed for nothing: no interrupt that could be delivered waits, none is active outside the list
    // registers, none is withheld.
    let empty = hardware.readEmptyListRegisters()
    guard interface.control == .enable, empty == interface.allListsEmpty else {
      return AcknowledgedInterrupt.none
    }
    let acknowledged = hardware.acknowledge()
    let number = Hardware.number(of: acknowledged)
    if number == own.kick {
      return !isCalled() && deliverSGI(acknowledged, interface) ? nil : acknowledged
    }
    // PPIs and SPIs, but for those of the extended ranges.
    guard 16..<1020 ~= number.rawValue, !own.contains(number) else { return acknowledged }
    let processor = interface.processor
    let group = group(of: number, on: processor)
    let control = hardware.readMachineControl()
    guard forwardedGroups(to: processor).intersection(control.enabledGroups).contains(group) else {
      return acknowledged
    }
    hardware.dropPriority(acknowledged)
    noteAcknowledged(number, on: processor)
    let priority = peripheralPriority(of: number, on: processor)
    hardware.writeListRegister(
      0, ListRegister(pending: number, priority: priority, group: group))
    if guestIsMasked() && mayFall(number, on: processor) {
      interface.guardsAcknowledge = true
      interface.control.insert(.trapAcknowledge)
      hardware.writeControl(interface.control)
    }
    return nil
  }

  /// Gives the guest the one SGI that waits, which another vCPU has sent and called for by the kick `acknowledged`.
  ///
  /// - Returns: false, and nothing is done, if none waits or several, or if it cannot be delivered now.
  // Out of the way of a device's interrupt.
  @inline(never)
  private func deliverSGI(
    _ acknowledged: AcknowledgedInterrupt, _ interface: borrowing VirtualCPUInterface
  ) -> Bool {
    let processor = interface.processor
    let ready = privateInterrupts[processor].readySGIs
    guard !Hardware.sgisHaveSources, ready != 0, ready & (ready &- 1) == 0,
      !privateInterrupts[processor].needsRevalidation
    else { return false }
    let number = InterruptNumber(UInt32(truncatingIfNeeded: ready.trailingZeroBitCount))
    let group = privateInterrupts[processor].group(of: number)
    let control = hardware.readMachineControl()
    guard forwardedGroups(to: processor).intersection(control.enabledGroups).contains(group) else {
      return false
    }
    hardware.dropPriority(acknowledged)
    hardware.deactivate(acknowledged)
    // One that is sent meanwhile is this one, which the guest has not acknowledged.
    privateInterrupts[processor].pendingSGIs.remove(ready)
    let priority = priorities.inListRegister(
      privateInterrupts[processor].priority(ofSGI: Int(number.rawValue)))
    hardware.writeListRegister(
      0, ListRegister(pending: number, priority: priority, group: group))
    return true
  }
}
