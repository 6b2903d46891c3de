import ArmDebug

// The change between native and shared mode, and the order of the writes.
//
// At EL2, PSTATE.D is 1, and MDSCR_EL1.KDE is cleared before MDCR_EL2.TDE is set, so that EL2 itself takes
// no debug exception meanwhile.
extension VirtualDebug {
  /// In native mode, reads the hardware into guest state, so that guest state is current while the guest
  /// stands still. It does not change the hardware.
  public mutating func captureGuestState<Hardware: DebugHardware & ~Copyable>(
    hardware: inout Hardware
  ) {
    guard mode == .native else { return }
    for n in 0..<capabilities.breakpointCount {
      // mutant: capturesBreakpoint
      guest.bank.breakpoints[n].value = capture(.dbgbvr(n), &hardware)
      guest.bank.breakpoints[n].control.rawValue = capture(.dbgbcr(n), &hardware)
    }
    for n in 0..<capabilities.watchpointCount {
      guest.bank.watchpoints[n].value = capture(.dbgwvr(n), &hardware)
      // mutant: capturesWatchpoint
      guest.bank.watchpoints[n].control.rawValue = capture(.dbgwcr(n), &hardware)
    }
    guest.mdscr.rawValue = capture(.mdscr, &hardware)  // mutant: capturesMDSCR
    guest.mdccint = capture(.mdccint, &hardware)
    guest.osLock = capture(.oslsr, &hardware)[bit: 1]  // mutant: capturesOSLock
    // mutant: capturesDoubleLock
    guest.osDoubleLock = capabilities.hasDoubleLock && capture(.osdlr, &hardware)[bit: 0]
    captureExternalRegisters(isLocked: guest.osLock, hardware: &hardware)
  }

  /// Reads one register, masked to the fields of the architecture. Some processors and emulators store RES0
  /// bits, and the guest must not see them change with the mode.
  func capture<Hardware: DebugHardware & ~Copyable>(
    _ register: DebugRegister, _ hardware: inout Hardware
  ) -> UInt64 {
    hardware.read(register) & (register.description(on: capabilities)?.mask ?? 0)
  }

  /// Takes the hardware over from the guest.
  mutating func enterSharedMode<Hardware: DebugHardware & ~Copyable>(hardware: inout Hardware) {
    captureGuestState(hardware: &hardware)
    keepExternalFields(hardware: &hardware)
    // Nothing is armed until the plan is installed.
    disarm(&hardware)  // mutant: disarmsBeforeTraps
    hardware.setDebugTraps(true)
    takeExternalRegisters(hardware: &hardware)
    // A lock that the guest has not released would silence the debugger.
    if capabilities.hasDoubleLock { hardware.write(.osdlr, 0) }  // mutant: takesDoubleLockOff
    hardware.write(.oslar, 0)  // mutant: takesOSLockOff
    hardware.synchronize()
    mode = .shared
    installedIsKnown = false
    planned = nil
  }

  /// Gives the hardware back to the guest, with the registers from guest state.
  mutating func enterNativeMode<Hardware: DebugHardware & ~Copyable>(hardware: inout Hardware) {
    keepExternalFields(hardware: &hardware)
    disarm(&hardware)
    releaseExternalRegisters(hardware: &hardware)
    // mutant: releasesComparators
    installed.overwrite(with: &guest.bank, on: capabilities, hardware: &hardware)
    hardware.write(.mdccint, guest.mdccint)
    hardware.write(.mdscr, guest.mdscr.rawValue)  // mutant: releasesMDSCR
    // The locks come last, because under the OS Lock a write to MDSCR_EL1 reaches the fields of the external
    // debugger. They are set before the guest's accesses stop trapping.
    hardware.write(.oslar, guest.osLock ? 1 : 0)  // mutant: releasesOSLock
    if capabilities.hasDoubleLock { hardware.write(.osdlr, guest.osDoubleLock ? 1 : 0) }
    hardware.synchronize()
    hardware.setDebugTraps(false)  // mutant: releasesTraps
    mode = .native
    installedIsKnown = false
    step = StepState()
    exclusives = ExclusiveMonitor()
  }

  /// Writes MDSCR_EL1 without MDE, KDE and SS. The other fields are the guest's, because with the OS Lock set
  /// a write changes the fields of the external debugger.
  func disarm<Hardware: DebugHardware & ~Copyable>(_ hardware: inout Hardware) {
    var mdscr = guest.mdscr
    mdscr.mde = false
    mdscr.kde = false
    mdscr.ss = false
    hardware.write(.mdscr, mdscr.rawValue)
    hardware.synchronize()
  }

  /// Makes the plan if one of its inputs has changed, and writes the differences to the hardware.
  mutating func updatePlan<Hardware: DebugHardware & ~Copyable>(
    stepping: Bool, requests: borrowing DebugRequests, hardware: inout Hardware
  ) {
    let inputs = PlanInputs(  // mutant: planInputs
      comparatorChanges: guest.comparatorChanges, maskChanges: guest.maskChanges,
      requestsGeneration: requests.generation, passOver: step.passOver, stepping: stepping)
    guard inputs != planned else { return }
    let planner = Planner(
      comparators: comparators, passOver: inputs.passOver, stepping: inputs.stepping)
    if inputs.differsInMasksAlone(from: planned) {
      remakeMasks(planner, requests: requests, hardware: &hardware)
    } else {
      remakeAll(planner, requests: requests, hardware: &hardware)
    }
    planned = inputs
  }

  @inline(never)
  private mutating func remakeMasks<Hardware: DebugHardware & ~Copyable>(
    _ planner: Planner, requests: borrowing DebugRequests, hardware: inout Hardware
  ) {
    let old = plan.mdscr
    let changed = planner.remakeMasks(&plan, guest: &guest)
    install(changed, insteadOf: old, requests: requests, hardware: &hardware)
  }

  @inline(never)
  private mutating func remakeAll<Hardware: DebugHardware & ~Copyable>(
    _ planner: Planner, requests: borrowing DebugRequests, hardware: inout Hardware
  ) {
    let old = planned == nil ? nil : plan.mdscr
    let changed = planner.make(&plan, guest: &guest, requests: requests)
    install(changed, insteadOf: old, requests: requests, hardware: &hardware)
  }

  /// Must follow a `fastWrite` that made the plan stale. If the guest steps from now on, it does nothing and
  /// returns false; the caller must then complete the access in the general way, which writes the same
  /// value again.
  ///
  /// `requests` is only read. It is `inout` because only its address is passed then, and most calls need no
  /// more.
  @inline(__always)
  public mutating func fastUpdate<Hardware: DebugHardware & ~Copyable>(
    after change: GuestChange, hardware: inout Hardware, requests: inout DebugRequests
  ) -> Bool {
    // The other inputs of prepareToRun are unchanged since the fast path was allowed or the step began.
    guard allowsFastPath || stepsForGuest, mode == .shared, installedIsKnown, !guest.steps else {
      return false
    }
    let planner = Planner(comparators: comparators, passOver: .nothing, stepping: false)
    let old = plan.mdscr
    switch change {
    case .breakpoint(let n):
      if planner.remake(&plan, breakpoint: n, guest: &guest) {
        installed.setBreakpoint(n, plan.bank.breakpoints[n], hardware: &hardware)
        finishInstalling(insteadOf: old, hardware: &hardware)
      } else {
        remakeAll(planner, requests: requests, hardware: &hardware)
      }
    case .watchpoint(let n):
      if planner.remake(&plan, watchpoint: n, guest: &guest) {
        // mutant: installsChangedWatchpoint
        installed.setWatchpoint(n, plan.bank.watchpoints[n], hardware: &hardware)
        finishInstalling(insteadOf: old, hardware: &hardware)
      } else {
        remakeAll(planner, requests: requests, hardware: &hardware)
      }
    case .masks:
      remakeMasks(planner, requests: requests, hardware: &hardware)
    }
    planned?.comparatorChanges = guest.comparatorChanges
    planned?.maskChanges = guest.maskChanges
    preparedInputs.guestChanges = guest.changes
    if !allowsFastPath { endGuestsSteps(for: requests.generation) }
    return true
  }

  /// Writes to the hardware those of `changed` that differ from it, and MDSCR_EL1 if it differs from `old`.
  @inline(never)
  private mutating func install<Hardware: DebugHardware & ~Copyable>(
    _ changed: ChangedComparators, insteadOf old: MDSCR?, requests: borrowing DebugRequests,
    hardware: inout Hardware
  ) {
    if installedIsKnown {
      installed.install(changed, of: &plan, hardware: &hardware)
    } else {
      installed.overwrite(with: &plan.bank, on: capabilities, hardware: &hardware)
      installedIsKnown = true
    }
    finishInstalling(insteadOf: old, hardware: &hardware)
    if !plan.isComplete { missed.note(plan.unplaced, of: requests) }
  }

  @inline(__always)
  private mutating func finishInstalling<Hardware: DebugHardware & ~Copyable>(
    insteadOf old: MDSCR?, hardware: inout Hardware
  ) {
    if old != plan.mdscr { hardware.write(.mdscr, plan.mdscr.rawValue) }
    hardware.synchronize()  // mutant: synchronizesPlan
  }
}

// The content of the hardware's comparators, and how it is changed.
extension ComparatorBank {
  /// Writes those of `changed` that differ in `plan`.
  fileprivate mutating func install<Hardware: DebugHardware & ~Copyable>(
    _ changed: ChangedComparators, of plan: inout Plan, hardware: inout Hardware
  ) {
    var rest = changed.breakpoints
    while let n = rest.popFirst() {
      setBreakpoint(n, plan.bank.breakpoints[n], hardware: &hardware)
    }
    rest = changed.watchpoints
    while let n = rest.popFirst() {
      setWatchpoint(n, plan.bank.watchpoints[n], hardware: &hardware)
    }
  }

  // A comparator is disabled before its value changes, so that it never compares with half of a new setting.

  @inline(__always)
  fileprivate mutating func setBreakpoint<Hardware: DebugHardware & ~Copyable>(
    _ n: Int, _ new: Breakpoint, hardware: inout Hardware
  ) {
    guard breakpoints[n] != new else { return }
    if breakpoints[n].value != new.value {
      hardware.write(.dbgbcr(n), 0)  // mutant: disablesBeforeValue
      hardware.write(.dbgbvr(n), new.value)
    }
    hardware.write(.dbgbcr(n), new.control.rawValue)
    breakpoints[n] = new  // mutant: remembersInstalled
  }

  @inline(__always)
  fileprivate mutating func setWatchpoint<Hardware: DebugHardware & ~Copyable>(
    _ n: Int, _ new: Watchpoint, hardware: inout Hardware
  ) {
    guard watchpoints[n] != new else { return }
    if watchpoints[n].value != new.value {
      hardware.write(.dbgwcr(n), 0)
      hardware.write(.dbgwvr(n), new.value)
    }
    hardware.write(.dbgwcr(n), new.control.rawValue)
    watchpoints[n] = new
  }

  /// Writes every comparator of the processor, whatever it holds.
  fileprivate mutating func overwrite<Hardware: DebugHardware & ~Copyable>(
    with bank: inout ComparatorBank, on capabilities: DebugCapabilities,
    hardware: inout Hardware
  ) {
    for n in 0..<capabilities.breakpointCount {
      let new = bank.breakpoints[n]
      hardware.write(.dbgbcr(n), 0)
      hardware.write(.dbgbvr(n), new.value)
      hardware.write(.dbgbcr(n), new.control.rawValue)
      breakpoints[n] = new
    }
    for n in 0..<capabilities.watchpointCount {
      let new = bank.watchpoints[n]
      hardware.write(.dbgwcr(n), 0)
      hardware.write(.dbgwvr(n), new.value)
      hardware.write(.dbgwcr(n), new.control.rawValue)
      watchpoints[n] = new
    }
  }
}
