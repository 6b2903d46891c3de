import ArmDebug

/// How far a step that the debugger asked for has come.
public enum DebuggerStep: Equatable, Sendable {
  /// The debugger does not step this vCPU.
  case none
  /// One instruction is to run.
  case requested
  /// It has run, or an exception was taken in its place. The stop is still to be reported: the
  /// guest is entered with PSTATE.SS = 0, so that the hardware reports it before anything runs.
  case done
}

/// What the engine remembers about stepping: two virtual step machines, the guest's and the
/// debugger's, over the one of the hardware. Written by step requests and by what happens to the
/// instruction that runs.
struct StepState: Equatable, Sendable {
  /// The debugger's machine.
  var debugger = DebuggerStep.none

  /// Events of the instruction at `dealtWithPC` that must not come again before it has run: masked
  /// ones, and those that the debugger was told of.
  private var dealtWith = PassOver.nothing
  private var dealtWithPC: UInt64 = 0

  /// Events of the instruction that runs next which are not to be reported. A step runs the
  /// instruction, breakpoint or not; taken back, it leaves nothing of that behind.
  var passOver: PassOver {
    debugger == .requested ? dealtWith.union(.debuggerBreakpoints) : dealtWith  // mutant: stepIgnoresBreakpoint
  }

  /// The syndrome of the guest's next step exception, should one be due.
  var guestSyndrome = DebugSyndrome.step(isv: false, ex: false)

  /// Whether the debugger steps, something is to be passed over, or a step of the guest's has run an
  /// instruction.
  var isAtWork: Bool { debugger != .none || passOver != .nothing || guestSyndrome.isv }

  /// An event of the instruction at `pc` has been dealt with.
  mutating func passOver(_ events: PassOver, at pc: UInt64) {
    if dealtWithPC != pc { dealtWith = .nothing }  // mutant: elsewhereForgets
    dealtWithPC = pc
    dealtWith = dealtWith.union(events)
  }

  /// The debugger has let go of the guest: what it asks for from now on has not been reported.
  mutating func forgetReports() { dealtWith = dealtWith.guests }

  /// The guest is about to run from `pc`. Should the debugger have moved PC, what was dealt with
  /// elsewhere no longer counts.
  mutating func arrive(at pc: UInt64) { passOver(.nothing, at: pc) }

  /// The guest leaves the instruction at PC without having run it, and may come back.
  mutating func leave() { dealtWith = .nothing }

  /// The instruction at which all of this stood has completed, or an exception was taken in its
  /// place.
  mutating func advance(guestSyndrome syndrome: DebugSyndrome) {
    if debugger == .requested { debugger = .done }
    dealtWith = .nothing  // mutant: advanceForgets
    guestSyndrome = syndrome
  }
}

/// How the guest was entered while the hardware steps, to make sense of how it comes back.
struct SteppedEntry: Equatable, Sendable {
  /// Where, and with PSTATE.SS of the guest's own.
  var context: GuestContext
  /// Entered with PSTATE.SS = 1: an instruction could run.
  var runsInstruction: Bool
  /// Which; nil where EL2 cannot read it, or in AArch32.
  var instruction: Instruction?
  /// The address that it accesses, where it is a load- or store-exclusive.
  var exclusiveAddress: UInt64?
}
