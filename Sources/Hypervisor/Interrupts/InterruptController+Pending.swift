// What the guest reads in ISR_EL1. EL2 itself would read the physical interrupts there (HCR_EL2.IMO = FMO = 1).

/// What a virtual CPU interface signals to its vCPU, from the registers that it decides by (IHI 0069, 4.8 and 12.4;
/// pseudocode VirtualHighestPriorityPending of the ICV registers).
struct VirtualSignal {
  let control: VirtualMachineControl
  let type: VirtualInterfaceType
  /// The number of the lowest bit that is set in the active priorities of either group, or nil.
  let activePriority: Int?

  /// ISR_EL1.I and ISR_EL1.F.
  static let irq: UInt64 = 1 &<< 7
  static let fiq: UInt64 = 1 &<< 6

  /// ISR_EL1, with all but I and F clear, while `pending` is the most urgent interrupt that is pending and not
  /// active, in a group that the guest has enabled.
  func status(_ pending: ListRegister?) -> UInt64 {
    guard let pending, pending.priority < control.priorityMask, preempts(pending) else { return 0 }
    return pending.group == .group0 && control.group0IsFIQ ? Self.fiq : Self.irq
  }

  private func preempts(_ pending: ListRegister) -> Bool {
    guard let activePriority else { return true }
    // A bit stands for a group priority of PREbits bits.
    let running = UInt8(truncatingIfNeeded: activePriority &<< (8 &- type.preemptionBits))
    let mask = control.groupPriorityMask(of: pending.group)
    return pending.priority & mask < running & mask
  }
}

extension InterruptController where Hardware: ~Copyable {
  /// ISR_EL1.I and .F as the vCPU of the executing core would read them now, whether or not the debugger
  /// withholds its interrupts.
  func virtualInterruptStatus() -> UInt64 {
    let control = hardware.readMachineControl()
    let registers = listRegisters
    var pending: ListRegister?
    for n in 0..<registers.count {
      let register = registers[n]
      if register.isDeliverable, control.enabledGroups.contains(register.group),
        register.priority < pending?.priority ?? .max
      {
        pending = register
      }
    }
    return VirtualSignal(
      control: control, type: virtualInterface, activePriority: lowestActivePriority()
    ).status(pending)
  }

  private func lowestActivePriority() -> Int? {
    for n in 0..<virtualInterface.activePriorityRegisterCount {
      let active = hardware.readActivePriorities(n)
      if active != 0 { return n &* 32 &+ active.trailingZeroBitCount }
    }
    return nil
  }
}
