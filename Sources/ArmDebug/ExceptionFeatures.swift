/// The optional features of a processor that change PSTATE when an exception is taken, as what they make
/// of its fields: taking an exception is what a guest with breakpoints of its own does most.
public struct ExceptionFeatures: Equatable, Sendable {
  /// The fields that stay as they were.
  let kept: UInt64
  /// The fields that are set.
  let added: UInt64
  /// The fields that SCTLR_EL1 decides.
  let controlled: UInt64

  /// FEAT_PAN: PSTATE.PAN.
  public var pan: Bool { controlled & PState.panBit != 0 }
  /// FEAT_DIT: PSTATE.DIT.
  public var dit: Bool { kept & PState.ditBit != 0 }
  /// FEAT_SSBS: PSTATE.SSBS.
  public var ssbs: Bool { controlled & PState.ssbsBit != 0 }
  /// FEAT_MTE: PSTATE.TCO.
  public var mte: Bool { added & PState.tcoBit != 0 }
  /// FEAT_NMI: PSTATE.ALLINT.
  public var nmi: Bool { controlled & PState.allIntBit != 0 }
  /// FEAT_GCS: PSTATE.EXLOCK.
  public let gcs: Bool
  /// FEAT_EBEP: PSTATE.PM.
  public var ebep: Bool { added & PState.pmBit != 0 }
  /// FEAT_UAO: PSTATE.UAO, which is 0 after an exception.
  public let uao: Bool
  /// FEAT_BTI: PSTATE.BTYPE, which is 0 after an exception.
  public let bti: Bool

  /// Decodes the identification registers ID_AA64PFR0_EL1, ID_AA64PFR1_EL1, ID_AA64MMFR1_EL1,
  /// ID_AA64MMFR2_EL1 and ID_AA64DFR1_EL1. All zeros are a processor without any of the features.
  public init(pfr0: UInt64, pfr1: UInt64, mmfr1: UInt64, mmfr2: UInt64 = 0, dfr1: UInt64) {
    let pan = mmfr1[bits: 20...23] != 0 ? PState.panBit : 0
    let dit = pfr0[bits: 48...51] != 0 ? PState.ditBit : 0
    let ssbs = pfr1[bits: 4...7] != 0 ? PState.ssbsBit : 0
    let mte = pfr1[bits: 8...11] != 0 ? PState.tcoBit : 0
    let nmi = pfr1[bits: 36...39] != 0 ? PState.allIntBit : 0
    let ebep = dfr1[bits: 48...51] != 0 ? PState.pmBit : 0
    gcs = pfr1[bits: 44...47] != 0
    uao = mmfr2[bits: 4...7] != 0
    bti = pfr1[bits: 0...3] != 0
    // N, Z, C and V; UAO, SS, IL and BTYPE are 0 afterwards.
    kept = 0xF &<< 28 | dit | pan
    added = PState.el1Reset.rawValue | mte | ebep  // mutant: setsMasks
    controlled = pan | ssbs | nmi
  }
}

extension PState {
  static var ssbsBit: UInt64 { 1 &<< 12 }
  static var allIntBit: UInt64 { 1 &<< 13 }
  static var panBit: UInt64 { 1 &<< 22 }
  static var ditBit: UInt64 { 1 &<< 24 }
  static var tcoBit: UInt64 { 1 &<< 25 }
  static var pmBit: UInt64 { 1 &<< 32 }
}
