/// What a guest's PSCI call is answered from: the power states of the vCPUs, the guest's memory, and the
/// firmware below. At EL2 it is ``GuestMachine``.
protocol PSCIMachine {
  var vcpuCount: Int { get }
  /// The vCPU of that affinity, or nil. Bits that are not of an affinity field are 0.
  func vcpu(affinity: UInt64) -> Int?
  /// Whether the guest's RAM has a byte at `address`.
  func isGuestMemory(_ address: UInt64) -> Bool

  /// Somebody answers an SMC of EL2's.
  var hasFirmware: Bool { get }
  /// Somebody can switch the machine off and reset it: firmware, or a device in its place.
  var canEnd: Bool { get }
  /// What firmware says of CPU_SUSPEND's argument.
  var powerStateFormat: PSCI.PowerState.Format { get }
  /// Firmware's answer; NOT_SUPPORTED where there is none.
  func callFirmware(_ call: PSCI.Call) -> UInt64

  func power(of vcpu: Int) -> PSCI.Power
  func setPower(of vcpu: Int, _ power: PSCI.Power)
  /// Runs `body` while no other core does the same: what it sees of the vCPUs' power goes on being true.
  /// For a few instructions only; the others spin.
  func withPowerLocked<Result>(_ body: () -> Result) -> Result

  /// Has `vcpu` begin at `entry` with x0 = `context` when it is started. It is ``PSCI/Power/off``, for its
  /// core may begin as soon as it is ``PSCI/Power/onPending``, and the caller holds the lock.
  func prepare(_ vcpu: Int, entry: UInt64, context: UInt64)
  /// Has the core of `vcpu`, which is ``PSCI/Power/onPending`` now, begin.
  func start(_ vcpu: Int) -> PSCI.Status
  /// Takes the calling vCPU, which is ``PSCI/Power/turningOff``, out of what runs.
  func stop(_ vcpu: Int)
  /// Waits in standby until an interrupt is pending for the calling vCPU, or for any shorter time.
  func standBy(_ vcpu: Int)
  /// Has the machine ended, as `vcpu` asks by `call`. Should that return, firmware's answer is in
  /// the vCPU's x0, and the vCPU goes on.
  func end(_ call: PSCI.Call, for vcpu: Int)
  /// Says on the console that there is nobody to end the machine.
  func cannotEnd()
}

extension PSCI {
  /// Does what a guest calls for, and says what x0 becomes; nil if ``PSCIMachine/end(_:for:)`` does.
  ///
  /// The answers are those of the specification's section 5, the order of checks is that of Arm's own
  /// firmware: parameters, then addresses, then states.
  ///
  /// - Parameter isSMC: whether the guest has called by SMC, the one way to what firmware answers; or by HVC.
  static func answer<Machine: PSCIMachine>(
    _ call: Call, by caller: Int, isSMC: Bool, on machine: Machine
  ) -> UInt64? {
    guard let function = Function(x0: UInt64(call.id)) else { return Status.notSupported.value }
    switch function {
    case .version: return version
    case .features:
      let id = UInt32(truncatingIfNeeded: call.x1)
      // A caller by HVC that is told of SMCCC_VERSION calls that by HVC, and takes -1 for a version.
      guard isSMC || id != UInt32(smcccVersion) else { return Status.notSupported.value }
      return features(id, machine)
    case .migrateInfoType: return migrationNotRequired
    case .cpuOn: return turnOn(call, machine).value
    case .cpuOff: return turnOff(caller, machine).value
    case .affinityInfo: return affinityInfo(call, machine)
    case .cpuSuspend: return suspend(call, caller, machine).value
    case .memProtect, .memProtectCheckRange: return value(result: machine.callFirmware(call))
    case .systemOff, .systemReset: break
    case .systemReset2:
      // What cannot be meant is refused before the debugger is told that the machine ends.
      guard features(call.id, machine) == Status.success.value else {
        return Status.notSupported.value
      }
      let type = UInt32(truncatingIfNeeded: call.x1)
      // SYSTEM_WARM_RESET is the one architectural type; bit 31 says that the type is a vendor's.
      guard type == 0 || type & 1 &<< 31 != 0 else { return Status.invalidParameters.value }
    }
    guard machine.canEnd else {
      machine.cannotEnd()
      return Status.notSupported.value
    }
    machine.end(call, for: caller)
    return nil
  }

  /// PSCI_FEATURES: what calling `id` would meet.
  private static func features<Machine: PSCIMachine>(
    _ id: UInt32, _ machine: Machine
  ) -> UInt64 {
    if id != UInt32(smcccVersion) {
      guard let function = Function(x0: UInt64(id)) else { return Status.notSupported.value }
      switch function {
      case .systemReset2, .memProtect, .memProtectCheckRange: break
      case .systemOff, .systemReset:
        return (machine.canEnd ? Status.success : .notSupported).value
      case .cpuSuspend:
        // Bit 1: the format of power_state. Bit 0: the operating system coordinates; not here.
        return machine.powerStateFormat == .extended ? 0b10 : 0
      default: return Status.success.value
      }
    }
    return value(
      result: machine.callFirmware(Call(x0: UInt64(Function.features.rawValue), UInt64(id))))
  }

  private static func canBegin<Machine: PSCIMachine>(
    at entry: UInt64, _ machine: Machine
  ) -> Bool {
    entry & 3 == 0 && machine.isGuestMemory(entry)
  }

  private static func turnOn<Machine: PSCIMachine>(
    _ call: Call, _ machine: Machine
  ) -> Status {
    guard let target = machine.vcpu(affinity: call.x1) else { return .invalidParameters }
    guard canBegin(at: call.x2, machine) else { return .invalidAddress }
    // Two vCPUs may want to turn the same one on; the first to say so does it.
    let found = machine.withPowerLocked {
      let power = machine.power(of: target)
      if power == .off {
        // mutant: preparesBeforeOnPending
        machine.prepare(target, entry: call.x2, context: call.x3)
        machine.setPower(of: target, .onPending)
      }
      return power
    }
    switch found {
    case .on, .turningOff: return .alreadyOn
    case .onPending: return .onPending
    case .off: break
    }
    let status = machine.start(target)
    if status != .success {
      machine.withPowerLocked { machine.setPower(of: target, .off) }
    }
    return status
  }

  private static func turnOff<Machine: PSCIMachine>(
    _ caller: Int, _ machine: Machine
  ) -> Status {
    // The last one that is on may not: nobody could ever turn one on again. Looked at and done in one,
    // for two vCPUs may both be the last but one.
    let isLast = machine.withPowerLocked {
      for other in 0..<machine.vcpuCount where other != caller {
        let power = machine.power(of: other)
        if power == .on || power == .onPending {
          machine.setPower(of: caller, .turningOff)  // mutant: turnsOffInTwoSteps
          return false
        }
      }
      return true
    }
    guard !isLast else { return .denied }
    machine.stop(caller)
    // Not earlier: a vCPU that is off may be taken up by CPU_ON at once.
    machine.withPowerLocked { machine.setPower(of: caller, .off) }
    return .success
  }

  private static func suspend<Machine: PSCIMachine>(
    _ call: Call, _ caller: Int, _ machine: Machine
  ) -> Status {
    let state = PowerState(
      rawValue: UInt32(truncatingIfNeeded: call.x1), format: machine.powerStateFormat)
    guard state.isValid else { return .invalidParameters }
    // Standby whatever is asked for: a state that is less deep is always allowed, and a power-down that
    // an interrupt overtakes returns as well (section 5.4.5).
    guard !state.isPowerDown || canBegin(at: call.x2, machine) else { return .invalidAddress }
    machine.standBy(caller)
    return .success
  }

  private static func affinityInfo<Machine: PSCIMachine>(
    _ call: Call, _ machine: Machine
  ) -> UInt64 {
    // Levels above 0 are optional since PSCI 1.0.
    guard UInt32(truncatingIfNeeded: call.x2) == 0, let vcpu = machine.vcpu(affinity: call.x1)
    else {
      return Status.invalidParameters.value
    }
    return machine.power(of: vcpu).affinityInfo
  }
}
