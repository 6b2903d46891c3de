internal import EL2Support
internal import NestedDebug

/// How all vCPUs are brought to a standstill and let go again.
///
/// A vCPU executes guest code only while nobody asks for a ``CoreWord/standstill``, its own
/// ``CoreWord/mayRun`` is 1 and its power is on. Whoever wants the machine to stand still sets the one
/// word and kicks the cores; each finds it on its way back to the guest and waits in
/// ``waitUntilRunnable(_:)``. There is no other way to the guest, so once every core is parked nothing
/// moves. Letting go is the clearing of that one word as well: a vCPU that stops at once, while others
/// are still being woken, stops them too.
///
/// The core that the debug link's interrupt goes to, the one that booted, serves the debugger while
/// it waits. It is never switched off for that reason: a vCPU that turns itself off waits there too.
enum Standstill {
  /// Asks every vCPU to stand still. Any core may.
  static func begin() {
    CoreWord.standstill.store(0, 1)
    kickOthers()
  }

  /// Says whether `vcpu` is to run, once the standstill ends.
  static func setMayRun(_ vcpu: Int, _ mayRun: Bool) {
    CoreWord.mayRun.store(vcpu, mayRun ? 1 : 0)
  }

  /// Lets those run that may. Only the link core does this, when everything stands still.
  static func end() {
    CoreWord.standstill.store(0, 0)
    kickOthers()
  }

  /// Whether no vCPU can move.
  static var isComplete: Bool {
    guard CoreWord.standstill.load(0) != 0 else { return false }
    for core in 0..<EL2.shared.value.machine.vcpuCount {
      if CoreWord.isAlive.load(core) != 0 && CoreWord.isParked.load(core) == 0 { return false }
    }
    return true
  }

  static func kickOthers() {
    let own = EL2.current.value.index
    for core in 0..<EL2.shared.value.machine.vcpuCount where core != own { kick(core) }
  }

  /// Interrupts the core of `vcpu`, if it has come up, so that it looks at its words.
  static func kick(_ vcpu: Int) {
    guard CoreWord.isAlive.load(vcpu) != 0 else { return }
    EL2.shared.value.interrupts.kick(vcpu)
  }

  private static func isRunnable(_ core: Int) -> Bool {
    CoreWord.standstill.load(0) == 0 && CoreWord.mayRun.load(core) != 0
      && CoreWord.power.load(core) == PSCI.Power.on.rawValue && !Power.awaitsEnd(core)
  }

  /// Returns when this core's vCPU may execute guest code.
  static func waitUntilRunnable(_ vcpu: Fixed<VCPU>) {
    let core = vcpu.value.index
    if isRunnable(core) { return }
    vcpu.value.interruptsAreStale = true
    // The debugger may ask what is free, on every vCPU. One that is off starts from reset values.
    if CoreWord.power.load(core) == PSCI.Power.on.rawValue {
      var hardware = CoreDebugHardware()
      vcpu.value.debug.captureGuestState(hardware: &hardware)
    }
    let counters = GuestCounters.stop(
      isOn: CoreWord.power.load(core) == PSCI.Power.on.rawValue)
    let isLinkCore = core == EL2.shared.value.linkCore
    EL2.shared.value.interrupts.beginWaiting(&vcpu.value.interrupts)
    repeat {
      CoreWord.isParked.store(core, 1)
      if !isLinkCore { kick(EL2.shared.value.linkCore) }
      while !isRunnable(core) {
        // Before the words are looked at: a kick that comes later wakes the WFI.
        EL2.shared.value.interrupts.takeOwnInterrupt(&vcpu.value.interrupts)
        if isLinkCore {
          DebugServer.serve()
          // A vCPU that runs may end the machine while the debugger holds this one, or it is off.
          Power.endIfAsked()
        } else if CoreWord.request.load(core) != 0 {
          vcpu.value.request.perform()
          CoreWord.request.store(core, 0)
          el2_sev()
        }
        wakeUp(vcpu)
        if !isRunnable(core) { el2_wfi() }
      }
      CoreWord.isParked.store(core, 0)
      // Whoever cleared the word meanwhile may have seen this core still parked.
    } while !isRunnable(core)
    EL2.shared.value.interrupts.endWaiting(&vcpu.value.interrupts)
    counters.start()
    el2_write_cntvoff_el2(EL2.shared.value.clock.offset)
  }

  /// A vCPU that was turned off and is wanted again.
  private static func wakeUp(_ vcpu: Fixed<VCPU>) {
    if CoreWord.power.load(vcpu.value.index) == PSCI.Power.onPending.rawValue {
      vcpu.value.powerUp()
    }
  }

  /// Has `request` done by the core of `vcpu`, which stands still, and returns it as done.
  static func perform(_ request: CoreRequest, on vcpu: Int) -> CoreRequest {
    var request = request
    guard vcpu != EL2.current.value.index else {
      request.perform()
      return request
    }
    // A core that has not come up yet has no registers to show.
    guard CoreWord.isAlive.load(vcpu) != 0 else {
      request.succeeded = false
      return request
    }
    let other = EL2.vcpu(vcpu)
    other.value.request = request
    CoreWord.request.store(vcpu, 1)
    kick(vcpu)
    while CoreWord.request.load(vcpu) != 0 { el2_wfe() }
    return other.value.request
  }
}

/// The guest's time: virtual counter = physical counter - offset. The offset, one for all vCPUs, grows
/// by the length of each standstill, so that timeouts and watchdogs of the guest do not see it.
struct GuestClock {
  private(set) var offset: UInt64 = 0
  /// When the standstill began, while there is one.
  private var stoppedAt: UInt64?

  /// Every vCPU stands still now. (Not earlier: the last to park has read the counter until then, and
  /// time must not run backwards for it.) A machine that stands still already has done so since the
  /// first time: another stop that waited to be reported moves nothing.
  mutating func stop(at now: UInt64) {
    if stoppedAt == nil { stoppedAt = now }
  }

  /// What the guest reads in CNTVCT_EL0 when the physical counter is at `now`: while every vCPU stands still, what
  /// it read last.
  func virtualCount(at now: UInt64) -> UInt64 { (stoppedAt ?? now) &- offset }

  /// The machine goes on.
  mutating func start(at now: UInt64) {
    guard let stoppedAt else { return }
    offset &+= now &- stoppedAt
    self.stoppedAt = nil
  }
}
