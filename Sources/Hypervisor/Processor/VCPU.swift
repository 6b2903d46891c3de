internal import ArmDebug
internal import EL2Support
internal import NestedDebug
internal import RemoteProtocol

/// One vCPU and the physical core that it is bound to, in EL2's memory. It belongs to that core; the
/// core of the debug link may touch it while the machine stands still.
struct VCPU: ~Copyable {
  /// The vCPU's number, which is its core's too.
  let index: Int
  /// What its core has. Until that has come up, what the boot core has: a debugger may ask before.
  private(set) var features: ProcessorFeatures
  /// The guest's debug state, the debugger's steps and the plan.
  var debug: VirtualDebug
  /// The virtual interrupt interface.
  var interrupts = VirtualCPUInterface()
  /// Set by whatever may leave an interrupt waiting that could be delivered: the exits that have to do
  /// with the interrupt controller, and a standstill. What another vCPU does comes with a kick, which
  /// is such an exit.
  var interruptsAreStale = true
  var exits = ExitCounters()

  /// Why this vCPU stopped the machine, until it is reported or its cause is taken away.
  var stop: StopReason?
  /// What the debugger wants it to do now that the standstill ends, until the vCPU's core has seen it.
  var resumption: ResumeAction?
  /// Asked of this core by ``Standstill/perform(_:on:)``.
  var request = CoreRequest(kind: .translate)

  /// Where it starts after PSCI CPU_ON, and x0 then.
  var entry: UInt64 = 0
  var entryContext: UInt64 = 0

  init(index: Int, features: ProcessorFeatures) {
    self.index = index
    self.features = features
    debug = Self.debug(on: features)
  }

  /// On its core, when that comes up, before anything of the guest's is in `debug`.
  mutating func adopt(_ features: ProcessorFeatures) {
    self.features = features
    debug = Self.debug(on: features)
  }

  private static func debug(on features: ProcessorFeatures) -> VirtualDebug {
    VirtualDebug(
      capabilities: features.debugCapabilities, features: features.exceptionFeatures,
      zeroBlockSize: features.zeroBlockSize,
      vmid: GuestStage2.Tree.armed.vmid)
  }

  /// The general registers, at the top of the core's EL2 stack.
  var frame: Fixed<TrapFrame> {
    // The vectors store a frame there before any Swift code of that core runs.
    unsafe Fixed(at: EL2.shared.value.stacks.top(of: index) &- UInt(MemoryLayout<TrapFrame>.stride))
  }

  /// Puts the vCPU at its entry with everything as PSCI and the arm64 boot protocol promise: EL1 with
  /// the MMU off and every exception masked. The rest of its registers is UNKNOWN to the guest, and
  /// cleared so that nothing of EL2 shows.
  mutating func powerUp() {
    var start = TrapFrame(pc: entry, pstate: .el1Reset)
    start.x[0] = entryContext
    frame.initialize(to: start)
    el2_write_sctlr_el1(ControlRegisters.guestSCTLR)
    el2_write_cpacr_el1(0)
    el2_write_tcr_el1(0)
    el2_write_ttbr0_el1(0)
    el2_write_ttbr1_el1(0)
    el2_write_vbar_el1(0)
    el2_write_cntkctl_el1(0)
    el2_write_cntv_ctl_el0(0)
    el2_write_cntp_ctl_el0(0)
    EL2.shared.value.interrupts.startVCPU(&interrupts)
    debug.reset()
    CoreWord.power.store(index, PSCI.Power.on.rawValue)
  }
}
