internal import ArmDebug
internal import EL2Support
internal import NestedDebug
internal import RemoteProtocol

/// The guest as the protocol server sees it. It belongs to the link core, and touches other vCPUs
/// while they stand still.
struct GuestTarget: Target {
  /// The current standstill has been reported to the server.
  var standstillIsReported = false
  /// The machine has not run yet.
  private var isHeld: Bool
  /// The vCPU of the last stop that one caused.
  private var lastStop = 0

  init(isHeld: Bool) { self.isHeld = isHeld }

  // MARK: vCPUs

  var vcpuCount: Int { EL2.shared.value.machine.vcpuCount }

  func isPoweredOn(_ vcpu: Int) -> Bool {
    CoreWord.power.load(vcpu) == PSCI.Power.on.rawValue
  }

  func core(of vcpu: Int) -> Int { vcpu }

  mutating func writeStatus(of vcpu: Int, to output: inout some TextOutput & ~Copyable) {
    output.write("vCPU ")
    output.write(decimal: UInt64(vcpu))
    guard isPoweredOn(vcpu) else {
      output.write(", off")
      return
    }
    output.write(", EL")
    let pstate = EL2.vcpu(vcpu).value.frame.value.context.pstate
    output.write(decimal: UInt64(pstate.el.rawValue))
    if pstate.isAArch32 { output.write(" AArch32") }
    output.write(EL2.vcpu(vcpu).value.debug.mode == .shared ? ", shared" : ", native")
  }

  // MARK: Running and standing still

  mutating func stopAll() { Standstill.begin() }

  mutating func setAction(_ action: ResumeAction, for vcpu: Int) {
    actions[vcpu & (maximumVCPUs &- 1)] = action
  }
  private var actions = InlineArray<8, ResumeAction>(repeating: .continue)

  func action(of vcpu: Int) -> ResumeAction { actions[vcpu & (maximumVCPUs &- 1)] }

  mutating func resume() {
    standstillIsReported = false
    isHeld = false
    for vcpu in 0..<vcpuCount where actions[vcpu] != .hold && isPoweredOn(vcpu) {
      // Not for those that are held: a debugger takes its points away while it steps another vCPU,
      // and puts them back before it lets these go on.
      dropStopWithoutCause(vcpu)
      // One that is still to be reported: nothing runs, and it is reported now.
      if EL2.vcpu(vcpu).value.stop != nil { return }
    }
    EL2.shared.value.clock.start(at: el2_read_cntpct_el0())
    for vcpu in 0..<vcpuCount {
      EL2.vcpu(vcpu).value.resumption = actions[vcpu]
      Standstill.setMayRun(vcpu, actions[vcpu] != .hold)
    }
    Standstill.end()
  }

  /// The reason of the standstill that is to be reported, which is thereby taken.
  mutating func takeStop() -> StopEvent {
    if isHeld { return StopEvent(vcpu: EL2.shared.value.linkCore, cause: .held) }
    // Round robin, so that a vCPU that stops all the time does not hide another's stop for ever.
    for distance in 1...vcpuCount {
      let vcpu = (lastStop &+ distance) % vcpuCount
      let state = EL2.vcpu(vcpu)
      guard actions[vcpu] != .hold, let reason = state.value.stop else { continue }
      state.value.stop = nil
      lastStop = vcpu
      return StopEvent(vcpu: vcpu, cause: cause(of: reason))
    }
    // The server names one that was to run.
    return StopEvent(vcpu: lastStop, cause: .interrupted)
  }

  var canReset: Bool { Firmware.isPresent }

  /// As a guest that calls SYSTEM_RESET does, but from the link core itself: no debugger waits to be
  /// told.
  mutating func reset() {
    _ = Firmware.call(PSCI.Call(x0: UInt64(PSCI.Function.systemReset.rawValue)))
  }

  mutating func writeNotice(
    beside stop: StopEvent, to output: inout some TextOutput & ~Copyable
  ) {
    for vcpu in 0..<vcpuCount {
      MissedReport.write(vcpu, to: &output)
      EL2.vcpu(vcpu).value.debug.forgetMissed()
    }
    explainWatch(of: stop, to: &output)
  }

  /// A debugger that watches a device register cannot see it change while its memory packets do not reach it.
  private mutating func explainWatch(
    of stop: StopEvent, to output: inout some TextOutput & ~Copyable
  ) {
    let shared = EL2.shared
    guard case .watchpoint(_, let address) = stop.cause, !shared.value.devices.isOn,
      !shared.value.devices.watchIsExplained, case .other = destination(of: address, of: stop.vcpu)
    else { return }
    shared.value.devices.watchIsExplained = true
    GuestDevices.explainWatch(at: address, to: &output)
  }

  // MARK: Description

  /// Not a Linux triple: LLDB would look for a dynamic loader.
  static var triple: StaticString { "aarch64-none-elf" }

  static var watchpointsStopBeforeAccess: Bool { true }

  mutating func writeTargetDescription(to output: inout some TextOutput & ~Copyable) {
    Hypervisor.writeTargetDescription(to: &output)
  }

  var loadSlide: UInt64? { nil }

  // MARK: The user's own commands

  mutating func monitor(_ command: Span<UInt8>, output: inout some TextOutput & ~Copyable) {
    Monitor.run(command, output: &output)
  }
}
