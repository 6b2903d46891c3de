/// Every EL2 register that could take a feature away from the guest, or give it one too many, is
/// composed here and nowhere else, as a function of what the CPU has. What the CPU has, the guest
/// has. Bit names are those of Arm ARM D19.2 (and D19.3 for MDCR_EL2).
enum ControlRegisters {

  /// HCR_EL2.
  ///
  /// - Parameter waitTraps: while the debugger steps, for a stepped WFI or WFE is a NOP.
  static func hcr(_ cpu: ProcessorFeatures, waitTraps: Bool = false) -> UInt64 {
    var value: UInt64 = 0
    value |= 1 &<< 0  // VM: stage 2 is on, which is what keeps EL2's memory EL2's.
    value |= 1 &<< 1  // SWIO: the guest's DC ISW must not throw away dirty lines of EL2's.
    // FMO, IMO: physical interrupts come to EL2 and are injected by list register.
    value |= 1 &<< 3
    value |= 1 &<< 4
    // AMO stays 0: an SError interrupts the guest that caused it, directly.
    if waitTraps {
      value |= 1 &<< 13  // TWI, TWE. Otherwise 0: one vCPU a core may well wait in hardware.
      value |= 1 &<< 14
    }
    value |= 1 &<< 19  // TSC: the guest's PSCI calls are EL2's to answer.
    // TGE, E2H stay 0: EL2 is a hypervisor beneath EL1, not a host for EL0.
    value |= 1 &<< 31  // RW: EL1 is AArch64.
    if cpu.pointerAuthentication {
      value |= 1 &<< 40  // APK: keys do not trap.
      value |= 1 &<< 41  // API: instructions do not trap.
    }
    if cpu.faultInjection {
      value |= 1 &<< 47  // FIEN: ERXPFG*_EL1 do not trap.
    }
    if cpu.scxtnum {
      value |= 1 &<< 53  // EnSCXT: SCXTNUM_EL1 and _EL0 do not trap.
    }
    if cpu.memoryTags {
      value |= 1 &<< 56  // ATA: the guest may use allocation tags.
    }
    return value
  }

  /// HCR_EL2.E2H, which `Boot.S` has cleared where that is possible.
  static let e2h: UInt64 = 1 &<< 34

  /// HCRX_EL2 (FEAT_HCX): its enable bits are 0 out of reset on many CPUs, which would take newer
  /// features from the guest.
  static func hcrx(_ cpu: ProcessorFeatures) -> UInt64 {
    var value: UInt64 = 0
    if cpu.ls64 >= 3 { value |= 1 &<< 0 }  // EnAS0: ST64BV0
    if cpu.ls64 >= 1 { value |= 1 &<< 1 }  // EnALS: LD64B, ST64B
    if cpu.ls64 >= 2 { value |= 1 &<< 2 }  // EnASR: ST64BV
    if cpu.memoryCopyInstructions { value |= 1 &<< 11 }  // MSCEn: CPY*, SET*
    if cpu.tcr2 { value |= 1 &<< 14 }  // TCR2En
    if cpu.sctlr2 { value |= 1 &<< 15 }  // SCTLR2En
    if cpu.guardedControlStack { value |= 1 &<< 22 }  // GCSEn
    return value
  }

  /// CPTR_EL2 with HCR_EL2.E2H = 0: a set T-bit traps, so all of them are clear.
  static func cptr(_ cpu: ProcessorFeatures) -> UInt64 {
    // RES1: [13], [12] (TSM where SME is present), [9], [8] (TZ where SVE is present), [7:0].
    var value: UInt64 = 0x33ff
    if cpu.sve { value &= ~(1 &<< 8) }  // TZ: SVE does not trap.
    if cpu.sme { value &= ~(1 &<< 12) }  // TSM: SME does not trap.
    // TFP[10], TTA[20], TAM[30], TCPAC[31] = 0: floating point, trace, activity monitors, CPACR_EL1.
    return value
  }

  /// ZCR_EL2: the longest vectors that the CPU has; the guest sees what it would at EL1.
  static func zcr(_ cpu: ProcessorFeatures) -> UInt64 { 0x1ff }

  /// SMCR_EL2: the longest streaming vectors, with the extras that the CPU has.
  static func smcr(_ cpu: ProcessorFeatures) -> UInt64 {
    var value: UInt64 = 0x1ff
    if cpu.sme2 { value |= 1 &<< 30 }  // EZT0: the ZT0 register does not trap.
    if cpu.fullA64InStreamingMode { value |= 1 &<< 31 }  // FA64
    return value
  }

  /// MDCR_EL2 in one of the two modes (design: native and shared).
  ///
  /// - Parameters:
  ///   - counters: PMCR_EL0.N, read on this core.
  ///   - debugTraps: shared mode. TDE also makes TDA, TDOSA and TDRA behave as 1; they are set to
  ///     say so.
  static func mdcr(_ cpu: ProcessorFeatures, counters: UInt64, debugTraps: Bool) -> UInt64 {
    // HPMN: all event counters are the guest's. A value of 0 where there are counters is
    // CONSTRAINED UNPREDICTABLE, so it is never left at whatever it was.
    var value = counters & 0x1f
    // TPMCR[5], TPM[6], HPME[7], TPMS[14], TTRF[19], TDCC[27] = 0: nothing traps.
    if debugTraps {
      value |= 1 &<< 8  // TDE: the guest's debug exceptions come to EL2.
      value |= 1 &<< 9  // TDA
      value |= 1 &<< 10  // TDOSA
      value |= 1 &<< 11  // TDRA
    }
    if cpu.statisticalProfiling {
      value |= 3 &<< 12  // E2PB: the profiling buffer is EL1's and does not trap.
    }
    if cpu.pmu >= 4 {
      // HPMD: event counting is prohibited at EL2, whatever the guest's filters say.
      value |= 1 &<< 17
    }
    if cpu.pmu >= 6 {
      value |= 1 &<< 23  // HCCD: neither does the cycle counter count EL2.
    }
    if cpu.traceBuffer {
      value |= 3 &<< 24  // E2TB: the trace buffer is EL1's and does not trap.
    }
    if cpu.multithreadedPMU && !cpu.el3 {
      value |= 1 &<< 28  // MTPME: PMEVTYPER.MT works.
    }
    return value
  }

  /// CNTHCTL_EL2 with HCR_EL2.E2H = 0: the physical counter (EL1PCTEN) and the physical timer
  /// (EL1PCEN) do not trap. The FEAT_ECV traps, bits 12 and up, stay 0.
  static let cnthctl: UInt64 = 0b11

  /// ICC_SRE_EL2: Enable (EL1 may use its ICC_SRE_EL1), DIB and DFB (no bypass), SRE.
  static let iccSRE: UInt64 = 0xf

  /// VPIDR_EL2 and VMPIDR_EL2: the guest reads the CPU's own identity.
  static func vpidr(_ cpu: ProcessorFeatures) -> UInt64 { cpu.midr }
  static func vmpidr(_ cpu: ProcessorFeatures) -> UInt64 { cpu.mpidr }

  /// VTCR_EL2: a 4 KiB granule over addresses of `addressBits` bits, the same for all cores.
  static func vtcr(_ cpu: ProcessorFeatures, addressBits: Int) -> UInt64 {
    var value: UInt64 = 1 &<< 31  // RES1
    value |= UInt64(64 - addressBits)  // T0SZ
    value |= UInt64(stage2StartLevel(addressBits: addressBits) == 0 ? 2 : 1) &<< 6  // SL0
    value |= 1 &<< 8  // IRGN0, ORGN0: walks are write-back cacheable …
    value |= 1 &<< 10
    value |= 3 &<< 12  // SH0: … and inner shareable, as are EL2's writes to the tables.
    // TG0[15:14] = 0: 4 KiB.
    value |= sizeField(addressBits: addressBits) &<< 16  // PS
    if cpu.vmid16 { value |= 1 &<< 19 }  // VS
    // HA, HD = 0: the tables set the access flag themselves.
    return value
  }

  /// Bits of an address that every translation of EL2's making is for: as many as it takes to reach `last`,
  /// the highest address that the device tree names, but no fewer than 40, which practically every core has,
  /// and no more than the boot core has. Cores of one machine differ in this (a Cortex-A53 has 40 bits and
  /// the Cortex-A72 beside it 44), and the boot core cannot ask the others before they are up.
  static func addressBits(_ cpu: ProcessorFeatures, reaching last: UInt64) -> Int {
    let needed =
      switch last &>> 40 {
      case 0: 40
      case 1..<4: 42
      case 4..<16: 44
      default: 48
      }
    return min(needed, cpu.physicalAddressBits)
  }

  /// The encoding of an address size in TCR_EL2.PS and VTCR_EL2.PS.
  private static func sizeField(addressBits: Int) -> UInt64 {
    switch addressBits {
    case ...32: 0
    case ...36: 1
    case ...40: 2
    case ...42: 3
    case ...44: 4
    default: 5
    }
  }

  /// Level of the first lookup. Level 0 is only allowed for 44 bits and more (Arm ARM D8.2.5); below
  /// that up to 16 level-1 tables are concatenated.
  static func stage2StartLevel(addressBits: Int) -> Int { addressBits >= 44 ? 0 : 1 }

  /// MAIR_EL2: index 0 Normal write-back, index 1 Device-nGnRE.
  static let mair: UInt64 = 0x04ff

  /// TCR_EL2 (E2H = 0): a 4 KiB granule over 48 bits.
  static func tcr(addressBits: Int) -> UInt64 {
    var value: UInt64 = (1 &<< 31) | (1 &<< 23)  // RES1
    value |= 16  // T0SZ: 48 bits
    value |= (1 &<< 8) | (1 &<< 10) | (3 &<< 12)  // IRGN0, ORGN0, SH0 as for stage 2
    value |= sizeField(addressBits: addressBits) &<< 16  // PS
    value |= 1 &<< 20  // TBI: the compiler is told to assume it for this target.
    return value
  }

  /// SCTLR_EL2: MMU, caches, stack alignment check, and nothing both writable and executable. EIS[22]
  /// and EOS[11], which were RES1 before FEAT_ExS, make each exception and each return a context
  /// synchronisation event: what EL2 writes for the guest is in force with its first instruction.
  ///
  /// IESB[21] is 0: no error synchronisation at each entry and return. An SError is the guest's, whoever's
  /// access it was (HCR_EL2.AMO is 0: EL2 never takes one, it waits for the return to EL1), so there is
  /// nobody to tell apart by synchronising, and it would make every exit wait for the guest's last stores.
  static let sctlr: UInt64 =
    0x30c5_0830 | (1 &<< 0) | (1 &<< 2) | (1 &<< 3) | (1 &<< 12) | (1 &<< 19)

  /// SCTLR_EL1 at the guest's first instruction: everything off, RES1 bits set. The same value that
  /// Linux gives to a kernel that it starts (INIT_SCTLR_EL1_MMU_OFF), with EOS, EIS and the rest as
  /// before those features existed.
  static let guestSCTLR: UInt64 = 0x30d0_0800

  /// The fine-grained trap registers (FEAT_FGT): a feature bit traps when set, a bit whose name
  /// begins with "n" traps when clear.
  enum FineGrainedTraps {
    /// HFGRTR_EL2, HFGWTR_EL2: nACCDATA[50], then nGCS_EL0[52] to nAMAIR2_EL1[63].
    static let registers: UInt64 = (1 &<< 50) | (0xfff &<< 52)
    /// HFGITR_EL2: nBRBINJ[55], nBRBIALL[56], nGCSPUSHM_EL1[57], nGCSSTR_EL1[58], nGCSEPP[59].
    static let instructions: UInt64 = 0x1f &<< 55
    /// HDFGRTR_EL2: nBRBIDR[59], nBRBCTL[60], nBRBDATA[61], nPMSNEVFR_EL1[62].
    static let debugReads: UInt64 = 0xf &<< 59
    /// HDFGWTR_EL2: as for reads, less BRBIDR, which cannot be written.
    static let debugWrites: UInt64 = 0x7 &<< 60
    /// HAFGRTR_EL2 has only plain trap bits.
    static let activityMonitors: UInt64 = 0

    // FEAT_FGT2. All bits but one are of the kind that traps when clear.

    /// HFGRTR2_EL2: nPFAR_EL1[0] to nACTLRALIAS_EL1[14].
    static let registerReads2: UInt64 = 0x7fff
    /// HFGWTR2_EL2: as for reads, less nERXGSR_EL1[1], which cannot be written.
    static let registerWrites2: UInt64 = 0x7ffd
    /// HFGITR2_EL2: nDCCIVAPS[1], and TSBCSYNC[0], which traps when set.
    static let instructions2: UInt64 = 0b10
    /// HDFGRTR2_EL2: nPMECR_EL1[0] to nPMBMAR_EL1[24], less [21].
    static let debugReads2: UInt64 = 0x1df_ffff
    /// HDFGWTR2_EL2: the same with nPMZR_EL0[21], less [6], [17] and [18], which cannot be written.
    static let debugWrites2: UInt64 = 0x1f9_ffbf
  }
}
