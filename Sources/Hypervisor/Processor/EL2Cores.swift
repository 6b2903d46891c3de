internal import ArmDebug
internal import EL2Support
internal import NestedDebug
internal import RemoteProtocol

/// The hardware's cores, and EL2's state at the places that the linker script gives it. A value of this type is
/// made where an exception or the boot enters EL2, and handed on from there.
struct EL2Cores {
  /// What all cores share.
  var shared: Fixed<SharedState> { EL2.shared }
  /// The vCPU of the core that executes this.
  var currentVCPU: Fixed<VCPU> { EL2.current }
}

extension EL2Cores: Cores {
  var count: Int { shared.value.machine.vcpuCount }

  var current: Int { currentVCPU.value.index }

  func load(_ word: CoreWord, of core: Int) -> UInt32 {
    el2_word_load(UInt32(truncatingIfNeeded: core), word.rawValue)
  }

  func store(_ word: CoreWord, of core: Int, _ value: UInt32) {
    el2_word_store(UInt32(truncatingIfNeeded: core), word.rawValue, value)
  }

  func exchange(_ word: CoreWord, of core: Int, _ value: UInt32) -> UInt32 {
    el2_word_exchange(UInt32(truncatingIfNeeded: core), word.rawValue, value)
  }

  func compareExchange(
    _ word: CoreWord, of core: Int, from expected: UInt32, to new: UInt32
  ) -> Bool {
    el2_word_compare_exchange(
      UInt32(truncatingIfNeeded: core), word.rawValue, expected, new) != 0
  }

  func interrupt(_ core: Int) { shared.value.interrupts.kick(core) }

  func waitForInterrupt() { el2_wfi() }

  func yield() { el2_yield() }

  var counter: UInt64 { el2_read_cntpct_el0() }

  var counterFrequency: UInt64 { el2_read_cntfrq_el0() }
}

extension EL2Cores: Platform {
  // MARK: State

  func vcpu(_ index: Int) -> Fixed<VCPU> { EL2.vcpu(index) }

  var linkCore: Int { shared.value.linkCore }

  var clock: GuestClock {
    get { shared.value.clock }
    nonmutating set { shared.value.clock = newValue }
  }

  var requests: Fixed<DebugRequests> { EL2.requests }

  var devices: GuestDevices {
    get { shared.value.devices }
    nonmutating set { shared.value.devices = newValue }
  }

  var packetClock: PacketClock {
    get { shared.value.packetClock }
    nonmutating set { shared.value.packetClock = newValue }
  }

  // MARK: The core that executes this, and its vCPU

  var counters: CoreCounters { CoreCounters(isThere: currentVCPU.value.features.pmu != 0) }

  var viewHardware: CoreViewHardware { CoreViewHardware(cores: self) }

  func captureGuestState(of vcpu: Fixed<VCPU>) {
    var hardware = CoreDebugHardware()
    vcpu.value.debug.captureGuestState(hardware: &hardware)
  }

  func beginWaiting(_ vcpu: Fixed<VCPU>) {
    shared.value.interrupts.beginWaiting(&vcpu.value.interrupts)
  }

  func takeOwnInterrupt(_ vcpu: Fixed<VCPU>) {
    shared.value.interrupts.takeOwnInterrupt(&vcpu.value.interrupts)
  }

  func endWaiting(_ vcpu: Fixed<VCPU>) {
    shared.value.interrupts.endWaiting(&vcpu.value.interrupts)
  }

  func setVirtualOffset(_ offset: UInt64) { el2_write_cntvoff_el2(offset) }

  func resetGuestRegisters(of vcpu: Fixed<VCPU>) {
    el2_write_sctlr_el1(ControlRegisters.guestSCTLR)
    el2_write_cpacr_el1(0)
    el2_write_tcr_el1(0)
    el2_write_ttbr0_el1(0)
    el2_write_ttbr1_el1(0)
    el2_write_vbar_el1(0)
    el2_write_cntkctl_el1(0)
    el2_write_cntv_ctl_el0(0)
    el2_write_cntp_ctl_el0(0)
    shared.value.interrupts.startVCPU(&vcpu.value.interrupts)
  }

  func stopInterrupts(of vcpu: Fixed<VCPU>) {
    shared.value.interrupts.stopVCPU(&vcpu.value.interrupts)
  }

  func standBy(_ vcpu: Fixed<VCPU>) {
    shared.value.interrupts.synchronize(&vcpu.value.interrupts)
    if !shared.value.interrupts.hasPendingVirtualInterrupt(vcpu.value.interrupts) { el2_wfi() }
  }

  // MARK: The guest's machine, and the firmware below

  func vcpu(affinity: UInt64) -> Int? { shared.value.machine.vcpu(affinity: affinity) }

  func isGuestMemory(_ address: UInt64) -> Bool {
    shared.value.machine.isGuestMemory(PhysicalAddress(address))
  }

  var addressSpace: GuestAddressSpace<CoreAddressHardware> { .ofThisCore }

  func isGuests(_ physical: PhysicalAddress) -> Bool {
    !shared.value.machine.owned.isHidden(physical)
  }

  var hasTrustedOS: Bool { shared.value.machine.hasTrustedOS }

  var hasFirmware: Bool { shared.value.machine.firmwareAnswersSMC }

  var powerStateFormat: PSCI.PowerState.Format { shared.value.powerStateFormat }

  func callFirmware(_ call: PSCI.Call) -> UInt64 {
    hasFirmware ? Firmware.smc(call) : PSCI.Status.notSupported.value
  }

  var canEndMachine: Bool { hasFirmware || shared.value.machine.powerManager != nil }

  func endMachine(_ call: PSCI.Call) -> UInt64 {
    guard !hasFirmware, let manager = shared.value.machine.powerManager else {
      return callFirmware(call)
    }
    var registers = CorePowerRegisters()
    manager.end(isOff: PSCI.Function(x0: UInt64(call.id)) == .systemOff, by: &registers)
    // A second is plenty.
    let start = counter
    while counter &- start < counterFrequency { yield() }
    return PSCI.Status.internalFailure.value
  }

  func passToFirmware(_ frame: Fixed<TrapFrame>) { Firmware.pass(frame) }

  func startCore(_ core: Int) -> PSCI.Status {
    let place = shared.value.pen.place(of: core)
    if place.value.isCalled != 0 {
      SecondaryBoot.release(core, from: place, stackTop: shared.value.stacks.top(of: core))
      return .success
    }
    guard hasFirmware else { return .notSupported }
    return PSCI.Status(
      result: SecondaryBoot.start(
        core, affinity: shared.value.machine.affinities[core],
        stackTop: shared.value.stacks.top(of: core)))
  }

  // MARK: The way to people

  /// Makes the debugger's server, and its requests: none. On the boot core, once.
  func startServer(link: consuming DebugLinkDriver, machineIsHeld: Bool) {
    EL2.initializeRequests()
    switch consume link {
    case .virtio(let link):
      EL2.virtioServer.initialize(to: DebugServer(self, link: link, machineIsHeld: machineIsHeld))
    case .serial(let link):
      EL2.serialServer.initialize(to: DebugServer(self, link: link, machineIsHeld: machineIsHeld))
    }
  }

  func serveDebugger() {
    if shared.value.machine.link.isSerial {
      EL2.serialServer.value.serve()
    } else {
      EL2.virtioServer.value.serve()
    }
  }

  func tellDebuggerOfEnd() {
    if shared.value.machine.link.isSerial {
      EL2.serialServer.value.machineEnds()
    } else {
      EL2.virtioServer.value.machineEnds()
    }
  }

  func say(_ text: StaticString) {
    var console = FaultConsole.current
    console.write(text)
  }
}
