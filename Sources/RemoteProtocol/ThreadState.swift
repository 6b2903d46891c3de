/// What the server knows of one vCPU.
///
/// ``RemoteServer`` is the only writer. In all-stop, the one policy that there is now, the vCPUs change together:
/// see `RemoteServer+AllStop.swift`.
public enum ThreadState: Equatable, Sendable {
  /// It may execute.
  case running
  /// It was asked to stop, and may still execute.
  case stopping
  /// It stands still, and the debugger has not been told.
  case stopped
  /// It stands still, and the debugger knows.
  case reported
}

extension ThreadState {
  /// It executes nothing.
  public var standsStill: Bool { self == .stopped || self == .reported }
}
