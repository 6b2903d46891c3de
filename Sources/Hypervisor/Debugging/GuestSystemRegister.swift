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

  /// The architectural name.
  var name: StaticString {
    switch self {
    case .sctlr: "SCTLR_EL1"
    case .actlr: "ACTLR_EL1"
    case .cpacr: "CPACR_EL1"
    case .ttbr0: "TTBR0_EL1"
    case .ttbr1: "TTBR1_EL1"
    case .tcr: "TCR_EL1"
    case .mair: "MAIR_EL1"
    case .amair: "AMAIR_EL1"
    case .vbar: "VBAR_EL1"
    case .esr: "ESR_EL1"
    case .far: "FAR_EL1"
    case .afsr0: "AFSR0_EL1"
    case .afsr1: "AFSR1_EL1"
    case .elr: "ELR_EL1"
    case .spsr: "SPSR_EL1"
    case .spEL0: "SP_EL0"
    case .spEL1: "SP_EL1"
    case .par: "PAR_EL1"
    case .contextidr: "CONTEXTIDR_EL1"
    case .tpidrEL0: "TPIDR_EL0"
    case .tpidrro: "TPIDRRO_EL0"
    case .tpidrEL1: "TPIDR_EL1"
    case .csselr: "CSSELR_EL1"
    case .cntkctl: "CNTKCTL_EL1"
    case .cntvCtl: "CNTV_CTL_EL0"
    case .cntvCval: "CNTV_CVAL_EL0"
    case .cntpCtl: "CNTP_CTL_EL0"
    case .cntpCval: "CNTP_CVAL_EL0"
    case .cntvct: "CNTVCT_EL0"
    case .cntfrq: "CNTFRQ_EL0"
    case .isr: "ISR_EL1"
    case .midr: "MIDR_EL1"
    case .mpidr: "MPIDR_EL1"
    case .ctr: "CTR_EL0"
    case .idPFR0: "ID_AA64PFR0_EL1"
    case .idPFR1: "ID_AA64PFR1_EL1"
    case .idDFR0: "ID_AA64DFR0_EL1"
    case .idISAR0: "ID_AA64ISAR0_EL1"
    case .idISAR1: "ID_AA64ISAR1_EL1"
    case .idMMFR0: "ID_AA64MMFR0_EL1"
    case .idMMFR1: "ID_AA64MMFR1_EL1"
    case .idMMFR2: "ID_AA64MMFR2_EL1"
    }
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
