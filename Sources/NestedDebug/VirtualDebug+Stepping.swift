public import ArmDebug

// Two step machines over the one of the hardware, from one entry of the guest to its next exit.
//
// While the guest's own step machine is on (MDSCR_EL1.SS = 1, no lock) the hardware steps, whether the
// guest's masks hold or not. With TDE = 1 nothing traps when a mask lifts. So EL2 steps the guest,
// instruction by instruction, until the step becomes visible to the guest or the guest ends it.
extension VirtualDebug {
  /// The hypervisor must call this first at every exit of the guest. `syndrome` is nil for an interrupt or
  /// SError. Afterwards PSTATE.SS in `context` is the one that the guest would see.
  public mutating func guestExited<Hardware: GuestProcessor & ~Copyable>(
    _ syndrome: Syndrome?, context: inout GuestContext, hardware: inout Hardware
  ) {
    guard mode == .shared else {
      // The step machine of the hardware reports its steps, except for an instruction that EL2 completes:
      // `instructionEmulated` notes that.
      step.guestSyndrome = .step(isv: false, ex: false)
      return
    }
    let left = context
    context.pstate.ss = false
    guard let entry else { return }
    self.entry = nil
    // Nothing ran, or the instruction did not complete: the guest's step machine has not moved.
    guard entry.runsInstruction, !left.pstate.ss else {
      context.pstate.ss = entry.context.pstate.ss
      return
    }
    let stepped = syndrome?.exceptionClass == .stepLower
    let detail = DebugSyndrome(rawValue: syndrome?.iss ?? 0)
    if Self.tookException(
      at: left, isCompleteStep: stepped && detail.isv, syndrome: syndrome, hardware: &hardware)
    {
      // The hardware has saved its own PSTATE.SS in place of the guest's.
      var spsr = PState(rawValue: hardware.read(.spsr))
      if spsr.ss, !entry.context.pstate.ss {  // mutant: scrubsSPSR
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
      // mutant: stepSyndrome
      guestSyndrome: .step(isv: entry.context.pstate.ss && stepped && detail.isv, ex: detail.ex))
  }

  /// Whether the guest is at a vector because the instruction took an exception to EL1, or an interrupt was
  /// taken before it. The syndrome of a stepped instruction that completes says so (ISV = 1), and HVC has
  /// a syndrome of its own.
  private static func tookException<Hardware: GuestProcessor & ~Copyable>(
    at left: GuestContext, isCompleteStep: Bool, syndrome: Syndrome?, hardware: inout Hardware
  ) -> Bool {
    guard !isCompleteStep, left.pstate.el == .el1 else { return false }  // mutant: recognisesVector
    switch syndrome?.exceptionClass {
    case .hvc64, .hvc32, .smc64, .smc32: return false  // mutant: hvcIsNoException
    default: return ExceptionEntry.isVector(left.pc, vbar: hardware.read(.vbar))
    }
  }

  /// The guest's PSTATE.SS after an instruction has run: 0, unless the instruction was an exception return
  /// with which the guest's own stepping begins.
  static func stepBit<Hardware: GuestProcessor & ~Copyable>(
    after entry: SteppedEntry, at target: GuestContext, mdscr: MDSCR, masks: DebugExceptionMasks,
    hardware: inout Hardware
  ) -> Bool {
    let source = entry.context
    // Only a return from EL1 that lifts a mask can begin a step.
    // mutant: returnLiftsMask
    guard mdscr.ss, source.pstate.el == .el1, !masks.enables(source.pstate),
      masks.enables(target.pstate)
    else { return false }
    // Only a return leads to EL0. Within EL1, an instruction that clears PSTATE.D also lifts the mask.
    // mutant: unmaskingIsNoReturn
    let isReturn = target.pstate.el == .el0 || entry.instruction?.isExceptionReturn == true
    // The conditions of DebugExceptionReturnSS hold. An illegal return loads SS too, and stays at EL1.
    return isReturn && PState(rawValue: hardware.read(.spsr)).ss  // mutant: returnBeginsStep
  }

  /// Prepares the entry of the guest. The hypervisor must call it last before it enters the guest. It
  /// makes the guest take its own step exception if that is due, changes the mode as `requests` and
  /// steps ask for, brings the hardware up to date, and sets PSTATE.SS in `context` to what the hardware
  /// has to run with.
  public mutating func prepareToRun<Hardware: DebugHardware & GuestProcessor & ~Copyable>(
    context: inout GuestContext, hardware: inout Hardware, requests: borrowing DebugRequests
  ) {
    if hasNothingToPrepare(for: requests.generation) {
      if mode == .shared { context.pstate.ss = false }
      return
    }
    allowsFastPath = false
    stepsForGuest = false
    let isShared = needsSharedMode(for: requests)
    if isShared, mode != .shared { enterSharedMode(hardware: &hardware) }
    if mode == .shared { takeGuestStepIfDue(context: &context, hardware: &hardware) }
    if isShared {
      prepareShared(context: &context, hardware: &hardware, requests: requests)
    } else {
      prepareNative(context: &context, hardware: &hardware)
      allowFastPath(for: requests.generation)
    }
  }

  /// Whether the debugger or a sequence of exclusives needs the debug hardware. A debugger that asks for
  /// nothing has let go of the guest.
  private mutating func needsSharedMode(for requests: borrowing DebugRequests) -> Bool {
    if step.debugger != .none || !requests.isEmpty { return true }
    step.forgetReports()
    // The guest is stepped to the store of a sequence that the debugger has stepped into.
    return exclusives.load != nil && exclusives.isFollowed
  }

  /// Prepares the entry of a guest that has the debug hardware to itself.
  private mutating func prepareNative<Hardware: DebugHardware & GuestProcessor & ~Copyable>(
    context: inout GuestContext, hardware: inout Hardware
  ) {
    if mode != .native {
      enterNativeMode(hardware: &hardware)
    } else if step.guestSyndrome.isv {
      // The guest has stepped an instruction that EL2 completed. The hardware does not know of it: its
      // exception would say that no instruction was stepped.
      captureGuestState(hardware: &hardware)
      takeGuestStepIfDue(context: &context, hardware: &hardware)
    }
    withholdInterrupts(false, hardware: &hardware)
    trapWaits(false, hardware: &hardware)
  }

  /// Prepares the entry of a guest whose debug hardware holds the plan.
  private mutating func prepareShared<Hardware: DebugHardware & GuestProcessor & ~Copyable>(
    context: inout GuestContext, hardware: inout Hardware, requests: borrowing DebugRequests
  ) {
    let instruction = arrive(at: &context, requests: requests, hardware: &hardware)
    // Otherwise the hardware reports the debugger's step or a watchpoint before anything runs.
    // mutant: runsInstruction
    let runsInstruction = step.debugger != .done && exclusives.watchedByte == nil
    let stepping = isStepping
    setTraps(
      runsInstruction: runsInstruction, stepping: stepping, at: context, before: instruction,
      hardware: &hardware)
    noteEntry(
      context, runsInstruction: runsInstruction, stepping: stepping, instruction,
      hardware: &hardware)
    context.pstate.ss = stepping && runsInstruction  // mutant: entersWithSS
    // Without a request, the next call gives the hardware back.
    if !stepping, !requests.isEmpty { allowFastPath(for: requests.generation) }
  }

  /// Withholds interrupts and traps waits for the instruction that is about to run, where a step needs it.
  private mutating func setTraps<Hardware: DebugHardware & ~Copyable>(
    runsInstruction: Bool, stepping: Bool, at context: GuestContext,
    before instruction: Instruction?, hardware: inout Hardware
  ) {
    // mutant: stepIsDebuggers
    let isDebuggers = step.debugger != .none || step.passOver.involvesDebugger
    let reportsFirst = stepping && !runsInstruction
    let withholds = isDebuggers && Self.mayWithholdInterrupts(at: context, before: instruction)
    // mutant: withholdsInterrupts
    withholdInterrupts(reportsFirst || withholds, hardware: &hardware)
    trapWaits(isDebuggers, hardware: &hardware)  // mutant: trapsWaits
  }

  /// Notes how the guest is entered, if it is stepped: its next exit is understood by that.
  private mutating func noteEntry<Hardware: GuestProcessor & ~Copyable>(
    _ context: GuestContext, runsInstruction: Bool, stepping: Bool, _ instruction: Instruction?,
    hardware: inout Hardware
  ) {
    guard stepping else {
      entry = nil
      return
    }
    let exclusive = instruction.flatMap(ExclusiveInstruction.init)
    entry = SteppedEntry(
      context: context, runsInstruction: runsInstruction, instruction: instruction,
      exclusiveAddress: exclusive.map { baseAddress(of: $0, context.pstate, hardware: &hardware) })
    noteGuestsStep()
  }

  /// Whether the hardware steps.
  private var isStepping: Bool {
    // mutant: steps
    step.debugger != .none || guest.steps || step.passOver != .nothing || exclusives.isFollowed
  }

  /// Brings the plan up to date for the instruction that runs next, and completes store-exclusives that EL2
  /// has to complete.
  ///
  /// - Returns: the instruction that the guest is about to be stepped over, where EL2 can read it.
  private mutating func arrive<Hardware: DebugHardware & GuestProcessor & ~Copyable>(
    at context: inout GuestContext, requests: borrowing DebugRequests, hardware: inout Hardware
  ) -> Instruction? {
    var instruction = updatePlan(at: context, requests: requests, hardware: &hardware)
    // The guest cannot make this loop: two stores in a row would need two loads.
    while completeStoreExclusive(instruction, context: &context, hardware: &hardware) {
      takeGuestStepIfDue(context: &context, hardware: &hardware)
      instruction = updatePlan(at: context, requests: requests, hardware: &hardware)
    }
    return instruction
  }

  /// Brings the plan up to date for a guest that is about to run from `context`.
  ///
  /// - Returns: the instruction that it is stepped over, where EL2 can read it.
  private mutating func updatePlan<Hardware: DebugHardware & GuestProcessor & ~Copyable>(
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

  /// Makes the guest take its own step exception, if its step machine is active-pending. A finished step of
  /// the debugger is reported first.
  private mutating func takeGuestStepIfDue<Hardware: GuestProcessor & ~Copyable>(
    context: inout GuestContext, hardware: inout Hardware
  ) {
    guard step.debugger != .done, guest.steps,  // mutant: guestStepIsDue
      SoftwareStep(mdscr: guest.mdscr, masks: guest.masks, state: context.pstate) == .activePending
    else { return }
    inject(
      Syndrome(.stepLower, iss: step.guestSyndrome.rawValue), context: &context,
      hardware: &hardware)
  }

  /// Whether interrupts can wait for one instruction without the guest noticing: where they would be taken,
  /// and the instruction does not read what is pending.
  private static func mayWithholdInterrupts(
    at context: GuestContext, before instruction: Instruction?
  ) -> Bool {
    // AArch32 EL0 can neither see a pending interrupt nor mask one.
    guard !context.pstate.isAArch32 else { return true }
    let masked = context.pstate.i && context.pstate.f
    guard let instruction else { return !masked }
    // mutant: mayWithhold
    return masked ? instruction.mayUnmaskInterrupts : !instruction.observesPendingInterrupts
  }

  private mutating func withholdInterrupts<Hardware: DebugHardware & ~Copyable>(
    _ on: Bool, hardware: inout Hardware
  ) {
    guard on != interruptsWithheld else { return }  // mutant: interruptsChange
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
