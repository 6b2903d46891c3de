// Level-sensitive interrupts whose line falls before the guest takes them.
//
// In hardware such an interrupt is pending as long as its line is asserted, and a processor that masks
// interrupts meanwhile never learns of it. EL2 is not masked by the guest: it acknowledges the interrupt
// at once, and a list register stays pending whatever the line does. The commonest case is a handler
// that ends its interrupt before it tells the device: with the hardware link the physical interrupt is
// inactive then, its line is still asserted, and it comes to EL2 a second time, although the device is
// told before the handler returns.
//
// So whatever may be out of date is looked at again: GICD_ISPENDR shows the line of an interrupt that is
// active, which then is "active and pending" (IHI 0069, 4.1.2). That is done whenever EL2 is about to
// return to the guest anyway, and at the last moment, when the guest acknowledges: that access traps
// where an interrupt came while PSTATE.I was set. What has fallen is gone; if it was all, the guest reads
// 1023, as a processor does whose interrupt is withdrawn between its exception and its acknowledge. No
// event tells EL2 of the moment before the exception.

extension InterruptController where Hardware: ~Copyable {
  /// The guest accesses a register of its CPU interface that traps with ICH_HCR_EL2.TALL0 and TALL1.
  /// Afterwards it does not, and the instruction is executed again.
  func guestAcknowledges(_ interface: inout VirtualCPUInterface) {
    interface.guardsAcknowledge = false
    dropFallen(&interface)
  }

  /// Takes from the guest what is not pending any more, and arms anew.
  func dropFallen(_ interface: inout VirtualCPUInterface) {
    let processor = interface.processor
    var registers = ListRegisterFile(
      reading: hardware, count: virtualInterface.listRegisterCount)
    for n in 0..<registers.count
    where registers[n].isDeliverable && registers[n].isHardwareLinked
      && hasFallen(registers[n].number, on: processor)
    {
      hardware.write(.iccDIR, UInt64(registers[n].number.rawValue))
      registers[n].isPending = false
    }
    registers.write(to: hardware)
    var next = interface.queue.first(from: 0)
    while let number = next {
      if number.isPeripheral && hasFallen(number, on: processor) { drop(number, &interface) }
      next = interface.queue.first(from: number.rawValue &+ 1)
    }
    refill(&interface)
  }

  /// Whether the acknowledge of `number`, which EL2 holds for the guest, has to be looked at again.
  @inline(never)
  func mayFall(_ number: InterruptNumber, on processor: Int) -> Bool {
    number.isPeripheral && trigger(of: number, on: processor) == .level
  }

  private func hasFallen(_ number: InterruptNumber, on processor: Int) -> Bool {
    mayFall(number, on: processor) && !isHeldBySoftware(number, on: processor)
      && !isSet(.setPending, number, on: processor)
  }
}
