public import ArmDebug

// While the guest's own step is masked, the hardware steps on instruction by instruction, and nearly
// always one is like the other.
extension VirtualDebug {
  /// To be noted last before the guest is entered stepped: whether all that this step is for is to follow
  /// the guest's own, masked one, so that `stepQuickly` may be asked about its end.
  mutating func noteSilentStep(_ context: GuestContext) {
    guard let entry, let instruction = entry.instruction else { return }
    stepsSilently =
      entry.runsInstruction && !entry.context.pstate.ss && guest.steps
      && !guest.masks.enables(context.pstate) && step.debugger == .none
      && step.passOver == .nothing && exclusives.isIdle && !instruction.concernsMonitor
  }

  /// The short way from a silent step to the next: the vCPU steps on, or nothing is done and false
  /// returned, for `guestExited` and `handle` to look at the exception.
  public mutating func stepQuickly<Hardware: DebugHardware & ~Copyable>(
    _ syndrome: Syndrome, context: inout GuestContext, hardware: inout Hardware
  ) -> Bool {
    // ISV: an instruction has completed, and no exception been taken in its place. Where the mask has
    // lifted the guest's step begins, or is due.
    guard stepsSilently, syndrome.ec == ExceptionClass.stepLower.rawValue,
      DebugSyndrome(rawValue: syndrome.iss).isv, !guest.masks.enables(context.pstate),
      let bits = hardware.fetchInstruction(at: context.pc), !Instruction(bits).concernsMonitor
    else { return false }
    step.guestSyndrome = .step(isv: false, ex: false)
    context.pstate.ss = false
    entry?.context = context
    entry?.instruction = Instruction(bits)
    context.pstate.ss = true
    return true
  }
}

extension Instruction {
  /// Whether it sets the exclusives monitor, clears it or looks at it.
  fileprivate var concernsMonitor: Bool { isExclusive || isCLREX || isExceptionReturn }
}
