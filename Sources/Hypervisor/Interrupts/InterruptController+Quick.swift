// The interrupt of a device's or a timer's that comes while the guest handles no other: nearly all of
// them are. What `refill` would find then is known before.

extension InterruptController where Hardware: ~Copyable {
  /// The short way of the physical interrupt for which the executing core came to EL2: where no list
  /// register is in use and nothing waits, the guest's goes into the first.
  ///
  /// - Parameter guestIsMasked: PSTATE.I of the guest.
  /// - Returns: nil if that is done. Otherwise what is acknowledged already, or `none`, for
  ///   `handlePhysicalInterrupt` to go on with.
  @inline(__always)
  func deliverQuickly(
    _ interface: inout VirtualCPUInterface, guestIsMasked: @autoclosure () -> Bool
  ) -> InterruptNumber? {
    // Armed for nothing: no interrupt that could be delivered waits, none is active outside the list
    // registers, none is withheld.
    let empty = hardware.read(.ichELRSR)
    guard interface.control == .enable, empty == interface.allListsEmpty else {
      return InterruptNumber.none
    }
    let number = acknowledge()
    // PPIs and SPIs, but for those of the extended ranges.
    guard 16..<1020 ~= number.rawValue, !own.contains(number) else { return number }
    let processor = interface.processor
    let group = group(of: number, on: processor)
    let control = VirtualMachineControl(rawValue: hardware.read(.ichVMCR))
    guard forwardedGroups(to: processor).intersection(control.enabledGroups).contains(group) else {
      return number
    }
    hardware.write(.iccEOIR1, UInt64(number.rawValue))
    noteAcknowledged(number, on: processor)
    let priority = peripheralPriority(of: number, on: processor)
    hardware.write(
      .ichLR(0), ListRegister(pending: number, priority: priority, group: group).rawValue)
    if guestIsMasked() && mayFall(number, on: processor) {
      interface.guardsAcknowledge = true
      interface.control.insert(.trapAcknowledge)
      hardware.write(.ichHCR, interface.control.rawValue)
    }
    return nil
  }
}
