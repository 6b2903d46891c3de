/// Why the machine stands still, and which vCPU was the reason.
public struct StopEvent: Equatable, Sendable {
  /// What happened.
  public enum Cause: Equatable, Sendable {
    /// The machine was held before it ran at all; a debugger has to continue it.
    case held
    /// ``Target/stopAll()`` asked for it.
    case interrupted
    /// The instruction that the debugger wanted stepped is done.
    case stepped
    /// The vCPU is about to execute the instruction that a software breakpoint replaces.
    case softwareBreakpoint
    /// The vCPU is about to execute an instruction that a hardware breakpoint marks.
    case hardwareBreakpoint
    /// A watched byte is accessed; `address` is one of the watched bytes, not the access's lowest.
    case watchpoint(Watched, address: UInt64)
  }

  /// Which accesses the watchpoint that was hit watches for.
  public enum Watched: Equatable, Sendable {
    /// Writes only (`Z2`).
    case write
    /// Reads only (`Z3`).
    case read
    /// Both (`Z4`).
    case access
  }

  /// The vCPU that is the reason. For ``Cause/interrupted`` there is none, whatever this says, and the
  /// server names one that was to run.
  public var vcpu: Int

  /// What happened there.
  public var cause: Cause

  /// A stop of the machine because of `vcpu`.
  public init(vcpu: Int, cause: Cause) {
    self.vcpu = vcpu
    self.cause = cause
  }
}
