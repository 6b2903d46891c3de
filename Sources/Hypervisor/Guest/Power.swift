internal import EL2Support

/// The guest's PSCI calls, and firmware calls in general.
enum Power {
  /// What a secondary core finds at the address that it is started with (`Boot.S` has the offsets).
  struct SecondaryBoot {
    var mair: UInt64
    var tcr: UInt64
    var ttbr0: UInt64
    var sctlr: UInt64
    var stackTop: UInt64
    var core: UInt64
  }

  /// Completes an SMC or HVC with its arguments in `frame`.
  ///
  /// - Parameter isSMC: what is not PSCI's is passed on to firmware if it is an SMC, and unknown if
  ///   it is an HVC, for there is no other hypervisor.
  static func call(_ vcpu: Fixed<VCPU>, _ frame: Fixed<TrapFrame>, isSMC: Bool) {
    let x0 = frame.value.x[0]
    if PSCI.isPSCI(x0) {
      frame.value.x[0] = psci(vcpu, frame)
    } else if isSMC && firmwareIsPresent {
      passOn(frame)
    } else {
      // SMCCC, "unknown function": -1 in the width of the call.
      frame.value.x[0] = PSCI.Status.notSupported.value
    }
  }

  /// Firmware that answers SMC: EL3, or QEMU in its place.
  private static var firmwareIsPresent: Bool { EL2.shared.value.machine.firmwareAnswersSMC }

  private static func passOn(_ frame: Fixed<TrapFrame>) {
    // x0 to x17 are arguments and results (SMCCC 1.1 and later keep the rest of them); they are the
    // first of the frame, in order.
    unsafe el2_smc(frame.rawPointer.assumingMemoryBound(to: UInt64.self))
  }

  private static func smc(
    _ function: UInt64, _ x1: UInt64 = 0, _ x2: UInt64 = 0, _ x3: UInt64 = 0
  ) -> UInt64 {
    guard firmwareIsPresent else { return PSCI.Status.notSupported.value }
    var registers = InlineArray<18, UInt64>(repeating: 0)
    registers[0] = function
    registers[1] = x1
    registers[2] = x2
    registers[3] = x3
    var span = registers.mutableSpan
    // The assembly reads and writes 18 doublewords, which is what the span has.
    unsafe span.withUnsafeMutableBufferPointer { unsafe el2_smc($0.baseAddress) }
    return registers[0]
  }

  private static func psci(_ vcpu: Fixed<VCPU>, _ frame: Fixed<TrapFrame>) -> UInt64 {
    let x1 = frame.value.x[1]
    guard let function = PSCI.Function(x0: frame.value.x[0]) else {
      return PSCI.Status.notSupported.value
    }
    switch function {
    case .version: return PSCI.version
    case .features: return features(x1)
    case .migrateInfoType: return PSCI.migrationNotRequired
    case .cpuOn:
      return turnOn(affinity: x1, entry: frame.value.x[2], context: frame.value.x[3]).value
    case .cpuOff:
      // The core stays in EL2's waiting loop, from where CPU_ON takes it up again.
      EL2.shared.value.interrupts.stopOnThisCore(&vcpu.value.interrupts)
      CoreWord.power.store(vcpu.value.index, PSCI.Power.off.rawValue)
      return PSCI.Status.success.value
    case .affinityInfo: return affinityInfo(x1, level: frame.value.x[2])
    case .cpuSuspend:
      // Standby whatever is asked for: it may return at any time, and state is kept. A pending
      // interrupt of the guest's ends it, as does anything that EL2 has to see to.
      EL2.shared.value.interrupts.synchronize(&vcpu.value.interrupts)
      if !EL2.shared.value.interrupts.hasPendingVirtualInterrupt(
        vcpu.value.interrupts)
      {
        el2_wfi()
      }
      return PSCI.Status.success.value
    case .systemOff, .systemReset, .systemReset2:
      CoreWord.ending.store(EL2.shared.value.linkCore, UInt32(vcpu.value.index) &+ 1)
      Standstill.kick(EL2.shared.value.linkCore)
      endIfAsked()
      // The link core does it; this one has nothing more to do.
      while true { el2_wfi() }
    }
  }

  @_optimize(size)
  private static func features(_ id: UInt64) -> UInt64 {
    if UInt32(truncatingIfNeeded: id) == UInt32(PSCI.smcccVersion) {
      return smc(UInt64(PSCI.Function.features.rawValue), PSCI.smcccVersion)
    }
    guard let function = PSCI.Function(x0: id) else { return PSCI.Status.notSupported.value }
    switch function {
    case .systemReset2:
      return smc(UInt64(PSCI.Function.features.rawValue), id)
    default: return PSCI.Status.success.value
    }
  }

  private static func turnOn(affinity: UInt64, entry: UInt64, context: UInt64) -> PSCI.Status {
    let shared = EL2.shared
    guard let target = shared.value.machine.vcpu(affinity: affinity) else {
      return .invalidParameters
    }
    guard entry & 3 == 0, shared.value.machine.isGuestMemory(entry) else { return .invalidAddress }
    // Two vCPUs may want to turn the same one on; the first to say so does it.
    switch CoreWord.power.exchange(target, PSCI.Power.onPending.rawValue) {
    case PSCI.Power.on.rawValue:
      CoreWord.power.store(target, PSCI.Power.on.rawValue)
      return .alreadyOn
    case PSCI.Power.onPending.rawValue: return .onPending
    default: break
    }
    let vcpu = EL2.vcpu(target)
    vcpu.value.entry = entry
    vcpu.value.entryContext = context
    if CoreWord.isAlive.load(target) != 0 {
      Standstill.kick(target)
      return .success
    }
    let status = startCore(target, affinity: affinity)
    if status != .success { CoreWord.power.store(target, PSCI.Power.off.rawValue) }
    return status
  }

  /// Has firmware start a physical core, in EL2.
  @_optimize(size)
  private static func startCore(_ core: Int, affinity: UInt64) -> PSCI.Status {
    let stackTop = EL2.stackTop(of: core)
    // The record lies at the far end of the core's own stack, which is not in use yet.
    let record = stackTop &- EL2.stackSize &+ EL2.stackGuard
    Fixed<SecondaryBoot>(at: record).initialize(
      to: SecondaryBoot(
        mair: el2_read_mair_el2(), tcr: el2_read_tcr_el2(), ttbr0: el2_read_ttbr0_el2(),
        sctlr: el2_read_sctlr_el2(), stackTop: UInt64(stackTop), core: UInt64(core)))
    // The core reads it with its MMU off, past the caches.
    GuestMemory.cleanToCoherency(
      UInt64(record), count: UInt64(MemoryLayout<SecondaryBoot>.size))
    let result = smc(
      PSCI.Function.cpuOn.smc64, affinity, UInt64(el2_address_of_el2_secondary_entry()),
      UInt64(record))
    return PSCI.Status(result: result)
  }

  private static func affinityInfo(_ affinity: UInt64, level: UInt64) -> UInt64 {
    guard level == 0, let vcpu = EL2.shared.value.machine.vcpu(affinity: affinity) else {
      return PSCI.Status.invalidParameters.value
    }
    return UInt64(CoreWord.power.load(vcpu))
  }

  /// On the link core: ends the machine if a vCPU has called for it, once the debugger is told.
  static func endIfAsked() {
    let core = EL2.current.value.index
    guard core == EL2.shared.value.linkCore else { return }
    let caller = CoreWord.ending.load(core)
    guard caller != 0 else { return }
    DebugServer.machineEnds()
    if firmwareIsPresent { passOn(EL2.vcpu(Int(caller) &- 1).value.frame) }
    // Firmware that is not there or refuses leaves a machine that its guest wanted to end: nothing runs any more.
    while true { el2_wfi() }
  }
}
