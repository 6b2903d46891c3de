/// The optional features of a processor that change PSTATE when an exception is taken.
public struct ExceptionFeatures: Equatable, Sendable {
  /// FEAT_PAN: PSTATE.PAN.
  public var pan: Bool
  /// FEAT_DIT: PSTATE.DIT.
  public var dit: Bool
  /// FEAT_SSBS: PSTATE.SSBS.
  public var ssbs: Bool
  /// FEAT_MTE: PSTATE.TCO.
  public var mte: Bool
  /// FEAT_NMI: PSTATE.ALLINT.
  public var nmi: Bool
  /// FEAT_GCS: PSTATE.EXLOCK.
  public var gcs: Bool
  /// FEAT_EBEP: PSTATE.PM.
  public var ebep: Bool

  /// Decodes the identification registers ID_AA64PFR0_EL1, ID_AA64PFR1_EL1, ID_AA64MMFR1_EL1 and
  /// ID_AA64DFR1_EL1. All zeros are a processor without any of the features.
  public init(pfr0: UInt64, pfr1: UInt64, mmfr1: UInt64, dfr1: UInt64) {
    pan = mmfr1[bits: 20...23] != 0
    dit = pfr0[bits: 48...51] != 0
    ssbs = pfr1[bits: 4...7] != 0
    mte = pfr1[bits: 8...11] != 0
    nmi = pfr1[bits: 36...39] != 0
    gcs = pfr1[bits: 44...47] != 0
    ebep = dfr1[bits: 48...51] != 0
  }
}

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
    let isSameLevel = state.el == .el1 && !state.isAArch32
    let vector: UInt64 =
      if isSameLevel {
        state.spsel ? 0x200 : 0x000
      } else {
        state.isAArch32 ? 0x600 : 0x400
      }
    // VBAR_EL1[10:0] is RES0.
    pc = (vbar & ~0x7FF) &+ vector
    spsr = state
    pstate = Self.handlerState(
      from: state, isSameLevel: isSameLevel, sctlr: sctlr, gcscr: gcscr, features: features)
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
    let old = state.rawValue
    // M = EL1h, DAIF = 1111; SS, IL, BTYPE and UAO = 0. N, Z, C and V stay as they were.
    var new: UInt64 = 0x3C5
    new[bits: 28...31] = old[bits: 28...31]
    if features.dit { new[bit: 24] = old[bit: 24] }
    // SCTLR_EL1.SPAN = 0 sets PAN; otherwise it stays.
    if features.pan { new[bit: 22] = old[bit: 22] || !sctlr[bit: 23] }
    // SCTLR_EL1.DSSBS.
    if features.ssbs { new[bit: 12] = sctlr[bit: 44] }
    if features.mte { new[bit: 25] = true }
    // Not SCTLR_EL1.SPINTMASK.
    if features.nmi { new[bit: 13] = !sctlr[bit: 62] }
    if features.ebep { new[bit: 32] = true }
    // GCSCR_EL1.EXLOCKEN, only from the same exception level.
    if features.gcs { new[bit: 34] = isSameLevel && gcscr[bit: 6] }
    return PState(rawValue: new)
  }
}
