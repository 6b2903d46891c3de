public import ArmDebug

/// Where the guest stands: what EL2 keeps of PC and PSTATE while the guest does not run.
///
/// Between `VirtualDebug.guestExited` and `VirtualDebug.prepareToRun` PSTATE.SS is the guest's own,
/// whoever steps the hardware.
public struct GuestContext: Equatable, Sendable {
  /// ELR_EL2.
  public var pc: UInt64
  /// SPSR_EL2.
  public var pstate: PState

  public init(pc: UInt64, pstate: PState) {
    self.pc = pc
    self.pstate = pstate
  }
}

/// Why the guest stands still for the debugger.
public enum StopReason: Equatable, Sendable {
  /// A breakpoint of the debugger's, before the instruction at `address`.
  case breakpoint(address: UInt64)
  /// A watchpoint of the debugger's, before the access. `address` is the watched byte nearest to
  /// the one that the processor reported, and `kind` what the watchpoint watches for.
  case watchpoint(address: UInt64, kind: AccessKind)
  /// The step that the debugger asked for is done.
  case step
}

/// What becomes of the vCPU after a debug exception.
public enum Disposition: Equatable, Sendable {
  /// The debugger need not know; the guest goes on.
  case resume
  /// Tell the debugger.
  case stop(StopReason)
}
