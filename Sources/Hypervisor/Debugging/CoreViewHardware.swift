internal import ArmDebug
internal import EL2Support

/// The guest's registers that are live in the core that executes this, all vCPUs standing still.
struct CoreViewHardware: ViewHardware {
  let cores: EL2Cores

  mutating func read(_ register: GuestSystemRegister) -> UInt64 {
    let count = cores.clock.virtualCount(at: cores.counter)
    switch register.source {
    case .register: return register.readRegister()
    case .virtualIdentity:
      return register == .midr ? el2_read_vpidr_el2() : el2_read_vmpidr_el2()
    case .virtualTime: return count
    case .virtualTimer:
      return GuestTimer.control(
        el2_read_cntv_ctl_el0(), compare: el2_read_cntv_cval_el0(), count: count)
    case .virtualInterface:
      // HCR_EL2.AMO is 0: a physical SError is pending to the guest as it is to EL2.
      return cores.shared.value.interrupts.virtualInterruptStatus()
        | el2_read_isr_el1() & 1 &<< 8
    }
  }

  mutating func write(_ register: GuestSystemRegister, _ value: UInt64) -> Bool {
    register.write(value)
  }

  var fpsr: UInt64 {
    get { el2_read_fpsr() }
    nonmutating set { el2_write_fpsr(newValue) }
  }

  var fpcr: UInt64 {
    get { el2_read_fpcr() }
    nonmutating set { el2_write_fpcr(newValue) }
  }

  var spEL0: UInt64 {
    get { el2_read_sp_el0() }
    nonmutating set { el2_write_sp_el0(newValue) }
  }

  var spEL1: UInt64 {
    get { el2_read_sp_el1() }
    nonmutating set { el2_write_sp_el1(newValue) }
  }

  mutating func accessDevice(_ physical: PhysicalAddress, size: Int, writing value: UInt64?)
    -> UInt64?
  {
    GuestDevices.access(physical, size: size, writing: value)
  }

  mutating func readVector(_ n: Int) -> RegisterValue {
    var halves: InlineArray<2, UInt64> = [0, 0]
    var span = halves.mutableSpan
    // The assembly stores 16 bytes, which is what the span has.
    unsafe span.withUnsafeMutableBufferPointer {
      unsafe el2_read_vector(UInt32(truncatingIfNeeded: n), $0.baseAddress)
    }
    return RegisterValue(low: halves[0], high: halves[1])
  }

  /// An instruction that writes V<n> clears the rest of Z<n>, so where there is a Z<n> all of that is written.
  mutating func writeVector(_ n: Int, _ value: RegisterValue) {
    let register = UInt32(truncatingIfNeeded: n)
    guard hasScalableVectors else {
      let halves: InlineArray<2, UInt64> = [value.low, value.high]
      // The assembly loads 16 bytes, which is what the span has.
      unsafe halves.span.withUnsafeBufferPointer {
        unsafe el2_write_vector(register, $0.baseAddress)
      }
      return
    }
    // 2048 bits are the most that there can be; EL2 has whatever the processor has (ZCR_EL2, SMCR_EL2).
    var whole = InlineArray<32, UInt64>(repeating: 0)
    var span = whole.mutableSpan
    // The assembly stores, and then loads, at most the 256 bytes that the span has.
    unsafe span.withUnsafeMutableBufferPointer {
      unsafe el2_read_scalable_vector(register, $0.baseAddress)
    }
    whole[0] = value.low
    whole[1] = value.high
    unsafe whole.span.withUnsafeBufferPointer {
      unsafe el2_write_scalable_vector(register, $0.baseAddress)
    }
  }

  /// Whether Z0 to Z31 can be accessed: with SVE always; with SME alone in streaming mode (SVCR.SM), which the
  /// guest was left in.
  private var hasScalableVectors: Bool {
    let cpu = cores.currentVCPU.value.features
    return cpu.sve || cpu.sme && el2_read_svcr() & 1 != 0
  }
}

extension GuestSystemRegister {
  /// The register of this name as EL2 reads it.
  fileprivate func readRegister() -> UInt64 {
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
  fileprivate func write(_ value: UInt64) -> Bool {
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
