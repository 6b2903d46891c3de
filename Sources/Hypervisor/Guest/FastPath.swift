internal import ArmDebug
internal import EL2Support
internal import NestedDebug

// Fast path for the most frequent exits: the guest's own debug registers and debug exceptions, interrupts,
// and PSCI_VERSION. The vectors call it before anything else, and save only the registers that a function
// may clobber (AAPCS64). So nothing here may read x19 to x29, except for a register that the instruction
// names. A test reads the instructions that the compiler has made of it.

/// Completes the exit, or does nothing and returns 0.
///
/// - Parameters:
///   - registers: x0 to x18 of the guest. Where Rt of an `esr` of class 0x18 is above 18 all of them, and a
///     32nd for XZR, which is 0 and may be written.
///   - esr: ESR_EL2. PC and PSTATE are still in ELR_EL2 and SPSR_EL2.
///   - rt: bits 5 to 9 of `esr`.
@c(stepwell_fast_path)
public func stepwellFastPath(
  _ registers: UnsafeMutablePointer<UInt64>, _ esr: UInt64, _ rt: UInt64
) -> UInt64 {
  let vcpu = EL2Cores().currentVCPU
  // Requests of other cores come as interrupts, which are taken after the return to the guest.
  let syndrome = Syndrome(rawValue: esr)
  guard vcpu.value.debug.allowsFastPath else {
    // The arguments are still in their registers, so that this costs one branch.
    return unsafe FastPath.step(registers, esr, rt)
  }
  // In the class of system registers Rt is 0 to 31, and there are 32 registers. In other classes the bits
  // mean something else, and no register is served.
  let rt = Int(truncatingIfNeeded: rt)
  if esr & 1 != 0 {
    if let value = vcpu.value.debug.fastRead(syndrome) {
      unsafe registers[rt] = value
      vcpu.value.exits.count(.debugRegister)
      FastPath.completeInstruction()
      return 1
    }
  } else {
    switch unsafe vcpu.value.debug.fastWrite(syndrome, registers[rt]) {
    case .notServed:
      if esr & FastPath.writeMask == FastPath.sgiWrite {
        return unsafe FastPath.sendSGI(vcpu, registers[rt])
      }
    case .done:
      vcpu.value.exits.count(.debugRegister)
      FastPath.completeInstruction()
      return 1
    case .planIsStale(let change): return FastPath.changePlan(vcpu, change)
    }
  }
  // HVC has completed by itself. Functions are named by 32 bits (Arm DEN 0028, 2.5). x0 is saved.
  if syndrome.ec == 0x16,
    unsafe UInt32(truncatingIfNeeded: registers[0]) == PSCI.Function.version.rawValue
  {
    unsafe registers[0] = PSCI.version
    vcpu.value.exits.count(.hypercall)
    return 1
  }
  return FastPath.deliver(vcpu, syndrome)
}

/// Delivers the interrupt that caused the exit to the guest, where that takes no more registers than
/// `stepwell_fast_path` may clobber. It reads none of the guest's registers.
///
/// - Returns: 0 if the interrupt was delivered. Otherwise bit 32, and in the lower half the
///   `AcknowledgedInterrupt`.
@c(stepwell_fast_path_irq)
public func stepwellFastPathIRQ() -> UInt64 {
  let vcpu = EL2Cores().currentVCPU
  let isHandedOn: UInt64 = 1 &<< 32
  // During a step an interrupt is an event for the step machines.
  guard vcpu.value.debug.allowsFastPath else {
    return isHandedOn | UInt64(AcknowledgedInterrupt.none.rawValue)
  }
  if let acknowledged = EL2Cores().shared.value.interrupts.deliverOnFastPath(
    &vcpu.value.interrupts, guestIsMasked: el2_read_spsr_el2() & 1 &<< 7 != 0,
    isCalled: Standstill(EL2Cores()).calls(vcpu))
  {
    return isHandedOn | UInt64(acknowledged.rawValue)
  }
  vcpu.value.exits.count(.interrupt)
  return 0
}

enum FastPath {
  /// ESR_EL2 without what differs from one write of a system register to another: Rt, and IL (Arm ARM
  /// D19.2.37, "ISS encoding for an exception from MSR, MRS, or System instruction execution").
  fileprivate static let writeMask: UInt64 = 0xffff_ffff & ~(1 &<< 25 | 0x1f &<< 5)
  /// MSR ICC_SGI1R_EL1, op0 3, op1 0, CRn 12, CRm 11, op2 5.
  fileprivate static let sgiWrite: UInt64 =
    0x18 &<< 26 | 3 &<< 20 | 5 &<< 17 | 0 &<< 14 | 12 &<< 10 | 11 &<< 1

  /// Moves PC on, and clears BTYPE as any instruction does that is no branch. PSTATE.SS is 0, because
  /// nothing is stepped.
  @inline(__always)
  static func completeInstruction() {
    el2_write_elr_el2(el2_read_elr_el2() &+ 4)
    el2_write_spsr_el2(el2_read_spsr_el2() & ~(0b11 &<< 10))
  }

  /// The guest sends an SGI. Other vCPUs wait for it.
  @inline(never)
  fileprivate static func sendSGI(_ vcpu: Fixed<VCPU>, _ value: UInt64) -> UInt64 {
    guard
      EL2Cores().shared.value.interrupts.requestSGIOnFastPath(value, from: vcpu.value.interrupts)
    else { return 0 }
    vcpu.value.exits.count(.interruptRegister)
    completeInstruction()
    return 1
  }

  /// The guest has written a register that the plan depends on.
  @inline(never)
  static func changePlan(_ vcpu: Fixed<VCPU>, _ change: GuestChange) -> UInt64 {
    if vcpu.value.debug.guest.steps { return stepOn(vcpu) }
    var hardware = CoreDebugHardware()
    let isDone = vcpu.value.debug.fastUpdate(
      after: change, hardware: &hardware, requests: &EL2Cores().requests.value)
    guard isDone else { return 0 }
    vcpu.value.exits.count(.debugRegister)
    completeInstruction()
    return 1
  }

  /// The guest has accessed a debug register, and it steps.
  @inline(never)
  private static func stepOn(_ vcpu: Fixed<VCPU>) -> UInt64 {
    var context = leftContext
    context.pc &+= 4
    context.pstate.btype = 0
    var hardware = CoreDebugHardware()
    let isDone = vcpu.value.debug.fastStepOn(
      context: &context, hardware: &hardware, requests: EL2Cores().requests.value)
    guard isDone else { return 0 }
    vcpu.value.exits.count(.debugRegister)
    el2_write_elr_el2(context.pc)
    el2_write_spsr_el2(context.pstate.rawValue)
    return 1
  }

  /// The end of a step that may be the guest's own, or an access during one.
  @inline(never)
  static func step(
    _ registers: UnsafeMutablePointer<UInt64>, _ esr: UInt64, _ rt: UInt64
  ) -> UInt64 {
    let vcpu = EL2Cores().currentVCPU
    let syndrome = Syndrome(rawValue: esr)
    guard vcpu.value.debug.stepsForGuest else { return 0 }
    if syndrome.ec == ExceptionClass.systemRegister.rawValue {
      return unsafe accessInStep(registers, esr, rt)
    }
    var context = leftContext
    var hardware = CoreDebugHardware()
    guard
      vcpu.value.debug.fastStep(syndrome, context: &context, hardware: &hardware)
    else { return 0 }
    vcpu.value.exits.count(.step)
    el2_write_elr_el2(context.pc)
    el2_write_spsr_el2(context.pstate.rawValue)
    return 1
  }

  /// A debug register that a guest's handler accesses between two of its steps.
  @inline(never)
  private static func accessInStep(
    _ registers: UnsafeMutablePointer<UInt64>, _ esr: UInt64, _ rt: UInt64
  ) -> UInt64 {
    let vcpu = EL2Cores().currentVCPU
    let syndrome = Syndrome(rawValue: esr)
    guard let (register, change) = vcpu.value.debug.accessedInStep(syndrome) else { return 0 }
    // Rt is 0 to 31, as in `stepwellFastPath`.
    let place = unsafe registers + Int(truncatingIfNeeded: rt)
    let isRead = SystemRegisterAccess(iss: syndrome.iss).isRead
    let value = unsafe vcpu.value.debug.accessInStep(register, isRead: isRead, value: place.pointee)
    if isRead {
      guard stepOn(vcpu) == 1 else { return 0 }
      unsafe place.pointee = value
      return 1
    }
    guard changePlan(vcpu, change) == 1 else { return 0 }
    if !vcpu.value.debug.stepsForGuest {
      // The access has ended the stepping.
      var context = leftContext
      context.pstate.ss = false
      el2_write_spsr_el2(context.pstate.rawValue)
    }
    return 1
  }

  /// PC and PSTATE of the guest.
  @inline(__always)
  private static var leftContext: GuestContext {
    GuestContext(pc: el2_read_elr_el2(), pstate: PState(rawValue: el2_read_spsr_el2()))
  }

  /// A debug exception that may be the guest's own.
  @inline(never)
  static func deliver(_ vcpu: Fixed<VCPU>, _ syndrome: Syndrome) -> UInt64 {
    let reason: ExitReason
    switch syndrome.ec {
    case ExceptionClass.brk64.rawValue: reason = .brk
    case ExceptionClass.breakpointLower.rawValue: reason = .breakpoint
    case ExceptionClass.watchpointLower.rawValue: reason = .watchpoint
    default: return 0
    }
    var context = leftContext
    var hardware = CoreDebugHardware()
    let isDelivered = vcpu.value.debug.fastDeliver(
      syndrome, faultAddress: el2_read_far_el2(), context: &context, hardware: &hardware)
    guard isDelivered else { return 0 }
    vcpu.value.exits.count(reason)
    el2_write_elr_el2(context.pc)
    el2_write_spsr_el2(context.pstate.rawValue)
    return 1
  }
}
