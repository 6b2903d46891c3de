internal import EL2Support
internal import RemoteProtocol

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

  /// Completes an SMC or HVC #0 with its arguments in `frame`.
  ///
  /// - Parameter isSMC: what is not PSCI's is passed on to firmware, as ``FirmwareFilter`` says, if it is
  ///   an SMC, and unknown if it is an HVC, for there is no other hypervisor.
  static func call(_ vcpu: Fixed<VCPU>, _ frame: Fixed<TrapFrame>, isSMC: Bool) {
    let decision = FirmwareFilter.decision(
      for: frame.value.x[0], x1: frame.value.x[1],
      trustedOS: EL2.shared.value.machine.hasTrustedOS)
    switch decision {
    case .psci:
      let answer = PSCI.answer(
        PSCI.Call(frame), by: vcpu.value.index, isSMC: isSMC, on: GuestMachine())
      if let answer { frame.value.x[0] = answer }
    case .pass where isSMC && Firmware.isPresent:
      // x0 to x17 are arguments and results: SMCCC 1.0 leaves x4 to x17 UNKNOWN, later versions keep them.
      // They are the first of the frame, in order. Firmware keeps x18 to x30 in every version; the
      // guest's are in the frame. The client ID that SMCCC 1.0 has in W7 goes on as the guest gives it:
      // to firmware there is one client, as there is bare. Firmware that does not return takes the core
      // with it, as it does bare.
      unsafe el2_smc(frame.rawPointer.assumingMemoryBound(to: UInt64.self))
    case .pass, .notSupported:
      refuse(frame)
    }
  }

  /// Answers as the SMC Calling Convention has it for an unknown function: -1, in any width.
  static func refuse(_ frame: Fixed<TrapFrame>) {
    frame.value.x[0] = PSCI.Status.notSupported.value
  }

  /// Whether `vcpu` waits for the machine's end, which it has called for.
  static func awaitsEnd(_ vcpu: Int) -> Bool { CoreWord.ending.load(vcpu) != 0 }

  /// On the link core: ends the machine if a vCPU has called for it, once the debugger is told.
  static func endIfAsked() {
    guard EL2.current.value.index == EL2.shared.value.linkCore else { return }
    for vcpu in 0..<EL2.shared.value.machine.vcpuCount where awaitsEnd(vcpu) { end(for: vcpu) }
  }

  private static func end(for vcpu: Int) {
    let frame = EL2.vcpu(vcpu).value.frame
    DebugServer.machineEnds()
    let status = Firmware.call(PSCI.Call(frame))
    // Firmware refuses. That is the call's answer, as it would be without EL2, and the guest goes on.
    frame.value.x[0] = PSCI.value(result: status)
    sayNotEnded()
    CoreWord.ending.store(vcpu, 0)
    Standstill.kick(vcpu)
  }

  fileprivate static func sayNotEnded() {
    var console = FaultConsole.current
    console.write(
      "Stepwell: the firmware does not switch off or reset the machine, although the guest asks for it; the guest goes on.\n"
    )
  }
}

/// Firmware that answers SMC: EL3, or QEMU in its place.
enum Firmware {
  static var isPresent: Bool { EL2.shared.value.machine.firmwareAnswersSMC }

  /// What it returns in x0; NOT_SUPPORTED where it is not there.
  static func call(_ call: PSCI.Call) -> UInt64 {
    isPresent ? smc(call) : PSCI.Status.notSupported.value
  }

  /// The same before EL2's state is there, for who knows that firmware is.
  static func smc(_ call: PSCI.Call) -> UInt64 {
    var registers = InlineArray<18, UInt64>(repeating: 0)
    registers[0] = UInt64(call.id)
    registers[1] = call.x1
    registers[2] = call.x2
    registers[3] = call.x3
    var span = registers.mutableSpan
    // The assembly reads and writes 18 doublewords, which is what the span has.
    unsafe span.withUnsafeMutableBufferPointer { unsafe el2_smc($0.baseAddress) }
    return registers[0]
  }
}

extension PSCI.Call {
  /// The call that a vCPU makes with these registers.
  fileprivate init(_ frame: Fixed<TrapFrame>) {
    self.init(
      x0: frame.value.x[0], frame.value.x[1], frame.value.x[2], frame.value.x[3])
  }
}

/// The machine that EL2 keeps for the guest, as the guest's PSCI calls see it.
struct GuestMachine: PSCIMachine {
  var vcpuCount: Int { EL2.shared.value.machine.vcpuCount }

  func vcpu(affinity: UInt64) -> Int? { EL2.shared.value.machine.vcpu(affinity: affinity) }

  func isGuestMemory(_ address: UInt64) -> Bool {
    EL2.shared.value.machine.isGuestMemory(PhysicalAddress(address))
  }

  var hasFirmware: Bool { Firmware.isPresent }

  var powerStateFormat: PSCI.PowerState.Format { EL2.shared.value.powerStateFormat }

  func callFirmware(_ call: PSCI.Call) -> UInt64 { Firmware.call(call) }

  func power(of vcpu: Int) -> PSCI.Power {
    PSCI.Power(rawValue: CoreWord.power.load(vcpu)) ?? .off
  }

  func setPower(of vcpu: Int, _ power: PSCI.Power) { CoreWord.power.store(vcpu, power.rawValue) }

  func withPowerLocked<Result>(_ body: () -> Result) -> Result {
    while CoreWord.powerLock.exchange(0, 1) != 0 {}
    defer { CoreWord.powerLock.store(0, 0) }
    return body()
  }

  func prepare(_ vcpu: Int, entry: UInt64, context: UInt64) {
    // Stored before the state, which is a release: the core reads both after it has read that.
    let vcpu = EL2.vcpu(vcpu)
    vcpu.value.entry = entry
    vcpu.value.entryContext = context
  }

  func start(_ target: Int) -> PSCI.Status {
    if CoreWord.isAlive.load(target) != 0 {
      Standstill.kick(target)
      return .success
    }
    return startCore(target)
  }

  /// Has firmware start a physical core, in EL2.
  private func startCore(_ core: Int) -> PSCI.Status {
    let stackTop = EL2.shared.value.stacks.top(of: core)
    // The record lies at the far end of the core's own stack, which is not in use yet.
    let record = stackTop &- CoreStacks.size &+ CoreStacks.guardSize
    // That end of a stack belongs to its core, which does not run.
    unsafe Fixed<Power.SecondaryBoot>(at: record).initialize(
      to: Power.SecondaryBoot(
        mair: el2_read_mair_el2(), tcr: el2_read_tcr_el2(), ttbr0: el2_read_ttbr0_el2(),
        sctlr: el2_read_sctlr_el2(), stackTop: UInt64(stackTop), core: UInt64(core)))
    // The core reads it with its MMU off, past the caches.
    GuestMemory.cleanToCoherency(
      UInt64(record), count: UInt64(MemoryLayout<Power.SecondaryBoot>.size))
    return PSCI.Status(
      result: Firmware.call(
        PSCI.Call(
          x0: PSCI.Function.cpuOn.smc64, EL2.shared.value.machine.affinities[core],
          UInt64(el2_address_of_el2_secondary_entry()), UInt64(record))))
  }

  func stop(_ vcpu: Int) {
    // The core stays in EL2's waiting loop, from where CPU_ON takes it up again.
    EL2.shared.value.interrupts.stopVCPU(&EL2.vcpu(vcpu).value.interrupts)
  }

  func standBy(_ vcpu: Int) {
    // An interrupt of the guest's ends it, as does anything that EL2 has to see to.
    let interrupts = EL2.vcpu(vcpu)
    EL2.shared.value.interrupts.synchronize(&interrupts.value.interrupts)
    if !EL2.shared.value.interrupts.hasPendingVirtualInterrupt(interrupts.value.interrupts) {
      el2_wfi()
    }
  }

  func end(_ call: PSCI.Call, for vcpu: Int) {
    // The link core does it; until then this one waits as in a standstill.
    CoreWord.ending.store(vcpu, 1)
    Standstill.kick(EL2.shared.value.linkCore)
    Power.endIfAsked()
  }

  func cannotEnd() { Power.sayNotEnded() }
}
