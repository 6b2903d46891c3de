internal import ArmDebug
internal import EL2Support

// The guest's exits, as the exception vectors call them: `frame` is the top of the core's stack, the
// same as the vCPU's.

@c(stepwell_synchronous)
public func stepwellSynchronous(_ frame: UnsafeMutableRawPointer) {
  let cores = EL2Cores()
  let vcpu = cores.currentVCPU
  Exits(vcpu, on: cores).handleSynchronous(Syndrome(rawValue: el2_read_esr_el2()))
  Core.prepareToEnter(vcpu, on: cores)
}

/// `acknowledged` is what the fast path of an interrupt has returned.
@c(stepwell_irq)
public func stepwellIRQ(_ frame: UnsafeMutableRawPointer, _ acknowledged: UInt64) {
  let cores = EL2Cores()
  let vcpu = cores.currentVCPU
  Exits(vcpu, on: cores).handleInterrupt(
    AcknowledgedInterrupt(rawValue: UInt32(truncatingIfNeeded: acknowledged)))
  Core.prepareToEnter(vcpu, on: cores)
}

@c(stepwell_fiq)
public func stepwellFIQ(_ frame: UnsafeMutableRawPointer) {
  // Every interrupt is in group 1 in hardware, so the interrupt controller signals no FIQ. A spurious one
  // is told by its acknowledge, as a spurious IRQ is.
  // Passed on as it came: both vectors store the same.
  unsafe stepwellIRQ(frame, UInt64(AcknowledgedInterrupt.none.rawValue))
}

@c(stepwell_serror)
public func stepwellSError(_ frame: UnsafeMutableRawPointer) {
  // HCR_EL2.AMO is 0: the guest takes its own SErrors, this vector cannot be reached.
  // The frame has the layout that the report expects: the vectors store one kind.
  unsafe stepwellFault(frame, 11, UInt64(UInt(bitPattern: frame)))
}
