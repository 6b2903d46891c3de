internal import ArmDebug
internal import NestedDebug
internal import RemoteProtocol

/// One vCPU and the physical core that it is bound to, in EL2's memory. It belongs to that core; the
/// link core may touch it while the machine stands still.
struct VCPU: ~Copyable {
  /// The vCPU's number, which is its core's too.
  let index: Int
  /// The general registers, at the top of the core's EL2 stack.
  let frame: Fixed<TrapFrame>
  /// What its core has. Until that core has come up, what the boot core has: a debugger may ask before.
  private(set) var features: ProcessorFeatures
  /// The guest's debug state, the debugger's steps and the plan.
  var debug: VirtualDebug
  /// The virtual interrupt interface.
  var interrupts = VirtualCPUInterface()
  /// An interrupt may wait that could be delivered. Set by the exits that concern the interrupt controller,
  /// and by a standstill. What another vCPU does comes with a kick, which is such an exit.
  var interruptsAreStale = true
  var exits = ExitCounters()

  /// Why this vCPU stopped the machine, until it is reported or its cause is taken away.
  var stop: StopReason?
  /// What the debugger's server knows of it, and nobody else writes.
  var thread = ThreadState.running
  /// What the debugger wants it to do from the next resumption on. Written by the link core.
  var action = ResumeAction.continue
  /// The same once the standstill ends, until the vCPU's core has seen it.
  var resumption: ResumeAction?
  /// Asked of this core by ``Standstill/perform(_:on:)``.
  var request = ViewRequest(kind: .translate(0))

  /// Where it starts after PSCI CPU_ON, and x0 then.
  var entry: UInt64 = 0
  var entryContext: UInt64 = 0

  init(index: Int, features: ProcessorFeatures, frame: Fixed<TrapFrame>) {
    self.index = index
    self.frame = frame
    self.features = features
    debug = Self.debug(on: features)
  }

  /// Begins what the debugger wants it to do, if that is new.
  mutating func takeResumption() {
    guard let action = resumption else { return }
    resumption = nil
    // A step that another vCPU's stop overtook is over as well: nobody waits for it any more.
    if action == .step { debug.requestStep() } else { debug.cancelStep() }
  }

  /// Takes note of what its core has, on that core when it comes up, before anything of the guest's is in `debug`.
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
}
