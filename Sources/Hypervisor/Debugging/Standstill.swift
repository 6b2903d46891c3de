/// How all vCPUs are brought to a standstill and let go again.
///
/// A vCPU executes guest code only while nobody asks for a ``CoreWord/standstill``, its own
/// ``CoreWord/mayRun`` is 1 and its power is on. Whoever wants the machine to stand still sets the one
/// word and kicks the cores. Each core finds it on its way back to the guest and waits in
/// ``waitUntilRunnable(_:)``. There is no other way to the guest, so nothing moves once every core is
/// parked. Letting go clears the same word: a vCPU that stops at once, while others are still being
/// woken, stops them too.
///
/// The core that the debug link's interrupt goes to, the one that booted, serves the debugger while
/// it waits. For that reason it is never switched off: a vCPU that turns itself off waits there too.
struct Standstill<Machine: Platform> {
  let cores: Machine

  init(_ cores: Machine) { self.cores = cores }

  /// Asks every vCPU to stand still. Any core may.
  func begin() {
    cores.store(.standstill, of: 0, 1)
    kickOthers()  // mutant: beginKicks
  }

  /// Says whether `vcpu` runs once the standstill ends.
  func setMayRun(_ vcpu: Int, _ mayRun: Bool) {
    cores.store(.mayRun, of: vcpu, mayRun ? 1 : 0)
  }

  /// Lets those run that may. Only the link core does this, when everything stands still.
  func end() {
    cores.store(.standstill, of: 0, 0)
    kickOthers()
  }

  /// Whether no vCPU can move.
  var isComplete: Bool {
    guard cores.load(.standstill, of: 0) != 0 else { return false }
    for core in 0..<cores.count {
      // A core that has not come up executes nothing, and parks before it does.
      // mutant: aliveOnly
      if cores.load(.isAlive, of: core) != 0 && cores.load(.isParked, of: core) == 0 {
        return false
      }
    }
    return true
  }

  private func kickOthers() {
    let own = cores.current
    for core in 0..<cores.count where core != own { kick(core) }
  }

  /// Interrupts the core of `vcpu`, if it has come up, so that it looks at its words.
  func kick(_ vcpu: Int) {
    guard cores.load(.isAlive, of: vcpu) != 0 else { return }
    cores.interrupt(vcpu)
  }

  private func isRunnable(_ core: Int) -> Bool {
    cores.load(.standstill, of: 0) == 0 && cores.load(.mayRun, of: core) != 0
      && cores.isOn(core) && cores.load(.ending, of: core) == 0
  }

  /// Whether the core of `vcpu`, which executes this and whose vCPU runs, is asked for more than interrupts: to stand
  /// still, or to end the machine.
  func calls(_ vcpu: Fixed<VCPU>) -> Bool {
    cores.load(.standstill, of: 0) != 0
      || cores.load(.someEnding, of: 0) != 0 && vcpu.value.index == cores.linkCore
  }

  /// Returns when this core's vCPU may execute guest code.
  func waitUntilRunnable(_ vcpu: Fixed<VCPU>) {
    let core = vcpu.value.index
    if isRunnable(core) { return }
    vcpu.value.interruptsAreStale = true
    let isOn = cores.isOn(core)
    // The debugger may ask what is free, on every vCPU. One that is off starts from reset values.
    if isOn { cores.captureGuestState(of: vcpu) }
    var hardware = cores.counters
    let counters = GuestCounters.stop(isOn: isOn, on: &hardware)
    cores.beginWaiting(vcpu)
    repeat {
      cores.store(.isParked, of: core, 1)
      if core != cores.linkCore { kick(cores.linkCore) }
      while !isRunnable(core) { wait(vcpu, core) }
      cores.store(.isParked, of: core, 0)
      // Whoever asked for a standstill meanwhile may have seen this core still parked.
    } while !isRunnable(core)  // mutant: looksAgain
    cores.endWaiting(vcpu)
    counters.start(on: &hardware)
    cores.setVirtualOffset(cores.clock.offset)
  }

  /// The same for a core that has just come up.
  func waitUntilFirstRunnable(_ vcpu: Fixed<VCPU>) {
    waitUntilRunnable(vcpu)
    // A standstill does not wait for a core that has not come up, so the machine may have been stopped and let go
    // since. It cannot be from here on: this core counts, and it is not parked.
    // mutant: firstOffset
    cores.setVirtualOffset(cores.clock.offset)
  }

  /// One turn of the waiting loop.
  private func wait(_ vcpu: Fixed<VCPU>, _ core: Int) {
    // Before the words are looked at: a kick that comes later ends the WFI.
    cores.takeOwnInterrupt(vcpu)
    if core == cores.linkCore {
      cores.serveDebugger()
      // A vCPU that runs may end the machine while the debugger holds this one, or it is off.
      Power(cores).endIfAsked()
    } else {
      ViewRequest.answer(vcpu, on: cores)
    }
    // A vCPU that was turned off and is wanted again.
    if cores.power(of: core) == .onPending { Power(cores).powerUp(vcpu) }
    if !isRunnable(core) { cores.waitForInterrupt() }
  }
}

/// The guest's time: virtual counter = physical counter - offset. The offset, one for all vCPUs, grows
/// by the length of each standstill, so that timeouts and watchdogs of the guest do not see it.
struct GuestClock {
  private(set) var offset: UInt64 = 0
  /// When the standstill began, while there is one.
  private var stoppedAt: UInt64?

  /// Every vCPU stands still now. The caller must not call this earlier: the last vCPU to park has read the
  /// counter until then, and time must not run backwards for it. Another stop that waited to be reported
  /// moves nothing: the machine has stood still since the first call.
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
