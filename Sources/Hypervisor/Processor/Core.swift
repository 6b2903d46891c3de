internal import ArmDebug
internal import EL2Support
internal import NestedDebug

/// What each physical core does once, and on each way back to its guest.
enum Core {
  /// Makes this core, which has `cpu`, ready for its vCPU.
  static func start(
    _ index: Int, _ cpu: ProcessorFeatures, on cores: EL2Cores
  ) throws(MachineError) {
    let shared = cores.shared
    el2_write_tpidr_el2(UInt64(cores.vcpu(index).address))
    cores.currentVCPU.value.adopt(cpu)

    el2_write_hcr_el2(ControlRegisters.hcr(cpu))
    el2_write_cptr_el2(ControlRegisters.cptr(cpu))
    el2_write_hstr_el2(0)
    el2_isb()  // CPTR_EL2 before the registers that it may have made trap to EL2 itself
    writeMDCR(debugTraps: false)
    if cpu.sve { el2_write_zcr_el2(ControlRegisters.zcr(cpu)) }
    if cpu.sme { el2_write_smcr_el2(ControlRegisters.smcr(cpu)) }
    if cpu.hcrx { el2_write_hcrx_el2(ControlRegisters.hcrx(cpu)) }
    if cpu.fineGrainedTraps { writeFineGrainedTraps(cpu) }
    el2_write_vpidr_el2(ControlRegisters.vpidr(cpu))
    el2_write_vmpidr_el2(ControlRegisters.vmpidr(cpu))
    el2_write_cnthctl_el2(ControlRegisters.cnthctl)
    el2_write_cnthp_ctl_el2(0)
    clearWhatIsNotUsed(cpu)
    el2_write_vtcr_el2(
      ControlRegisters.vtcr(cpu, addressBits: shared.value.stage2.addressBits))
    el2_write_vttbr_el2(shared.value.stage2.vttbr(.armed))
    el2_isb()
    // Whatever firmware or an earlier boot left under these VMIDs.
    el2_tlbi_alle1is()
    el2_dsb_ish()
    el2_isb()

    try shared.value.interrupts.startCore(&cores.vcpu(index).value.interrupts, core: index)
    cores.store(.isAlive, of: index, 1)
  }

  /// Registers of EL2's that it has no use for: whatever firmware or a kernel before left there would go on
  /// being in force.
  private static func clearWhatIsNotUsed(_ cpu: ProcessorFeatures) {
    // CNTHV_CTL_EL2: the timer of a kernel that was at EL2 itself, whose interrupt nobody would clear.
    if cpu.hostExtensions { el2_write_cnthv_ctl_el2(0) }
    // TRFCR_EL2: EL2 is not traced.
    if cpu.traceFiltering { el2_write_trfcr_el2(0) }
    // LORC_EL1: no limited ordering region, as Linux too leaves it to a kernel beneath its own EL2.
    if cpu.limitedOrderingRegions { el2_write_lorc_el1(0) }
    if cpu.memoryPartitioning {
      // MPAM2_EL2, MPAMHCR_EL2: EL1's and EL0's MPAM registers do not trap, and nothing is remapped.
      el2_write_mpam2_el2(0)
      if el2_read_mpamidr_el1() &>> 17 & 1 != 0 { el2_write_mpamhcr_el2(0) }
    }
  }

  /// MDCR_EL2 of this core. PMCR_EL0.N is read here because HPMN is what the guest sees of it.
  static func writeMDCR(debugTraps: Bool) {
    let cpu = EL2Cores().currentVCPU.value.features
    let counters = cpu.pmu == 0 ? 0 : (el2_read_pmcr_el0() &>> 11) & 0x1f
    el2_write_mdcr_el2(ControlRegisters.mdcr(cpu, counters: counters, debugTraps: debugTraps))
  }

  private static func writeFineGrainedTraps(_ cpu: ProcessorFeatures) {
    typealias Traps = ControlRegisters.FineGrainedTraps
    el2_write_hfgrtr_el2(Traps.registers)
    el2_write_hfgwtr_el2(Traps.registers)
    el2_write_hfgitr_el2(Traps.instructions)
    el2_write_hdfgrtr_el2(Traps.debugReads)
    el2_write_hdfgwtr_el2(Traps.debugWrites)
    if cpu.activityMonitors { el2_write_hafgrtr_el2(Traps.activityMonitors) }
    guard cpu.fineGrainedTraps2 else { return }
    el2_write_hfgrtr2_el2(Traps.registerReads2)
    el2_write_hfgwtr2_el2(Traps.registerWrites2)
    el2_write_hfgitr2_el2(Traps.instructions2)
    el2_write_hdfgrtr2_el2(Traps.debugReads2)
    el2_write_hdfgwtr2_el2(Traps.debugWrites2)
  }

  /// What is done between the handling of an exit and the guest's next instruction.
  static func prepareToEnter(_ vcpu: Fixed<VCPU>, on cores: EL2Cores) {
    Standstill(cores).waitUntilRunnable(vcpu)
    vcpu.value.takeResumption()
    offerInterrupts(vcpu, on: cores)
    installPlan(vcpu, on: cores)
  }

  /// Fills the list registers with what may be delivered by now.
  private static func offerInterrupts(_ vcpu: Fixed<VCPU>, on cores: EL2Cores) {
    guard vcpu.value.interruptsAreStale else { return }
    vcpu.value.interruptsAreStale = false
    cores.shared.value.interrupts.synchronize(&vcpu.value.interrupts)
  }

  /// Gives the debug hardware what the vCPU's guest state, requests and steps come to.
  private static func installPlan(_ vcpu: Fixed<VCPU>, on cores: EL2Cores) {
    var hardware = CoreDebugHardware()
    vcpu.value.debug.prepareToRun(
      context: &vcpu.value.frame.value.context, hardware: &hardware,
      requests: cores.requests.value)
  }

  /// Enters the guest for the first time, with what ``Power/powerUp(_:)`` made.
  static func enterGuest(on cores: EL2Cores) -> Never {
    let vcpu = cores.currentVCPU
    Standstill(cores).waitUntilFirstRunnable(vcpu)
    prepareToEnter(vcpu, on: cores)
    // The frame lies at the top of this core's stack, where the return path expects it.
    unsafe el2_enter_guest(vcpu.value.frame.rawPointer)
  }
}

/// The debug hardware of the core that executes this.
struct CoreDebugHardware: DebugHardware, GuestProcessor {
  mutating func read(_ register: DebugRegister) -> UInt64 {
    switch register {
    case .dbgbvr(let n): el2_read_dbgbvr(UInt32(truncatingIfNeeded: n))
    case .dbgbcr(let n): el2_read_dbgbcr(UInt32(truncatingIfNeeded: n))
    case .dbgwvr(let n): el2_read_dbgwvr(UInt32(truncatingIfNeeded: n))
    case .dbgwcr(let n): el2_read_dbgwcr(UInt32(truncatingIfNeeded: n))
    case .single(.mdscr): el2_read_mdscr_el1()
    case .single(.mdccint): el2_read_mdccint_el1()
    case .single(.oslsr): el2_read_oslsr_el1()
    case .single(.osdlr): el2_read_osdlr_el1()
    case .single(.osdtrrx): el2_read_osdtrrx_el1()
    case .single(.osdtrtx): el2_read_osdtrtx_el1()
    case .single(.oseccr): el2_read_oseccr_el1()
    case .single(.dbgprcr): el2_read_dbgprcr_el1()
    case .single(.dbgclaimclr): el2_read_dbgclaimclr_el1()
    default: 0
    }
  }

  mutating func write(_ register: DebugRegister, _ value: UInt64) {
    switch register {
    case .dbgbvr(let n): el2_write_dbgbvr(UInt32(truncatingIfNeeded: n), value)
    case .dbgbcr(let n): el2_write_dbgbcr(UInt32(truncatingIfNeeded: n), value)
    case .dbgwvr(let n): el2_write_dbgwvr(UInt32(truncatingIfNeeded: n), value)
    case .dbgwcr(let n): el2_write_dbgwcr(UInt32(truncatingIfNeeded: n), value)
    case .single(.mdscr): el2_write_mdscr_el1(value)
    case .single(.mdccint): el2_write_mdccint_el1(value)
    case .single(.oslar): el2_write_oslar_el1(value)
    case .single(.osdlr): el2_write_osdlr_el1(value)
    case .single(.osdtrrx): el2_write_osdtrrx_el1(value)
    case .single(.osdtrtx): el2_write_osdtrtx_el1(value)
    case .single(.oseccr): el2_write_oseccr_el1(value)
    case .single(.dbgprcr): el2_write_dbgprcr_el1(value)
    case .single(.dbgclaimset): el2_write_dbgclaimset_el1(value)
    case .single(.dbgclaimclr): el2_write_dbgclaimclr_el1(value)
    default: break
    }
  }

  mutating func read(_ register: ExceptionRegister) -> UInt64 {
    switch register {
    case .elr: el2_read_elr_el1()
    case .spsr: el2_read_spsr_el1()
    case .esr: el2_read_esr_el1()
    case .far: el2_read_far_el1()
    case .vbar: el2_read_vbar_el1()
    case .sctlr: el2_read_sctlr_el1()
    case .gcscr: el2_read_gcscr_el1()
    case .contextidr: el2_read_contextidr_el1()
    }
  }

  mutating func write(_ register: ExceptionRegister, _ value: UInt64) {
    switch register {
    case .elr: el2_write_elr_el1(value)
    case .spsr: el2_write_spsr_el1(value)
    case .esr: el2_write_esr_el1(value)
    case .far: el2_write_far_el1(value)
    case .vbar, .sctlr, .gcscr, .contextidr: break
    }
  }

  mutating func setDebugTraps(_ on: Bool) { Core.writeMDCR(debugTraps: on) }

  mutating func setVirtualInterruptsWithheld(_ on: Bool) {
    EL2Cores().shared.value.interrupts.setWithheld(on, &EL2Cores().currentVCPU.value.interrupts)
  }

  mutating func setWaitTraps(_ on: Bool) {
    el2_write_hcr_el2(ControlRegisters.hcr(EL2Cores().currentVCPU.value.features, waitTraps: on))
  }

  mutating func synchronize() { el2_isb() }

  mutating func fetchInstruction(at pc: UInt64) -> UInt32? {
    var space = GuestAddressSpace.ofThisCore
    return space.instruction(at: VirtualAddress(pc))
  }

  mutating func forEachInstruction(from pc: UInt64, _ body: (Instruction) -> Bool) {
    var space = GuestAddressSpace.ofThisCore
    space.forEachInstruction(from: VirtualAddress(pc)) { body(Instruction($0)) }
  }
}
