internal import ArmDebug
internal import EL2Support
internal import NestedDebug

/// What becomes of an exit of the guest's: each handler completes it and says which kind it was.
struct Exits {
  private let cores: EL2Cores
  private let vcpu: Fixed<VCPU>

  /// The caller is the core of `vcpu`.
  init(_ vcpu: Fixed<VCPU>, on cores: EL2Cores) {
    self.cores = cores
    self.vcpu = vcpu
  }

  private var frame: Fixed<TrapFrame> { vcpu.value.frame }

  /// - Parameter acknowledged: what the fast path has acknowledged already, or `none`.
  func handleInterrupt(_ acknowledged: AcknowledgedInterrupt) {
    vcpu.value.exits.record(
      ExitRecord(reason: .interrupt, syndrome: nil, pc: frame.value.context.pc, faultAddress: 0))
    vcpu.value.interruptsAreStale = true
    leave(nil)
    let event = cores.shared.value.interrupts.handlePhysicalInterrupt(
      &vcpu.value.interrupts, acknowledged: acknowledged,
      guestIsMasked: frame.value.context.pstate.i)
    switch event {
    case .link: cores.serveDebugger()
    case .kick, .timer, nil: break
    }
    Power(cores).endIfAsked()
  }

  func handleSynchronous(_ syndrome: Syndrome) {
    // Before anything else writes them: FAR_EL2 and HPFAR_EL2 are of this exception.
    let faultAddress = el2_read_far_el2()
    let pc = frame.value.context.pc
    leave(syndrome)
    let reason = complete(syndrome, faultAddress)
    vcpu.value.exits.record(
      ExitRecord(reason: reason, syndrome: syndrome, pc: pc, faultAddress: faultAddress))
  }

  /// Tells the engine that the guest was left.
  private func leave(_ syndrome: Syndrome?) {
    var hardware = CoreDebugHardware()
    vcpu.value.debug.guestExited(
      syndrome, context: &frame.value.context, hardware: &hardware)
  }

  private func complete(_ syndrome: Syndrome, _ faultAddress: UInt64) -> ExitReason {
    switch syndrome.exceptionClass {
    case .systemRegister: return accessSystemRegister(syndrome)
    case .hvc64, .hvc32:
      Power(cores).call(vcpu, isSMC: false)
      return .hypercall
    case .smc64, .smc32:
      callFirmware(syndrome)
      return .firmwareCall
    case .breakpointLower, .stepLower, .watchpointLower, .bkpt32, .vectorCatch32, .brk64:
      return handleDebugException(syndrome, faultAddress)
    case .dataAbortLower, .instructionAbortLower:
      vcpu.value.interruptsAreStale = true
      return GuestAbort(cores: cores, vcpu: vcpu, syndrome: syndrome, faultAddress: faultAddress)
        .handle()
    case .cp14Word, .cp14Pair, .cp14Transfer:
      return CoprocessorExit(vcpu: vcpu, syndrome: syndrome, exits: self)?.handle() ?? .other
    case .wfx:
      // Only while the debugger steps: a stepped wait is a NOP.
      vcpu.value.debug.instructionEmulated(
        context: &frame.value.context, length: syndrome.il ? 4 : 2)
      return .waitForInterrupt
    default:
      // Nothing else is set to trap, so this is an instruction that the CPU gives to EL2 of its own
      // accord and that EL1 alone would have found UNDEFINED.
      injectUndefined()
      return .other
    }
  }

  private func callFirmware(_ syndrome: Syndrome) {
    // A trapped SMC has not executed: EL2 completes it. (HVC has; its return address is the next.)
    vcpu.value.debug.firmwareCallReturned(context: &frame.value.context)
    // #0 alone is the convention's. AArch32's syndrome does not have the number.
    if syndrome.exceptionClass == .smc64 && syndrome.iss & 0xffff != 0 {
      Power(cores).refuse(frame)
    } else {
      Power(cores).call(vcpu, isSMC: true)
    }
  }

  func handleDebugException(_ syndrome: Syndrome, _ faultAddress: UInt64) -> ExitReason {
    var hardware = CoreDebugHardware()
    let disposition = vcpu.value.debug.handle(
      syndrome, faultAddress: faultAddress, context: &frame.value.context, hardware: &hardware)
    if case .candidate(let candidate) = disposition { consider(candidate) }
    switch syndrome.exceptionClass {
    case .breakpointLower: return .breakpoint
    case .watchpointLower: return .watchpoint
    case .stepLower: return .step
    default: return .brk
    }
  }

  /// Stops the machine, if the policy has it so.
  private func consider(_ candidate: StopReason) {
    var policy = StopAlways()
    guard
      let reason = vcpu.value.debug.decide(candidate, in: frame.value.context, by: &policy)
    else { return }
    vcpu.value.stop = reason
    Standstill(cores).begin()
  }

  private func accessSystemRegister(_ syndrome: Syndrome) -> ExitReason {
    let access = SystemRegisterAccess(iss: syndrome.iss)
    let value = access.isRead ? 0 : frame.value[rt: access.rt]
    var reason = ExitReason.interruptRegister
    if let result = vcpu.value.debug.access(access, value: value) {
      reason = .debugRegister
      switch result {
      case .read(let read): frame.value[rt: access.rt] = read
      case .written: break
      case .undefined:
        injectUndefined()
        return reason
      }
    } else if let trapped = cores.shared.value.interrupts.accessSystemRegister(
      access, value: value, &vcpu.value.interrupts)
    {
      // The guest executes it again.
      if trapped == .repeated { return reason }
      vcpu.value.interruptsAreStale = true
    } else {
      injectUndefined()
      return .other
    }
    vcpu.value.debug.instructionEmulated(context: &frame.value.context)
    return reason
  }

  func injectUndefined() {
    var hardware = CoreDebugHardware()
    vcpu.value.debug.injectUndefined(context: &frame.value.context, hardware: &hardware)
  }
}
