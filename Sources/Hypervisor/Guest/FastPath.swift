internal import ArmDebug
internal import EL2Support
internal import NestedDebug

// The exits that a guest waits for by the thousand: its own debug registers and debug exceptions, and
// the hypercall with which it asks what PSCI there is. The vectors call this before anything else, with only those
// registers saved that a function may clobber (AAPCS64), so nothing here may look at x19 to x29 but
// for a register that the instruction itself names. A test reads the instructions that come of it.

/// Completes the exit, or does nothing and returns 0.
///
/// - Parameters:
///   - registers: x0 to x18 of the guest's; all of them where Rt of an `esr` of class 0x18 is above 18,
///     and then a 32nd, which is 0 and may be written: XZR.
///   - esr: ESR_EL2. PC and PSTATE are still in ELR_EL2 and SPSR_EL2.
///   - rt: its bits 5 to 9.
@c(stepwell_fast_path)
public func stepwellFastPath(
  _ registers: UnsafeMutablePointer<UInt64>, _ esr: UInt64, _ rt: UInt64
) -> UInt64 {
  let vcpu = EL2.current
  // What another core wants of this one comes as an interrupt, which the return to the guest lets in.
  let syndrome = Syndrome(rawValue: esr)
  guard vcpu.value.debug.allowsFastPath else {
    // With what this was called with, where it came: the way to it costs a branch.
    return unsafe FastPath.step(registers, esr, rt)
  }
  // Where the class is that of system registers, Rt is 0 to 31, and there are 32; elsewhere the two
  // fields are others' and decide nothing, for no register is served.
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
    case .notServed: break
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

/// Gives the guest the interrupt for which it left, as far as that takes the registers that
/// `stepwell_fast_path` may clobber; it takes none of the guest's values.
///
/// - Returns: 0 if that is done. Otherwise bit 32, and in the lower half the INTID that is acknowledged
///   already; 1023: none is.
@c(stepwell_fast_path_irq)
public func stepwellFastPathIRQ() -> UInt64 {
  let vcpu = EL2.current
  let isHandedOn: UInt64 = 1 &<< 32
  // Where a step is under way, an interrupt is an event of its own.
  guard vcpu.value.debug.allowsFastPath else {
    return isHandedOn | UInt64(InterruptNumber.none.rawValue)
  }
  if let number = EL2.shared.value.interrupts.deliverQuickly(
    &vcpu.value.interrupts, guestIsMasked: el2_read_spsr_el2() & 1 &<< 7 != 0)
  {
    return isHandedOn | UInt64(number.rawValue)
  }
  vcpu.value.exits.count(.interrupt)
  return 0
}

enum FastPath {
  /// PC moves on, and BTYPE is 0 as after any instruction that is no branch. PSTATE.SS is 0 already:
  /// nothing is stepped.
  @inline(__always)
  static func completeInstruction() {
    el2_write_elr_el2(el2_read_elr_el2() &+ 4)
    el2_write_spsr_el2(el2_read_spsr_el2() & ~(0b11 &<< 10))
  }

  /// The guest has written what the plan depends on.
  @inline(never)
  static func changePlan(_ vcpu: Fixed<VCPU>, _ change: GuestChange) -> UInt64 {
    if vcpu.value.debug.guest.steps { return stepOn(vcpu) }
    var hardware = CoreDebugHardware()
    let isDone = vcpu.value.debug.fastUpdate(
      after: change, hardware: &hardware, requests: EL2.shared.value.requests)
    guard isDone else { return 0 }
    vcpu.value.exits.count(.debugRegister)
    completeInstruction()
    return 1
  }

  /// The guest has accessed a debug register, and steps from now on, or still does.
  @inline(never)
  private static func stepOn(_ vcpu: Fixed<VCPU>) -> UInt64 {
    var context = leftContext
    context.pc &+= 4
    context.pstate.btype = 0
    var hardware = CoreDebugHardware()
    let isDone = vcpu.value.debug.fastStepOn(
      context: &context, hardware: &hardware, requests: EL2.shared.value.requests)
    guard isDone else { return 0 }
    vcpu.value.exits.count(.debugRegister)
    el2_write_elr_el2(context.pc)
    el2_write_spsr_el2(context.pstate.rawValue)
    return 1
  }

  /// The end of a step that may be the guest's own, or an access that it came to.
  @inline(never)
  static func step(
    _ registers: UnsafeMutablePointer<UInt64>, _ esr: UInt64, _ rt: UInt64
  ) -> UInt64 {
    let vcpu = EL2.current
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
    let vcpu = EL2.current
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
      // The step that the access came in the way of is off.
      var context = leftContext
      context.pstate.ss = false
      el2_write_spsr_el2(context.pstate.rawValue)
    }
    return 1
  }

  /// Where the guest is, and how.
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
