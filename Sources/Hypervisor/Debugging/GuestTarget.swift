internal import ArmDebug
internal import NestedDebug
internal import RemoteProtocol

/// The guest as the protocol server sees it. It belongs to the link core, and touches other vCPUs
/// while they stand still.
struct GuestTarget<Machine: Platform>: Target {
  let cores: Machine
  /// The machine has not run yet.
  private var isHeld: Bool
  /// The vCPU of the last stop that one caused.
  private var lastStop = 0

  init(_ cores: Machine, isHeld: Bool) {
    self.cores = cores
    self.isHeld = isHeld
  }

  // MARK: vCPUs

  var vcpuCount: Int { cores.count }

  func isPoweredOn(_ vcpu: Int) -> Bool { cores.isOn(vcpu) }

  func core(of vcpu: Int) -> Int { vcpu }

  mutating func writeStatus(of vcpu: Int, to output: inout some TextOutput & ~Copyable) {
    output.write("vCPU ")
    output.write(decimal: UInt64(vcpu))
    guard isPoweredOn(vcpu) else {
      output.write(", off")
      return
    }
    output.write(", EL")
    let pstate = cores.vcpu(vcpu).value.frame.value.context.pstate
    output.write(decimal: UInt64(pstate.el.rawValue))
    if pstate.isAArch32 { output.write(" AArch32") }
    output.write(cores.vcpu(vcpu).value.debug.mode == .shared ? ", shared" : ", native")
  }

  // MARK: Running and standing still

  mutating func stopAll() { Standstill(cores).begin() }

  mutating func setAction(_ action: ResumeAction, for vcpu: Int) {
    cores.vcpu(vcpu).value.action = action
  }

  func action(of vcpu: Int) -> ResumeAction { cores.vcpu(vcpu).value.action }

  func state(of vcpu: Int) -> ThreadState { cores.vcpu(vcpu).value.thread }

  mutating func setState(_ state: ThreadState, of vcpu: Int) {
    cores.vcpu(vcpu).value.thread = state
  }

  mutating func resume() {
    isHeld = false
    for vcpu in 0..<vcpuCount where action(of: vcpu) != .hold && isPoweredOn(vcpu) {
      // Not for those that are held: a debugger takes its points away while it steps another vCPU,
      // and puts them back before it lets these go on.
      dropStopWithoutCause(vcpu)
      // One that is still to be reported: nothing runs, and it is reported now.
      if cores.vcpu(vcpu).value.stop != nil { return }
    }
    cores.clock.start(at: cores.counter)
    let standstill = Standstill(cores)
    for vcpu in 0..<vcpuCount {
      let action = action(of: vcpu)
      cores.vcpu(vcpu).value.resumption = action
      standstill.setMayRun(vcpu, action != .hold)
    }
    standstill.end()
  }

  /// Takes the reason of the standstill that is reported next.
  mutating func takeStop() -> StopEvent {
    if isHeld { return StopEvent(vcpu: cores.linkCore, cause: .held) }
    // Round robin, so that a vCPU that stops all the time does not hide another's stop for ever.
    for distance in 1...vcpuCount {
      let vcpu = (lastStop &+ distance) % vcpuCount
      let state = cores.vcpu(vcpu)
      guard action(of: vcpu) != .hold, let reason = state.value.stop else { continue }
      state.value.stop = nil
      lastStop = vcpu
      return StopEvent(vcpu: vcpu, cause: cause(of: reason))
    }
    // The server names one that was to run.
    return StopEvent(vcpu: lastStop, cause: .interrupted)
  }

  var canReset: Bool { cores.canEndMachine }

  /// As a guest that calls SYSTEM_RESET does, but from the link core itself: no debugger waits to be
  /// told.
  mutating func reset() {
    _ = cores.endMachine(PSCI.Call(x0: UInt64(PSCI.Function.systemReset.rawValue)))
  }

  mutating func writeNotice(
    beside stop: StopEvent, to output: inout some TextOutput & ~Copyable
  ) {
    for vcpu in 0..<vcpuCount {
      MissedReport.write(cores.vcpu(vcpu), cores.requests, to: &output)
      cores.vcpu(vcpu).value.debug.forgetMissed()
    }
    explainWatch(of: stop, to: &output)
  }

  /// A debugger that watches a device register cannot see it change while its memory packets do not reach it.
  private mutating func explainWatch(
    of stop: StopEvent, to output: inout some TextOutput & ~Copyable
  ) {
    guard case .watchpoint(_, let address) = stop.cause, !cores.devices.isOn,
      !cores.devices.watchIsExplained, case .other? = try? destination(of: address, of: stop.vcpu)
    else { return }
    cores.devices.watchIsExplained = true
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
    Monitor(cores).run(command, output: &output)
  }
}
