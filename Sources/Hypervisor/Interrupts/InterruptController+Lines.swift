// Level-sensitive interrupts whose line falls before the guest takes them.
//
// In hardware such an interrupt is pending as long as its line is asserted, and a processor that masks
// interrupts meanwhile never learns of it. The guest's mask does not hold EL2 back: EL2 acknowledges the
// interrupt at once, and a list register stays pending whatever the line does. The commonest case is a
// handler that ends its interrupt before it tells the device. With the hardware link the physical interrupt
// is inactive then and its line still asserted, so it comes to EL2 a second time, although the device is
// told before the handler returns.
//
// So EL2 looks again at whatever may be out of date. ISPENDR shows the line of an interrupt that is active,
// which then is "active and pending" (IHI 0069, 4.1.2). EL2 looks whenever it is about to return to the
// guest anyway, and at the last moment, when the guest acknowledges: that access traps where an interrupt
// came while PSTATE.I was set. An interrupt whose line has fallen is dropped. If it was the only one, the
// guest reads 1023, as a processor does whose interrupt is withdrawn between its exception and its
// acknowledge. No event tells EL2 of the moment before the exception.
//
// Where an acknowledge cannot be made to trap (GICv2), EL2 looks on each return to the guest as long as such
// an interrupt is in a list register.

extension InterruptController where Hardware: ~Copyable {
  /// The guest accesses a register of its CPU interface that traps while its acknowledges are guarded.
  /// Afterwards it does not trap, and the guest executes the instruction again.
  func guestAcknowledges(_ interface: inout VirtualCPUInterface) {
    interface.guardsAcknowledge = false
    dropFallen(&interface)
  }

  /// Takes from the guest what is not pending any more, and arms anew.
  func dropFallen(_ interface: inout VirtualCPUInterface) {
    let processor = interface.processor
    var registers = listRegisters
    for n in 0..<registers.count
    where registers[n].isDeliverable && registers[n].isHardwareLinked
      && hasFallen(registers[n].number, on: processor)
    {
      hardware.deactivate(registers[n].number)
      registers[n].isPending = false
    }
    registers.write(to: hardware)
    if !Hardware.canTrapAcknowledge { interface.guardsAcknowledge = false }
    var next = interface.queue.first(from: 0)
    while let number = next {
      if number.isPeripheral && hasFallen(number, on: processor) { drop(number, &interface) }
      next = interface.queue.first(from: number.rawValue &+ 1)
    }
    refill(&interface)
    if !Hardware.canTrapAcknowledge { guardWhatMayFall(&interface) }
  }

  /// Has EL2 look again on the next return to the guest if a list register is pending with what may fall.
  private func guardWhatMayFall(_ interface: inout VirtualCPUInterface) {
    let registers = listRegisters
    for n in 0..<registers.count
    where registers[n].isDeliverable && mayFall(registers[n].number, on: interface.processor) {
      interface.guardsAcknowledge = true
    }
  }

  /// Whether `number`, which EL2 has acknowledged for the guest, may not be pending any more when the guest
  /// takes it.
  @inline(never)
  func mayFall(_ number: InterruptNumber, on processor: Int) -> Bool {
    number.isPeripheral && trigger(of: number, on: processor) == .level
  }

  private func hasFallen(_ number: InterruptNumber, on processor: Int) -> Bool {
    mayFall(number, on: processor) && !isHeldBySoftware(number, on: processor)
      && !isSet(.ispendr, number, on: processor)
  }
}
