internal import ArmDebug
internal import EL2Support

/// What one core implements, as far as EL2's control registers depend on it: the identification
/// registers as they read at EL2 (Arm ARM D19.2). Cores of one machine may differ, and each has its own.
struct ProcessorFeatures {
  var midr: UInt64 = 0
  var mpidr: UInt64 = 0
  var pfr0: UInt64 = 0
  var pfr1: UInt64 = 0
  var dfr0: UInt64 = 0
  var dfr1: UInt64 = 0
  var isar1: UInt64 = 0
  var isar2: UInt64 = 0
  var mmfr0: UInt64 = 0
  var mmfr1: UInt64 = 0
  var mmfr2: UInt64 = 0
  var mmfr3: UInt64 = 0
  var mmfr4: UInt64 = 0
  var smfr0: UInt64 = 0
  var dczid: UInt64 = 0
  var externalDebug: ExternalDebugRegisters?

  /// The four-bit field of an identification register that begins at `bit`.
  private static func field(_ register: UInt64, _ bit: UInt64) -> UInt64 {
    (register &>> bit) & 0xf
  }

  var el3: Bool { Self.field(pfr0, 12) != 0 }
  var gicSystemRegisters: Bool { Self.field(pfr0, 24) != 0 }
  var sve: Bool { Self.field(pfr0, 32) != 0 }
  /// FEAT_CSV2_2 or later: SCXTNUM_ELx exist. CSV2 is 1 with CSV2_frac 2 for FEAT_CSV2_1p2.
  var scxtnum: Bool {
    Self.field(pfr0, 56) >= 2 || (Self.field(pfr0, 56) == 1 && Self.field(pfr1, 32) >= 2)
  }
  /// FEAT_MTE2 or later: allocation tags live in memory. FEAT_MTE alone has only instructions.
  var memoryTags: Bool { Self.field(pfr1, 8) >= 2 }
  var sme: Bool { Self.field(pfr1, 24) != 0 }
  var sme2: Bool { Self.field(pfr1, 24) >= 2 }
  var fullA64InStreamingMode: Bool { smfr0 &>> 63 != 0 }
  var guardedControlStack: Bool { Self.field(pfr1, 44) != 0 }
  var pointerAuthentication: Bool {
    Self.field(isar1, 4) != 0 || Self.field(isar1, 8) != 0 || Self.field(isar2, 12) != 0
  }
  /// FEAT_LS64 is 1, FEAT_LS64_V 2, FEAT_LS64_ACCDATA 3.
  var ls64: UInt64 { Self.field(isar1, 60) }
  var memoryCopyInstructions: Bool { Self.field(isar2, 16) != 0 }
  /// FEAT_PMUv3 of any version; 0xf is an IMPLEMENTATION DEFINED unit.
  var pmu: UInt64 {
    let version = Self.field(dfr0, 8)
    return version == 0xf ? 0 : version
  }
  var statisticalProfiling: Bool { Self.field(dfr0, 32) != 0 }
  var traceBuffer: Bool { Self.field(dfr0, 44) != 0 }
  /// FEAT_MTPMU. Only where EL3 is absent is its control EL2's.
  var multithreadedPMU: Bool { Self.field(dfr0, 48) == 1 }
  /// Implemented physical address size in bits (ID_AA64MMFR0_EL1.PARange). The 4 KiB granule without
  /// FEAT_LPA2 reaches 48.
  var physicalAddressBits: Int {
    switch mmfr0 & 0xf {
    case 0: 32
    case 1: 36
    case 2: 40
    case 3: 42
    case 4: 44
    default: 48
    }
  }
  /// How many bits a virtual address has at most: 48, or 52 with FEAT_LVA, or 55 of the 56 with
  /// FEAT_LVA3, of which the top one tells the halves apart (ID_AA64MMFR2_EL1.VARange).
  var virtualAddressBits: Int {
    switch Self.field(mmfr2, 16) {
    case 0: 48
    case 1: 52
    default: 55
    }
  }
  var granule4K: Bool { Self.field(mmfr0, 28) != 0xf }
  var fineGrainedTraps: Bool { Self.field(mmfr0, 56) != 0 }
  var fineGrainedTraps2: Bool { Self.field(mmfr0, 56) >= 2 }
  /// FEAT_VHE: EL2 may be a host (HCR_EL2.E2H), and has a virtual timer of its own.
  var hostExtensions: Bool { Self.field(mmfr1, 8) != 0 }
  /// HCR_EL2.E2H is always 1: ID_AA64MMFR4_EL1.E2H0, a signed field, is negative without FEAT_E2H0.
  var hasOnlyHostMode: Bool { Self.field(mmfr4, 24) >= 8 }
  var limitedOrderingRegions: Bool { Self.field(mmfr1, 16) != 0 }
  /// FEAT_TRF: the trace of EL2 itself can be prohibited.
  var traceFiltering: Bool { Self.field(dfr0, 40) != 0 }
  /// FEAT_MPAM of any version.
  var memoryPartitioning: Bool { Self.field(pfr0, 40) != 0 || Self.field(pfr1, 16) != 0 }
  /// FEAT_RASv1p1: error records can be made to inject faults (ID_AA64PFR0_EL1.RAS, or RAS_frac with 1).
  var faultInjection: Bool {
    Self.field(pfr0, 28) >= 2 || (Self.field(pfr0, 28) == 1 && Self.field(pfr1, 12) >= 1)
  }
  var hcrx: Bool { Self.field(mmfr1, 40) != 0 }
  var tcr2: Bool { Self.field(mmfr3, 0) != 0 }
  var sctlr2: Bool { Self.field(mmfr3, 4) != 0 }
  /// Bits of VMID that VTTBR_EL2 holds: 8, or 16 with FEAT_VMID16. One guest needs none of them.
  var vmid16: Bool { Self.field(mmfr1, 4) == 2 }

  var activityMonitors: Bool { Self.field(pfr0, 44) != 0 }

  var debugCapabilities: DebugCapabilities {
    var capabilities = DebugCapabilities(dfr0: dfr0, pfr0: pfr0)
    capabilities.external = externalDebug
    return capabilities
  }
  var exceptionFeatures: ExceptionFeatures {
    ExceptionFeatures(pfr0: pfr0, pfr1: pfr1, mmfr1: mmfr1, mmfr2: mmfr2, dfr1: dfr1)
  }
  /// Bytes that DC ZVA writes: DCZID_EL0.BS is the log2 of the words.
  var zeroBlockSize: UInt64 { 4 &<< (dczid & 0xf) }

  /// Why this core cannot run the guest beside one that does, with stage-2 tables for addresses of
  /// `addressBits` bits; nil if it can. All else may differ from core to core.
  ///
  /// - Parameter needsGICv3: the interrupt controller is a GICv3, and EL2 uses its system registers.
  func lack(besideAddressBits addressBits: Int, needsGICv3: Bool) -> MachineError? {
    if hasOnlyHostMode { return .hostModeOnly }
    if needsGICv3 && !gicSystemRegisters { return .noGICv3 }
    if !granule4K { return .noGranule }
    return physicalAddressBits < addressBits ? .shortAddresses : nil
  }

  /// What the core that executes this has.
  static var ofThisCore: ProcessorFeatures {
    var features = ProcessorFeatures()
    features.midr = el2_read_midr_el1()
    features.mpidr = el2_read_mpidr_el1()
    features.pfr0 = el2_read_id_aa64pfr0_el1()
    features.pfr1 = el2_read_id_aa64pfr1_el1()
    features.dfr0 = el2_read_id_aa64dfr0_el1()
    features.dfr1 = el2_read_id_aa64dfr1_el1()
    features.isar1 = el2_read_id_aa64isar1_el1()
    features.isar2 = el2_read_id_aa64isar2_el1()
    features.mmfr0 = el2_read_id_aa64mmfr0_el1()
    features.mmfr1 = el2_read_id_aa64mmfr1_el1()
    features.mmfr2 = el2_read_id_aa64mmfr2_el1()
    features.mmfr3 = el2_read_id_aa64mmfr3_el1()
    features.mmfr4 = el2_read_id_aa64mmfr4_el1()
    features.smfr0 = el2_read_id_aa64smfr0_el1()
    features.dczid = el2_read_dczid_el0()
    if el2_has_external_debug_registers() != 0 {
      features.externalDebug = ExternalDebugRegisters(
        authenticationStatus: el2_read_dbgauthstatus_el1(), romAddress: el2_read_mdrar_el1())
    }
    return features
  }
}
