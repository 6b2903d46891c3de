/// What taking a synchronous exception to AArch64 EL1 changes (pseudocode AArch64.TakeException),
/// so that EL2 can put a guest into its handler exactly as the processor would have.
public struct ExceptionEntry: Equatable, Sendable {
  /// The address of the vector.
  public var pc: UInt64
  /// PSTATE in the handler.
  public var pstate: PState
  /// SPSR_EL1: PSTATE of the interrupted code, PSTATE.SS included.
  public var spsr: PState

  /// - Parameters:
  ///   - state: PSTATE of the interrupted code, at EL0 (AArch64 or AArch32) or AArch64 EL1.
  ///   - vbar: VBAR_EL1.
  ///   - sctlr: SCTLR_EL1.
  ///   - gcscr: GCSCR_EL1 where the processor has FEAT_GCS; otherwise ignored.
  public init(
    from state: PState, vbar: UInt64, sctlr: UInt64, gcscr: UInt64 = 0, features: ExceptionFeatures
  ) {
    pc = Self.vector(from: state, vbar: vbar)
    spsr = state
    pstate = Self.handlerState(
      from: state, isSameLevel: !state.isEL0, sctlr: sctlr, gcscr: gcscr, features: features)
  }

  /// The vector of a synchronous exception that is taken from `state`.
  @inline(__always)
  public static func vector(from state: PState, vbar: UInt64) -> UInt64 {
    let offset: UInt64 =
      if state.isEL0 {
        state.isAArch32 ? 0x600 : 0x400
      } else {
        state.spsel ? 0x200 : 0x000  // mutant: vectorOfStack
      }
    // VBAR_EL1[10:0] is RES0.
    return (vbar & ~0x7FF) &+ offset
  }

  /// Whether `pc` is the first instruction of one of the sixteen vectors at `vbar`.
  public static func isVector(_ pc: UInt64, vbar: UInt64) -> Bool {
    let offset = pc &- (vbar & ~0x7FF)
    return offset < 0x800 && offset & 0x7F == 0
  }

  private static func handlerState(
    from state: PState, isSameLevel: Bool, sctlr: UInt64, gcscr: UInt64,
    features: ExceptionFeatures
  ) -> PState {
    // SPAN = 0 sets PAN, which stays otherwise; DSSBS goes to SSBS, and SPINTMASK to ALLINT, inverted.
    let controls =
      (~sctlr &>> 1) & PState.panBit | (sctlr &>> 32) & PState.ssbsBit
      | (~sctlr &>> 49) & PState.allIntBit
    var new =
      state.rawValue & features.kept | features.added | controls & features.controlled
    // GCSCR_EL1.EXLOCKEN, only from the same exception level.
    if features.gcs { new[bit: 34] = isSameLevel && gcscr[bit: 6] }
    return PState(rawValue: new)
  }
}
