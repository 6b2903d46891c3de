public import ArmDebug

// Two step machines over one, from one entry of the guest to its next exit.
//
// While the guest's own machine is on (MDSCR_EL1.SS = 1, no lock) the hardware steps, whether the
// guest's masks hold or not. With TDE = 1 nothing traps when a mask lifts, so EL2 goes along,
// instruction by instruction, until the step becomes visible to the guest or the guest ends it.
extension VirtualDebug {
  /// To be called first at every exit of the guest, whatever its reason. `syndrome` is nil for an
  /// interrupt or SError. Afterwards PSTATE.SS in `context` is the guest's own.
  public mutating func guestExited<Hardware: GuestProcessor & ~Copyable>(
    _ syndrome: Syndrome?, context: inout GuestContext, hardware: inout Hardware
  ) {
    guard mode == .shared else {
      // The hardware's own machine reports what it steps; but for what EL2 completes, which
      // `instructionEmulated` notes.
      step.guestSyndrome = .step(isv: false, ex: false)
      return
    }
    let left = context
    context.pstate.ss = false
    guard let entry else { return }
    self.entry = nil
    // Nothing ran, or what ran did not complete: the guest's machine stands where it stood.
    guard entry.runsInstruction, !left.pstate.ss else {
      context.pstate.ss = entry.context.pstate.ss
      return
    }
    let stepped = syndrome?.exceptionClass == .stepLower
    let detail = DebugSyndrome(rawValue: syndrome?.iss ?? 0)
    if Self.tookException(
      at: left, isCompleteStep: stepped && detail.isv, syndrome: syndrome, hardware: &hardware)
    {
      // The hardware has put its own PSTATE.SS where the guest's belongs.
      var spsr = PState(rawValue: hardware.read(.spsr))
      if spsr.ss, !entry.context.pstate.ss {
        spsr.ss = false
        hardware.write(.spsr, spsr.rawValue)
      }
      step.advance(guestSyndrome: .step(isv: false, ex: false))
      exclusives.clear()
      return
    }
    noteCompletion(of: entry, hardware: &hardware)
    context.pstate.ss = Self.stepBit(
      after: entry, at: left, mdscr: guest.mdscr, masks: guest.masks, hardware: &hardware)
    step.advance(
      guestSyndrome: .step(isv: entry.context.pstate.ss && stepped && detail.isv, ex: detail.ex))
  }

  /// Whether the guest stands at a vector because the instruction took an exception to EL1, or an
  /// interrupt was taken before it. A stepped instruction that completes says so (ISV = 1), and HVC
  /// comes to EL2 as itself.
  private static func tookException<Hardware: GuestProcessor & ~Copyable>(
    at left: GuestContext, isCompleteStep: Bool, syndrome: Syndrome?, hardware: inout Hardware
  ) -> Bool {
    guard !isCompleteStep, left.pstate.el == .el1 else { return false }
    switch syndrome?.exceptionClass {
    case .hvc64, .hvc32, .smc64, .smc32: return false
    default: return ExceptionEntry.isVector(left.pc, vbar: hardware.read(.vbar))
    }
  }

  /// The guest's PSTATE.SS after the instruction at `source` has run: 0, unless it was an exception
  /// return with which the guest's own stepping begins.
  static func stepBit<Hardware: GuestProcessor & ~Copyable>(
    after entry: SteppedEntry, at target: GuestContext, mdscr: MDSCR, masks: DebugExceptionMasks,
    hardware: inout Hardware
  ) -> Bool {
    let source = entry.context
    // Only a return from EL1 that lifts a mask can begin a step.
    guard mdscr.ss, source.pstate.el == .el1, !masks.enables(source.pstate),
      masks.enables(target.pstate)
    else { return false }
    // Nothing but a return leads down to EL0; within EL1, clearing PSTATE.D does the same.
    let isReturn = target.pstate.el == .el0 || entry.instruction?.isExceptionReturn == true
    // DebugExceptionReturnSS, whose conditions hold. An illegal return loads SS too, and stays at EL1.
    return isReturn && PState(rawValue: hardware.read(.spsr)).ss
  }

  /// To be called last before the guest is entered. Makes the guest take its own step exception if
  /// that is due, changes the mode as `requests` and steps ask for, brings the hardware up to date
  /// and sets PSTATE.SS in `context` to what the hardware is to run with.
  public mutating func prepareToRun<Hardware: DebugHardware & GuestProcessor & ~Copyable>(
    context: inout GuestContext, hardware: inout Hardware, requests: borrowing DebugRequests
  ) {
    if hasNothingToPrepare(for: requests.generation) {
      if mode == .shared { context.pstate.ss = false }
      return
    }
    allowsFastPath = false
    stepsForGuest = false
    var isShared = step.debugger != .none || !requests.isEmpty
    if !isShared {
      step.forgetReports()
      // A sequence that the debugger has stepped into is led to its store, though it asks for no more.
      isShared = exclusives.load != nil && exclusives.isFollowed
    }
    if isShared, mode != .shared { enterSharedMode(hardware: &hardware) }
    if mode == .shared { takeGuestStepIfDue(context: &context, hardware: &hardware) }
    guard isShared else {
      if mode != .native {
        enterNativeMode(hardware: &hardware)
      } else if step.guestSyndrome.isv {
        // The guest has stepped an instruction that EL2 completed. Left to the hardware, which does not
        // know of it, the exception would say that none was stepped.
        captureGuestState(hardware: &hardware)
        takeGuestStepIfDue(context: &context, hardware: &hardware)
      }
      withholdInterrupts(false, hardware: &hardware)
      trapWaits(false, hardware: &hardware)
      allowFastPath(for: requests.generation)
      return
    }

    var instruction = arrive(at: context, requests: requests, hardware: &hardware)
    // Not a loop of the guest's: two in a row would need two loads.
    while completeStoreExclusive(instruction, context: &context, hardware: &hardware) {
      takeGuestStepIfDue(context: &context, hardware: &hardware)
      instruction = arrive(at: context, requests: requests, hardware: &hardware)
    }

    let runsInstruction = step.debugger != .done && exclusives.watchedByte == nil
    let stepping = isStepping
    let isDebuggers = step.debugger != .none || step.passOver.involvesDebugger
    withholdInterrupts(
      stepping && !runsInstruction
        || isDebuggers && Self.mayWithholdInterrupts(at: context, before: instruction),
      hardware: &hardware)
    trapWaits(isDebuggers, hardware: &hardware)

    entry =
      stepping
      ? SteppedEntry(
        context: context, runsInstruction: runsInstruction, instruction: instruction,
        exclusiveAddress: instruction.flatMap(ExclusiveInstruction.init).map {
          baseAddress(of: $0, context.pstate, hardware: &hardware)
        }) : nil
    if stepping { noteGuestsStep() }
    context.pstate.ss = stepping && runsInstruction
    // Without a request, the next time finds the hardware to be given back.
    if !stepping, !requests.isEmpty { allowFastPath(for: requests.generation) }
  }

  /// Whether the hardware steps.
  private var isStepping: Bool {
    step.debugger != .none || guest.steps || step.passOver != .nothing || exclusives.isFollowed
  }

  /// The guest is about to run from where it stands: brings the plan up to date, and returns the
  /// instruction that it is to be stepped over, where EL2 can read one.
  private mutating func arrive<Hardware: DebugHardware & GuestProcessor & ~Copyable>(
    at context: GuestContext, requests: borrowing DebugRequests, hardware: inout Hardware
  ) -> Instruction? {
    step.arrive(at: context.pc)
    // AArch32 exclusives are not known.
    let mayRun = isStepping && step.debugger != .done && !context.pstate.isAArch32
    if mayRun, exclusives.ranUnseen { lookForStoreExclusive(ahead: context, hardware: &hardware) }
    exclusives.enter(stepping: isStepping)
    updatePlan(stepping: isStepping, requests: requests, hardware: &hardware)
    return mayRun ? hardware.fetchInstruction(at: context.pc).map(Instruction.init) : nil
  }

  /// The guest's own step exception, if its machine is active-pending. The debugger hears of a step
  /// of its own first.
  private mutating func takeGuestStepIfDue<Hardware: GuestProcessor & ~Copyable>(
    context: inout GuestContext, hardware: inout Hardware
  ) {
    guard step.debugger != .done, guest.steps,
      SoftwareStep(mdscr: guest.mdscr, masks: guest.masks, state: context.pstate) == .activePending
    else { return }
    inject(
      Syndrome(.stepLower, iss: step.guestSyndrome.rawValue), context: &context,
      hardware: &hardware)
  }

  /// Whether interrupts can be kept waiting for one instruction without the guest noticing: where
  /// they would be taken otherwise, but not where the instruction looks at what is pending.
  private static func mayWithholdInterrupts(
    at context: GuestContext, before instruction: Instruction?
  ) -> Bool {
    // AArch32 EL0 can neither see a pending interrupt nor mask one.
    guard !context.pstate.isAArch32 else { return true }
    let masked = context.pstate.i && context.pstate.f
    guard let instruction else { return !masked }
    return masked ? instruction.mayUnmaskInterrupts : !instruction.observesPendingInterrupts
  }

  private mutating func withholdInterrupts<Hardware: DebugHardware & ~Copyable>(
    _ on: Bool, hardware: inout Hardware
  ) {
    guard on != interruptsWithheld else { return }
    interruptsWithheld = on
    hardware.setVirtualInterruptsWithheld(on)
  }

  private mutating func trapWaits<Hardware: DebugHardware & ~Copyable>(
    _ on: Bool, hardware: inout Hardware
  ) {
    guard on != waitsTrapped else { return }
    waitsTrapped = on
    hardware.setWaitTraps(on)
  }
}
