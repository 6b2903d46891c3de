/// The masks of debug exceptions that are taken to EL1, as the guest set them (Arm ARM D2.3 and
/// D2.4; pseudocode AArch64.GenerateDebugExceptionsFrom).
public struct DebugExceptionMasks: Equatable, Sendable {
  /// OS Lock or OS Double Lock: no debug exception but those of BRK and BKPT.
  public var isLocked: Bool
  /// MDSCR_EL1.KDE.
  public var kde: Bool

  public init(isLocked: Bool, kde: Bool) {
    self.isLocked = isLocked
    self.kde = kde
  }

  /// Whether debug exceptions are enabled in `state`: never while locked; always from EL0; from
  /// EL1 with KDE = 1 and PSTATE.D = 0.
  @inline(__always)
  public func enables(_ state: PState) -> Bool {
    guard !isLocked else { return false }
    return state.isEL0 || kde && !state.d && state.isEL1  // mutant: debugExceptionsEnabled
  }
}

/// The software step state machine (Arm ARM D2.12).
public enum SoftwareStep: Equatable, Sendable {
  /// Not stepping: MDSCR_EL1.SS = 0, or debug exceptions are disabled.
  case inactive
  /// One instruction may run: PSTATE.SS = 1.
  case activeNotPending
  /// A step exception is taken before anything runs: PSTATE.SS = 0.
  case activePending

  /// The state that MDSCR_EL1.SS, the masks and PSTATE make.
  public init(mdscr: MDSCR, masks: DebugExceptionMasks, state: PState) {
    self =
      if !mdscr.ss || !masks.enables(state) {
        .inactive
      } else if state.ss {
        .activeNotPending
      } else {
        .activePending
      }
  }
}
