public import ArmDebug

// The guest's own steps, while nobody else steps. While they are masked, the hardware steps instruction by
// instruction through the guest's handler, up to the ERET with which the next step begins.
extension VirtualDebug {
  /// Notes, last before the guest is entered stepped, whether the step is for the guest alone, so that
  /// `fastStep` may handle its end.
  mutating func noteGuestsStep() {
    guard let entry, let instruction = entry.instruction else { return }
    // mutant: stepsForGuestAlone
    stepsForGuest =
      entry.runsInstruction && guest.steps && step.debugger == .none && step.passOver == .nothing
      && exclusives.isIdle && !instruction.isExclusive
  }

  /// The fast path from one step of the guest to another, or to the guest's step exception. If it does not
  /// apply it does nothing and returns false; `guestExited` and `handle` must then handle the exception.
  public mutating func fastStep<Hardware: GuestProcessor & ~Copyable>(
    _ syndrome: Syndrome, context: inout GuestContext, hardware: inout Hardware
  ) -> Bool {
    // ISV: an instruction has completed, and no exception been taken in its place.
    guard stepsForGuest, syndrome.ec == ExceptionClass.stepLower.rawValue,  // mutant: seesException
      DebugSyndrome(rawValue: syndrome.iss).isv
    else { return false }
    // Nearly all steps on the way through a handler are masked.
    guard !guest.masks.enables(context.pstate) else {  // mutant: seesMaskLift
      return stepUnmasked(context: &context, hardware: &hardware)
    }
    // mutant: seesExclusive
    guard let bits = hardware.fetchInstruction(at: context.pc), !Instruction(bits).isExclusive
    else { return false }
    step.guestSyndrome = .step(isv: entry?.context.pstate.ss == true, ex: false)
    context.pstate.ss = false
    enterForGuest(&context, Instruction(bits))
    return true
  }

  /// The same where the guest's mask does not hold: its step begins here, or ends.
  @inline(never)
  private mutating func stepUnmasked<Hardware: GuestProcessor & ~Copyable>(
    context: inout GuestContext, hardware: inout Hardware
  ) -> Bool {
    guard let source = entry, !context.pstate.isAArch32 else { return false }
    context.pstate.ss = Self.stepBit(  // mutant: beginsStep
      after: source, at: context, mdscr: guest.mdscr, masks: guest.masks, hardware: &hardware)
    let isDue = !context.pstate.ss  // mutant: isDue
    let next =
      isDue
      ? ExceptionEntry.vector(from: context.pstate, vbar: hardware.read(.vbar)) : context.pc
    guard let bits = hardware.fetchInstruction(at: next), !Instruction(bits).isExclusive
    else { return false }
    step.guestSyndrome = .step(isv: source.context.pstate.ss, ex: false)  // mutant: stepHasRun
    if isDue {
      take(
        Syndrome(.stepLower, iss: step.guestSyndrome.rawValue), faultAddress: nil,
        context: &context, hardware: &hardware)
      step.guestSyndrome = .step(isv: false, ex: false)
    }
    enterForGuest(&context, Instruction(bits))
    return true
  }

  /// The debug register that a guest's handler accesses between two of its steps, and the input of the plan
  /// that it changes; nil for other registers and other exits.
  public mutating func accessedInStep(_ syndrome: Syndrome) -> (
    register: DebugRegister, GuestChange
  )? {
    guard syndrome.ec == ExceptionClass.systemRegister.rawValue, stepsForGuest,
      let register = DebugRegister(SystemRegisterAccess(iss: syndrome.iss).register)
    else { return nil }
    switch register {
    case .single(.mdscr): return (register, .masks)
    case .dbgbvr(let n), .dbgbcr(let n):
      return n < capabilities.breakpointCount ? (register, .breakpoint(n)) : nil
    case .dbgwvr(let n), .dbgwcr(let n):
      return n < capabilities.watchpointCount ? (register, .watchpoint(n)) : nil
    default: return nil
    }
  }

  /// Completes such an access on guest state.
  ///
  /// - Returns: the value of a read.
  public mutating func accessInStep(
    _ register: DebugRegister, isRead: Bool, value: UInt64
  ) -> UInt64 {
    if case .read(let read) = guest.access(register, isRead: isRead, value: value, on: capabilities)
    {
      return read
    }
    return value
  }

  /// Must follow a write that made the plan stale, and any `accessInStep`, if the guest steps from now on.
  /// `context` is that of the next instruction, at which the guest is entered. If the guest's mask does
  /// not hold there it does nothing and returns false; the caller must then complete the access in the
  /// general way, which writes the same value again.
  public mutating func fastStepOn<Hardware: DebugHardware & GuestProcessor & ~Copyable>(
    context: inout GuestContext, hardware: inout Hardware, requests: borrowing DebugRequests
  ) -> Bool {
    guard mode == .shared, allowsFastPath || stepsForGuest, guest.steps,  // mutant: beginsMasked
      !guest.masks.enables(context.pstate),
      let instruction = hardware.fetchInstruction(at: context.pc).map(Instruction.init),
      !instruction.isExclusive
    else { return false }
    allowsFastPath = false
    if exclusives.ranUnseen { lookForStoreExclusive(ahead: context, hardware: &hardware) }
    exclusives.enter(stepping: true)
    updatePlan(stepping: true, requests: requests, hardware: &hardware)
    step.guestSyndrome = .step(isv: false, ex: false)
    context.pstate.ss = false
    enterForGuest(&context, instruction)
    stepsForGuest = exclusives.isIdle
    return true
  }

  /// The guest has stopped stepping.
  mutating func endGuestsSteps(for requestsGeneration: UInt32) {
    planned?.stepping = false
    step.guestSyndrome = .step(isv: false, ex: false)
    exclusives.enter(stepping: false)
    entry = nil  // mutant: endsEntry
    stepsForGuest = false
    allowFastPath(for: requestsGeneration)
  }

  /// EX of the step's end is 0, because an exclusive is not stepped here.
  @inline(__always)
  private mutating func enterForGuest(_ context: inout GuestContext, _ instruction: Instruction) {
    entry = SteppedEntry(context: context, runsInstruction: true, instruction: instruction)
    context.pstate.ss = true
  }
}
