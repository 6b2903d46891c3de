internal import ArmDebug
internal import NestedDebug

/// The guest's PSCI calls, and firmware calls in general.
struct Power<Machine: Platform> {
  private let cores: Machine

  init(_ cores: Machine) { self.cores = cores }

  /// Completes an SMC or HVC #0 with its arguments in the vCPU's frame.
  ///
  /// - Parameter isSMC: what is not PSCI's is passed on to firmware, as ``FirmwareFilter`` says, if it is
  ///   an SMC, and unknown if it is an HVC, for there is no other hypervisor.
  func call(_ vcpu: Fixed<VCPU>, isSMC: Bool) {
    let frame = vcpu.value.frame
    let decision = FirmwareFilter.decision(
      for: frame.value.x[0], x1: frame.value.x[1], trustedOS: cores.hasTrustedOS)
    switch decision {
    case .psci:
      let answer = PSCI.answer(
        PSCI.Call(frame), by: vcpu.value.index, isSMC: isSMC, on: GuestMachine(cores))
      if let answer { frame.value.x[0] = answer }
    case .pass where isSMC && cores.hasFirmware: cores.passToFirmware(frame)
    case .pass, .notSupported: refuse(frame)
    }
  }

  /// Answers as the SMC Calling Convention has it for an unknown function: -1, in any width.
  func refuse(_ frame: Fixed<TrapFrame>) {
    frame.value.x[0] = PSCI.Status.notSupported.value
  }

  /// On the link core: ends the machine if a vCPU has called for it, once the debugger is told.
  func endIfAsked() {
    guard cores.current == cores.linkCore, cores.load(.someEnding, of: 0) != 0 else { return }
    // First: who calls meanwhile is seen now or sets it again.
    cores.store(.someEnding, of: 0, 0)
    for vcpu in 0..<cores.count where cores.load(.ending, of: vcpu) != 0 { end(for: vcpu) }
  }

  private func end(for vcpu: Int) {
    let frame = cores.vcpu(vcpu).value.frame
    cores.tellDebuggerOfEnd()
    let status = cores.endMachine(PSCI.Call(frame))
    // Firmware refuses. That is the call's answer, as it would be without EL2, and the guest goes on.
    frame.value.x[0] = PSCI.value(result: status)
    sayNotEnded()
    cores.store(.ending, of: vcpu, 0)
    Standstill(cores).kick(vcpu)
  }

  fileprivate func sayNotEnded() {
    cores.say(
      "Stepwell: the firmware does not switch off or reset the machine, although the guest asks for it; the guest goes on.\n"
    )
  }

  /// Puts the vCPU of the executing core at its entry with everything as PSCI and the arm64 boot protocol promise:
  /// EL1 with the MMU off and every exception masked. The rest of its registers is UNKNOWN to the guest, and
  /// cleared so that nothing of EL2 shows.
  func powerUp(_ vcpu: Fixed<VCPU>) {
    var start = TrapFrame(pc: vcpu.value.entry, pstate: .el1Reset)
    start.x[0] = vcpu.value.entryContext
    vcpu.value.frame.initialize(to: start)
    cores.resetGuestRegisters(of: vcpu)
    vcpu.value.debug.reset()
    cores.store(.power, of: vcpu.value.index, PSCI.Power.on.rawValue)
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
struct GuestMachine<Machine: Platform>: PSCIMachine {
  private let cores: Machine

  init(_ cores: Machine) { self.cores = cores }

  var vcpuCount: Int { cores.count }

  func vcpu(affinity: UInt64) -> Int? { cores.vcpu(affinity: affinity) }

  func isGuestMemory(_ address: UInt64) -> Bool { cores.isGuestMemory(address) }

  var hasFirmware: Bool { cores.hasFirmware }

  var canEnd: Bool { cores.canEndMachine }

  var powerStateFormat: PSCI.PowerState.Format { cores.powerStateFormat }

  func callFirmware(_ call: PSCI.Call) -> UInt64 { cores.callFirmware(call) }

  func power(of vcpu: Int) -> PSCI.Power { cores.power(of: vcpu) }

  func setPower(of vcpu: Int, _ power: PSCI.Power) {
    cores.store(.power, of: vcpu, power.rawValue)
  }

  func withPowerLocked<Result>(_ body: () -> Result) -> Result {
    cores.withLock(.powerLock, body)
  }

  func prepare(_ vcpu: Int, entry: UInt64, context: UInt64) {
    // Stored before the state, which is a release: the core reads both after it has read that.
    let vcpu = cores.vcpu(vcpu)
    vcpu.value.entry = entry
    vcpu.value.entryContext = context
  }

  func start(_ target: Int) -> PSCI.Status {
    guard cores.load(.isAlive, of: target) != 0 else { return cores.startCore(target) }
    Standstill(cores).kick(target)
    return .success
  }

  func stop(_ vcpu: Int) {
    // The core stays in EL2's waiting loop, from where CPU_ON takes it up again.
    cores.stopInterrupts(of: cores.vcpu(vcpu))
  }

  func standBy(_ vcpu: Int) {
    // An interrupt of the guest's ends it, as does anything that EL2 has to see to.
    cores.standBy(cores.vcpu(vcpu))
  }

  func end(_ call: PSCI.Call, for vcpu: Int) {
    // The link core does it; until then this one waits as in a standstill.
    cores.store(.ending, of: vcpu, 1)
    cores.store(.someEnding, of: 0, 1)
    Standstill(cores).kick(cores.linkCore)
    Power(cores).endIfAsked()
  }

  func cannotEnd() {
    cores.say(
      "Stepwell: there is no firmware that could switch this machine off or reset it, for which the guest asks: switch its power off and on; the guest goes on.\n"
    )
  }
}
