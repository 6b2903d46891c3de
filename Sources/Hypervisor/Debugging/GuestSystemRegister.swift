internal import EL2Support
internal import RemoteProtocol

/// The system registers that the debugger is shown, under their architectural names, in this order: each is
/// what the guest would read at this instant, and is read and written on the core of its vCPU. (Debug registers
/// are not among them: what the guest wrote there is guest state, and `monitor debug` shows it.)
enum GuestSystemRegister: UInt8 {
  case sctlr = 0
  case actlr
  case cpacr
  case ttbr0
  case ttbr1
  case tcr
  case mair
  case amair
  case vbar
  case esr
  case far
  case afsr0
  case afsr1
  case elr
  case spsr
  case spEL0
  case spEL1
  case par
  case contextidr
  case tpidrEL0
  case tpidrro
  case tpidrEL1
  case csselr
  case cntkctl
  case cntvCtl
  case cntvCval
  case cntpCtl
  case cntpCval
  case cntvct
  case cntfrq
  case isr
  case midr
  case mpidr
  case ctr
  case idPFR0
  case idPFR1
  case idDFR0
  case idISAR0
  case idISAR1
  case idMMFR0
  case idMMFR1
  case idMMFR2

  /// How many there are.
  static let count = 42

  /// Their names, in their order.
  static var names: TextLines {
    TextLines(
      of: """
        SCTLR_EL1
        ACTLR_EL1
        CPACR_EL1
        TTBR0_EL1
        TTBR1_EL1
        TCR_EL1
        MAIR_EL1
        AMAIR_EL1
        VBAR_EL1
        ESR_EL1
        FAR_EL1
        AFSR0_EL1
        AFSR1_EL1
        ELR_EL1
        SPSR_EL1
        SP_EL0
        SP_EL1
        PAR_EL1
        CONTEXTIDR_EL1
        TPIDR_EL0
        TPIDRRO_EL0
        TPIDR_EL1
        CSSELR_EL1
        CNTKCTL_EL1
        CNTV_CTL_EL0
        CNTV_CVAL_EL0
        CNTP_CTL_EL0
        CNTP_CVAL_EL0
        CNTVCT_EL0
        CNTFRQ_EL0
        ISR_EL1
        MIDR_EL1
        MPIDR_EL1
        CTR_EL0
        ID_AA64PFR0_EL1
        ID_AA64PFR1_EL1
        ID_AA64DFR0_EL1
        ID_AA64ISAR0_EL1
        ID_AA64ISAR1_EL1
        ID_AA64MMFR0_EL1
        ID_AA64MMFR1_EL1
        ID_AA64MMFR2_EL1
        """)
  }

  /// What the guest's value is read from.
  enum Source: Equatable {
    /// The register itself, which is the guest's while EL2 executes, or is the same to both. (Of the identification
    /// registers EL2 hides nothing: HCR_EL2.TID3 is 0.)
    case register
    /// VPIDR_EL2 or VMPIDR_EL2, which the guest reads in its place.
    case virtualIdentity
    /// The count at which the guest's virtual time stands. (The physical counter goes on for the guest, so that
    /// CNTP_CTL_EL0.ISTATUS is the register's.)
    case virtualTime
    /// The register, but for ISTATUS, which is judged by the virtual time.
    case virtualTimer
    /// What the virtual CPU interface signals: EL2 itself reads the physical interrupts there.
    case virtualInterface
  }

  var source: Source {
    switch self {
    case .midr, .mpidr: .virtualIdentity
    case .cntvct: .virtualTime
    case .cntvCtl: .virtualTimer
    case .isr: .virtualInterface
    default: .register
    }
  }

  /// The guest's value on this core, all vCPUs standing still.
  func read() -> UInt64 {
    let shared = EL2.shared
    let count = shared.value.clock.virtualCount(at: el2_read_cntpct_el0())
    switch source {
    case .register: return readRegister()
    case .virtualIdentity: return self == .midr ? el2_read_vpidr_el2() : el2_read_vmpidr_el2()
    case .virtualTime: return count
    case .virtualTimer:
      return GuestTimer.control(
        el2_read_cntv_ctl_el0(), compare: el2_read_cntv_cval_el0(), count: count)
    case .virtualInterface:
      // HCR_EL2.AMO is 0: a physical SError is pending to the guest as it is to EL2.
      return shared.value.interrupts.virtualInterruptStatus() | el2_read_isr_el1() & 1 &<< 8
    }
  }

  /// The register of this name as EL2 reads it.
  private func readRegister() -> UInt64 {
    switch self {
    case .sctlr: el2_read_sctlr_el1()
    case .actlr: el2_read_actlr_el1()
    case .cpacr: el2_read_cpacr_el1()
    case .ttbr0: el2_read_ttbr0_el1()
    case .ttbr1: el2_read_ttbr1_el1()
    case .tcr: el2_read_tcr_el1()
    case .mair: el2_read_mair_el1()
    case .amair: el2_read_amair_el1()
    case .vbar: el2_read_vbar_el1()
    case .esr: el2_read_esr_el1()
    case .far: el2_read_far_el1()
    case .afsr0: el2_read_afsr0_el1()
    case .afsr1: el2_read_afsr1_el1()
    case .elr: el2_read_elr_el1()
    case .spsr: el2_read_spsr_el1()
    case .spEL0: el2_read_sp_el0()
    case .spEL1: el2_read_sp_el1()
    case .par: el2_read_par_el1()
    case .contextidr: el2_read_contextidr_el1()
    case .tpidrEL0: el2_read_tpidr_el0()
    case .tpidrro: el2_read_tpidrro_el0()
    case .tpidrEL1: el2_read_tpidr_el1()
    case .csselr: el2_read_csselr_el1()
    case .cntkctl: el2_read_cntkctl_el1()
    case .cntvCtl: el2_read_cntv_ctl_el0()
    case .cntvCval: el2_read_cntv_cval_el0()
    case .cntpCtl: el2_read_cntp_ctl_el0()
    case .cntpCval: el2_read_cntp_cval_el0()
    case .cntvct: el2_read_cntvct_el0()
    case .cntfrq: el2_read_cntfrq_el0()
    case .isr: el2_read_isr_el1()
    case .midr: el2_read_midr_el1()
    case .mpidr: el2_read_mpidr_el1()
    case .ctr: el2_read_ctr_el0()
    case .idPFR0: el2_read_id_aa64pfr0_el1()
    case .idPFR1: el2_read_id_aa64pfr1_el1()
    case .idDFR0: el2_read_id_aa64dfr0_el1()
    case .idISAR0: el2_read_id_aa64isar0_el1()
    case .idISAR1: el2_read_id_aa64isar1_el1()
    case .idMMFR0: el2_read_id_aa64mmfr0_el1()
    case .idMMFR1: el2_read_id_aa64mmfr1_el1()
    case .idMMFR2: el2_read_id_aa64mmfr2_el1()
    }
  }

  /// Changes the register on this core. It takes effect at the latest with the return to the guest.
  ///
  /// - Returns: false for a register that the guest itself cannot write.
  func write(_ value: UInt64) -> Bool {
    switch self {
    case .sctlr: el2_write_sctlr_el1(value)
    case .actlr: el2_write_actlr_el1(value)
    case .cpacr: el2_write_cpacr_el1(value)
    case .ttbr0: el2_write_ttbr0_el1(value)
    case .ttbr1: el2_write_ttbr1_el1(value)
    case .tcr: el2_write_tcr_el1(value)
    case .mair: el2_write_mair_el1(value)
    case .amair: el2_write_amair_el1(value)
    case .vbar: el2_write_vbar_el1(value)
    case .esr: el2_write_esr_el1(value)
    case .far: el2_write_far_el1(value)
    case .afsr0: el2_write_afsr0_el1(value)
    case .afsr1: el2_write_afsr1_el1(value)
    case .elr: el2_write_elr_el1(value)
    case .spsr: el2_write_spsr_el1(value)
    case .spEL0: el2_write_sp_el0(value)
    case .spEL1: el2_write_sp_el1(value)
    case .par: el2_write_par_el1(value)
    case .contextidr: el2_write_contextidr_el1(value)
    case .tpidrEL0: el2_write_tpidr_el0(value)
    case .tpidrro: el2_write_tpidrro_el0(value)
    case .tpidrEL1: el2_write_tpidr_el1(value)
    case .csselr: el2_write_csselr_el1(value)
    case .cntkctl: el2_write_cntkctl_el1(value)
    case .cntvCtl: el2_write_cntv_ctl_el0(value)
    case .cntvCval: el2_write_cntv_cval_el0(value)
    case .cntpCtl: el2_write_cntp_ctl_el0(value)
    case .cntpCval: el2_write_cntp_cval_el0(value)
    case .cntvct, .cntfrq, .isr, .midr, .mpidr, .ctr, .idPFR0, .idPFR1, .idDFR0, .idISAR0, .idISAR1,
      .idMMFR0, .idMMFR1, .idMMFR2:
      return false
    }
    return true
  }
}

/// A generic timer of the guest's.
enum GuestTimer {
  /// CNTV_CTL_EL0 or CNTP_CTL_EL0 with ISTATUS, bit 2, as it is when the counter reads `count`: the timer is on
  /// (ENABLE, bit 0), and the count has come to CNTx_CVAL_EL0. Masked by IMASK it is set all the same.
  static func control(_ control: UInt64, compare: UInt64, count: UInt64) -> UInt64 {
    let status: UInt64 = 1 &<< 2
    let isMet = control & 1 != 0 && count >= compare
    return isMet ? control | status : control & ~status
  }
}
