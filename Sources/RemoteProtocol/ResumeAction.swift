/// What one vCPU does when the machine is resumed (GDB manual, "vCont packet").
public enum ResumeAction: Equatable, Sendable {
  /// It stays where it is.
  case hold
  /// It runs until something stops the machine.
  case `continue`
  /// It executes one instruction, and that stops the machine.
  case step
}
