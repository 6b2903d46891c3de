internal import ArmDebug
internal import EL2Support
internal import NestedDebug

// The guest's exits, as the exception vectors call them: `frame` is the top of the core's stack, the
// same as the vCPU's.

@c(stepwell_synchronous)
public func stepwellSynchronous(_ frame: UnsafeMutableRawPointer) {
  let vcpu = EL2.current
  Exits.handleSynchronous(vcpu, Syndrome(rawValue: el2_read_esr_el2()))
  Core.prepareToEnter(vcpu)
}

/// `acknowledged` is what `stepwell_fast_path_irq` has returned.
@c(stepwell_irq)
public func stepwellIRQ(_ frame: UnsafeMutableRawPointer, _ acknowledged: UInt64) {
  let vcpu = EL2.current
  Exits.handleInterrupt(
    vcpu, AcknowledgedInterrupt(rawValue: UInt32(truncatingIfNeeded: acknowledged)))
  Core.prepareToEnter(vcpu)
}

@c(stepwell_fiq)
public func stepwellFIQ(_ frame: UnsafeMutableRawPointer) {
  // Every interrupt is in group 1 in hardware, so there is no FIQ of the interrupt controller's. One
  // that comes all the same is a spurious one of the kind that the acknowledge tells.
  // Passed on as it came: both vectors store the same.
  unsafe stepwellIRQ(frame, UInt64(AcknowledgedInterrupt.none.rawValue))
}

@c(stepwell_serror)
public func stepwellSError(_ frame: UnsafeMutableRawPointer) {
  // HCR_EL2.AMO is 0: the guest takes its own SErrors, this vector cannot be reached.
  // The frame has the layout that the report expects: the vectors store one kind.
  unsafe stepwellFault(frame, 11, UInt64(UInt(bitPattern: frame)))
}

enum Exits {
  static func handleInterrupt(_ vcpu: Fixed<VCPU>, _ acknowledged: AcknowledgedInterrupt) {
    vcpu.value.exits.count(.interrupt)
    vcpu.value.interruptsAreStale = true
    exited(vcpu, nil)
    let event = EL2.shared.value.interrupts.handlePhysicalInterrupt(
      &vcpu.value.interrupts, acknowledged: acknowledged,
      guestIsMasked: vcpu.value.frame.value.context.pstate.i)
    switch event {
    case .link: DebugServer.serve()
    case .kick, .timer, nil: break
    }
    Power.endIfAsked()
  }

  static func handleSynchronous(_ vcpu: Fixed<VCPU>, _ syndrome: Syndrome) {
    // Before anything else writes them: FAR_EL2 and HPFAR_EL2 are of this exception.
    let faultAddress = el2_read_far_el2()
    exited(vcpu, syndrome)
    let frame = vcpu.value.frame
    switch syndrome.exceptionClass {
    case .systemRegister: accessSystemRegister(vcpu, syndrome)
    case .hvc64, .hvc32:
      vcpu.value.exits.count(.hypercall)
      Power.call(vcpu, frame, isSMC: false)
    case .smc64, .smc32:
      vcpu.value.exits.count(.firmwareCall)
      // A trapped SMC has not executed: EL2 completes it. (HVC has; its return address is the next.)
      vcpu.value.debug.firmwareCallReturned(context: &frame.value.context)
      // #0 alone is the convention's. AArch32's syndrome does not have the number.
      if syndrome.exceptionClass == .smc64 && syndrome.iss & 0xffff != 0 {
        Power.refuse(frame)
      } else {
        Power.call(vcpu, frame, isSMC: true)
      }
    case .breakpointLower, .stepLower, .watchpointLower, .bkpt32, .vectorCatch32, .brk64:
      handleDebugException(vcpu, syndrome, faultAddress)
    case .dataAbortLower, .instructionAbortLower:
      vcpu.value.interruptsAreStale = true
      GuestAbort(vcpu: vcpu, syndrome: syndrome, faultAddress: faultAddress).handle()
    case .cp14Word, .cp14Pair, .cp14Transfer:
      CoprocessorExit(vcpu: vcpu, syndrome: syndrome)?.handle()
    case .wfx:
      // Only while the debugger steps: a stepped wait is a NOP.
      vcpu.value.exits.count(.waitForInterrupt)
      vcpu.value.debug.instructionEmulated(
        context: &frame.value.context, length: syndrome.il ? 4 : 2)
    default:
      // Nothing else is set to trap, so this is an instruction that the CPU gives to EL2 of its own
      // accord and that EL1 alone would have found UNDEFINED.
      vcpu.value.exits.count(.other)
      injectUndefined(vcpu)
    }
  }

  private static func exited(_ vcpu: Fixed<VCPU>, _ syndrome: Syndrome?) {
    var hardware = CoreDebugHardware()
    vcpu.value.debug.guestExited(
      syndrome, context: &vcpu.value.frame.value.context, hardware: &hardware)
  }

  static func handleDebugException(
    _ vcpu: Fixed<VCPU>, _ syndrome: Syndrome, _ faultAddress: UInt64
  ) {
    switch syndrome.exceptionClass {
    case .breakpointLower: vcpu.value.exits.count(.breakpoint)
    case .watchpointLower: vcpu.value.exits.count(.watchpoint)
    case .stepLower: vcpu.value.exits.count(.step)
    default: vcpu.value.exits.count(.brk)
    }
    var hardware = CoreDebugHardware()
    let disposition = vcpu.value.debug.handle(
      syndrome, faultAddress: faultAddress, context: &vcpu.value.frame.value.context,
      hardware: &hardware)
    guard case .candidate(let candidate) = disposition else { return }
    var policy = StopAlways()
    guard
      let reason = vcpu.value.debug.decide(
        candidate, in: vcpu.value.frame.value.context, by: &policy)
    else { return }
    vcpu.value.stop = reason
    Standstill.begin()
  }

  private static func accessSystemRegister(_ vcpu: Fixed<VCPU>, _ syndrome: Syndrome) {
    let access = SystemRegisterAccess(iss: syndrome.iss)
    let frame = vcpu.value.frame
    let value = access.isRead ? 0 : frame.value[rt: access.rt]
    if let result = vcpu.value.debug.access(access, value: value) {
      vcpu.value.exits.count(.debugRegister)
      switch result {
      case .read(let read): frame.value[rt: access.rt] = read
      case .written: break
      case .undefined:
        injectUndefined(vcpu)
        return
      }
    } else if let trapped = EL2.shared.value.interrupts.accessSystemRegister(
      access, value: value, &vcpu.value.interrupts)
    {
      vcpu.value.exits.count(.interruptRegister)
      if trapped == .repeated { return }
      vcpu.value.interruptsAreStale = true
    } else {
      vcpu.value.exits.count(.other)
      injectUndefined(vcpu)
      return
    }
    vcpu.value.debug.instructionEmulated(context: &frame.value.context)
  }

  static func injectUndefined(_ vcpu: Fixed<VCPU>) {
    var hardware = CoreDebugHardware()
    vcpu.value.debug.injectUndefined(
      context: &vcpu.value.frame.value.context, hardware: &hardware)
  }
}
