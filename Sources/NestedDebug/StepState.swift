import ArmDebug

/// The progress of a step that the debugger asked for.
public enum DebuggerStep: Equatable, Sendable {
  /// The debugger does not step this vCPU.
  case none
  /// One instruction has to run.
  case requested
  /// The instruction has run, or an exception was taken in its place. The stop has not been reported: the
  /// guest is entered with PSTATE.SS = 0, so that the hardware reports it before anything runs.
  case done
}

/// The state of the two virtual step machines, the guest's and the debugger's, over the one of the
/// hardware. Step requests write it, and the fate of the instruction that runs.
struct StepState: Equatable, Sendable {
  /// The debugger's machine.
  var debugger = DebuggerStep.none

  /// Events of the instruction at `dealtWithPC` that must not come again before it has run: masked events,
  /// and those that were reported to the debugger.
  private var dealtWith = PassOver.nothing
  private var dealtWithPC: UInt64 = 0

  /// Events of the instruction that runs next which must not be reported. A step runs the instruction
  /// whether or not there is a breakpoint on it. If the step is cancelled, nothing of that remains.
  var passOver: PassOver {
    // mutant: stepIgnoresBreakpoint
    debugger == .requested ? dealtWith.union(.debuggerBreakpoints) : dealtWith
  }

  /// The syndrome of the guest's next step exception, if one becomes due.
  var guestSyndrome = DebugSyndrome.step(isv: false, ex: false)

  /// Whether the debugger steps, an event is being passed over, or a step of the guest has run an
  /// instruction.
  var isAtWork: Bool { debugger != .none || passOver != .nothing || guestSyndrome.isv }

  /// An event of the instruction at `pc` has been dealt with.
  mutating func passOver(_ events: PassOver, at pc: UInt64) {
    if dealtWithPC != pc { dealtWith = .nothing }  // mutant: elsewhereForgets
    dealtWithPC = pc
    dealtWith = dealtWith.union(events)
  }

  /// The debugger has let go of the guest. Nothing that it asks for later counts as reported.
  mutating func forgetReports() { dealtWith = dealtWith.guests }

  /// The guest is about to run from `pc`. If the debugger has moved PC, events that were dealt with
  /// elsewhere no longer count.
  mutating func arrive(at pc: UInt64) { passOver(.nothing, at: pc) }

  /// The guest leaves the instruction at PC without running it, and may come back.
  mutating func leave() { dealtWith = .nothing }

  /// The instruction at `dealtWithPC` has completed, or an exception was taken in its place.
  mutating func advance(guestSyndrome syndrome: DebugSyndrome) {
    if debugger == .requested { debugger = .done }
    dealtWith = .nothing  // mutant: advanceForgets
    guestSyndrome = syndrome
  }
}

/// How the guest was entered while the hardware steps. The next exit is interpreted by it.
struct SteppedEntry: Equatable, Sendable {
  /// Where the guest was entered. PSTATE.SS is the one that the guest would see.
  var context: GuestContext
  /// The guest was entered with PSTATE.SS = 1, so that an instruction could run.
  var runsInstruction: Bool
  /// That instruction; nil where EL2 cannot read it, or in AArch32.
  var instruction: Instruction?
  /// The address that the instruction accesses, if it is a load- or store-exclusive.
  var exclusiveAddress: UInt64?
}
