public import ArmDebug

// Exceptions that the guest takes, and instructions that EL2 completes.
extension VirtualDebug {
  /// Makes the guest take a synchronous exception to EL1, exactly as its processor would. `context` is the
  /// context before the exception, with PC at the preferred return address, and that of the handler
  /// afterwards. `syndrome` may be the one that EL2 was given: its class is changed to the one for the
  /// exception level from which the exception comes. `faultAddress` goes to FAR_EL1 for the classes that
  /// have one.
  public mutating func inject<Hardware: GuestProcessor & ~Copyable>(
    _ syndrome: Syndrome, faultAddress: UInt64? = nil, context: inout GuestContext,
    hardware: inout Hardware
  ) {
    take(syndrome, faultAddress: faultAddress, context: &context, hardware: &hardware)
    step.advance(guestSyndrome: .step(isv: false, ex: false))  // mutant: injectionIsStep
    exclusives.clear()
  }

  /// The part of `inject` that concerns neither the step machines nor the exclusives monitor. Nothing else is
  /// needed while the vCPU `allowsFastPath`.
  @inline(__always)
  func take<Hardware: GuestProcessor & ~Copyable>(
    _ syndrome: Syndrome, faultAddress: UInt64?, context: inout GuestContext,
    hardware: inout Hardware
  ) {
    let entry = ExceptionEntry(
      from: context.pstate, vbar: hardware.read(.vbar), sctlr: hardware.read(.sctlr),
      gcscr: features.gcs ? hardware.read(.gcscr) : 0, features: features)
    let seen = syndrome.takenToEL1(from: context.pstate.isEL0 ? .el0 : .el1)  // mutant: classForEL1
    hardware.write(.esr, seen.rawValue)
    if let faultAddress, seen.hasFaultAddress {
      hardware.write(.far, faultAddress)  // mutant: writesFAR
    }
    hardware.write(.elr, context.pc)
    hardware.write(.spsr, entry.spsr.rawValue)  // mutant: writesSPSR
    context.pc = entry.pc
    context.pstate = entry.pstate
  }

  /// Makes the guest take the exception of an UNDEFINED instruction at its PC.
  public mutating func injectUndefined<Hardware: GuestProcessor & ~Copyable>(
    context: inout GuestContext, hardware: inout Hardware
  ) {
    inject(Syndrome(.unknown), context: &context, hardware: &hardware)
  }

  /// EL2 has completed the trapped instruction at the guest's PC. PC moves on, and a step of the guest or of
  /// the debugger that had to run it has run.
  ///
  /// - Parameter length: bytes, 2 for a 16-bit T32 instruction (ESR_EL2.IL = 0) and 4 otherwise.
  public mutating func instructionEmulated(context: inout GuestContext, length: UInt64 = 4) {
    context.pc &+= length  // mutant: emulatedMovesPC
    if context.pstate.isAArch32 {
      context.pstate.advanceITState()
    } else {
      context.pstate.btype = 0
    }
    let stepped = context.pstate.ss
    context.pstate.ss = false  // mutant: emulatedClearsSS
    step.advance(guestSyndrome: .step(isv: stepped, ex: false))  // mutant: emulatedIsStep
    exclusives.advance()
  }

  /// EL2 has answered the SMC at the guest's PC in place of EL3. PC moves on. For the step machines an
  /// exception was taken and returned from: EL3 would have found SPSR_EL3.SS = 0, and the step exception
  /// after its return says that no instruction was stepped (Arm ARM D2.12.5).
  public mutating func firmwareCallReturned(context: inout GuestContext) {
    instructionEmulated(context: &context)
    step.guestSyndrome = .step(isv: false, ex: false)
  }
}
