import ArmDebug

/// The planner: from what the guest wrote and what the debugger asks for to what the hardware is
/// given. A pure function of guest state, requests, step state and capabilities.
///
/// - The guest's enabled comparators keep their slots, armed as far as its own masks allow: not at
///   all with MDE = 0 or a lock, and not at EL1 with KDE = 0. What cannot be expressed (PSTATE.D) is
///   left to routing.
/// - The debugger takes what the guest has not enabled, lowest first. The context-aware breakpoints
///   are the highest-numbered ones, so they are the last to go.
struct Planner {
  let capabilities: DebugCapabilities
  let passOver: PassOver
  /// The hardware steps.
  let stepping: Bool

  /// Makes the plan, in place of whatever `plan` holds, and says which comparators may be other than
  /// they were: those that had an owner, and those that have one.
  ///
  /// `guest` and `requests` are only read. They are `inout` to be read where they are: the compiler
  /// copies a borrowed `InlineArray` whole, for each element.
  func make(
    _ plan: inout Plan, guest: inout GuestDebugState, requests: inout DebugRequests
  ) -> (breakpoints: ComparatorSet, watchpoints: ComparatorSet) {
    let before = (plan.breakpointOwners.everybodys, plan.watchpointOwners.everybodys)
    clear(&plan)
    planGuestBreakpoints(&plan, &guest)
    planGuestWatchpoints(&plan, &guest)
    planDebuggerBreakpoints(&plan, &requests)
    planDebuggerWatchpoints(&plan, &requests)
    plan.mdscr = guest.mdscr
    plan.mdscr.kde = false
    plan.mdscr.mde = plan.armsAnything()
    plan.mdscr.ss = stepping
    return (
      plan.breakpointOwners.everybodys.union(before.0),
      plan.watchpointOwners.everybodys.union(before.1)
    )
  }

  /// A plan with nothing in it; only what had an owner can have been on.
  private func clear(_ plan: inout Plan) {
    var breakpoints = plan.breakpointOwners.everybodys
    while let n = breakpoints.popFirst() { plan.bank.breakpoints[n] = .off }
    var watchpoints = plan.watchpointOwners.everybodys
    while let n = watchpoints.popFirst() { plan.bank.watchpoints[n] = .off }
    plan.breakpointOwners.removeAll()
    plan.watchpointOwners.removeAll()
    plan.unplacedBreakpoints = 0
    plan.unplacedWatchpoints = 0
  }

  /// Whether every request finds its comparators beside those that the guest has enabled.
  static func fits(
    _ requests: DebugRequests, beside guest: GuestDebugState,
    on capabilities: DebugCapabilities
  ) -> Bool {
    let guestBreakpoints = guest.bank.breakpoints.span
    let guestWatchpoints = guest.bank.watchpoints.span
    let watchpoints = requests.watchpoints.span
    var freeBreakpoints = 0
    for n in 0..<capabilities.breakpointCount where !guestBreakpoints[n].control.e {
      freeBreakpoints &+= 1
    }
    var freeWatchpoints = 0
    for n in 0..<capabilities.watchpointCount where !guestWatchpoints[n].control.e {
      freeWatchpoints &+= 1
    }
    var rest = requests.watchpointsInUse
    while let n = rest.popFirst() {
      guard let watchpoint = watchpoints[n] else { continue }
      guard let count = watchpoint.range.comparatorCount(atMost: freeWatchpoints) else {
        return false
      }
      freeWatchpoints &-= count
    }
    return freeBreakpoints >= requests.breakpointsInUse.count
  }

  private func planGuestBreakpoints(_ plan: inout Plan, _ guest: inout GuestDebugState) {
    let arms = guest.armsComparators
    let masks = guest.masks
    var enabled = guest.bank.enabledBreakpoints()
    while let n = enabled.popFirst() {
      var breakpoint = guest.bank.breakpoints[n]
      plan.breakpointOwners.giveToGuest(n)
      let type = breakpoint.control.bt
      if type.comparesContext && type.isLinked {
        // The partner of a link fires nothing by itself, and its own privilege fields are ignored.
        // It stays armed while breakpoints are passed over, for watchpoints link to it too.
        breakpoint.control.privilege = .everywhere
        breakpoint.control.e = arms && capabilities.isContextAware(n)
      } else {
        let privilege = breakpoint.control.privilege.permitted(by: masks)
        breakpoint.control.privilege = privilege
        breakpoint.control.e =
          arms && !privilege.isEmpty && !passOver.contains(.guestBreakpoints)
        if breakpoint.control.e, !isAllocated(&breakpoint.control, n, &guest) {
          breakpoint.control.e = false
        }
      }
      plan.bank.breakpoints[n] = breakpoint
    }
  }

  /// Whether the type and BAS of the guest's unlinked breakpoint or link are allocated ones, which
  /// they are afterwards. Others may by architecture behave as disabled: they never reach the
  /// hardware, where they might behave otherwise.
  private func isAllocated(
    _ control: inout BreakpointControl, _ n: Int, _ guest: inout GuestDebugState
  ) -> Bool {
    switch control.bt {
    case .address: break
    case .linkedAddress:
      // A link to what is no partner never matches. It must not be armed, for the debugger may
      // hold the comparator that it names.
      guard guest.bank.isLinkPartner(control.lbn, of: capabilities) else { return false }
    case .mismatch, .linkedMismatch: return false
    default: return capabilities.isContextAware(n)
    }
    // BAS[1] and BAS[3] are copies of BAS[0] and BAS[2].
    control.bas = (control.bas & 0b0101) &* 0b11
    return control.bas != 0
  }

  private func planGuestWatchpoints(_ plan: inout Plan, _ guest: inout GuestDebugState) {
    let arms = guest.armsComparators
    let masks = guest.masks
    var enabled = guest.bank.enabledWatchpoints()
    while let n = enabled.popFirst() {
      let guests = guest.bank.watchpoints[n]
      plan.watchpointOwners.giveToGuest(n)
      // The bytes that routing attributes to it, in the one form that has no reserved fields: MASK of
      // 1 or 2, BAS of several runs, or MASK beside BAS might mean others to the hardware.
      guard let range = guests.range, let kind = guests.control.lsc else { continue }
      var watchpoint = range.comparator(for: kind)
      let privilege = guests.control.privilege.permitted(by: masks)
      watchpoint.control.privilege = privilege
      watchpoint.control.wt = guests.control.wt
      watchpoint.control.lbn = guests.control.lbn
      watchpoint.control.e =
        arms && !privilege.isEmpty && !passOver.contains(.guestWatchpoints)
      if guests.control.wt {
        let isLinked = guest.bank.isLinkPartner(guests.control.lbn, of: capabilities)
        if !isLinked { watchpoint.control.e = false }
      }
      plan.bank.watchpoints[n] = watchpoint
    }
  }

  private func planDebuggerBreakpoints(_ plan: inout Plan, _ requests: inout DebugRequests) {
    var wanted = requests.breakpointsInUse
    guard !wanted.isEmpty else { return }
    var free = ComparatorSet.first(capabilities.breakpointCount)
      .subtracting(plan.breakpointOwners.guests)
    while let request = wanted.popFirst() {
      guard let breakpoint = requests.breakpoints[request] else { continue }
      guard let n = free.popFirst() else {
        plan.unplacedBreakpoints |= 1 &<< UInt16(truncatingIfNeeded: request)
        continue
      }
      plan.breakpointOwners.giveToDebugger(n, request: request)
      plan.bank.breakpoints[n] = breakpoint.comparator
      plan.bank.breakpoints[n].control.e = !passOver.contains(.debuggerBreakpoints)
    }
  }

  private func planDebuggerWatchpoints(_ plan: inout Plan, _ requests: inout DebugRequests) {
    var wanted = requests.watchpointsInUse
    guard !wanted.isEmpty else { return }
    var free = ComparatorSet.first(capabilities.watchpointCount)
      .subtracting(plan.watchpointOwners.guests)
    while let request = wanted.popFirst() {
      guard let watchpoint = requests.watchpoints[request] else { continue }
      // All of its comparators or none: half a watchpoint would look like a whole one.
      guard let count = watchpoint.range.comparatorCount(atMost: free.count) else {
        plan.unplacedWatchpoints |= 1 &<< UInt16(truncatingIfNeeded: request)
        continue
      }
      var rest = watchpoint.range
      for _ in 0..<count {
        guard let n = free.popFirst() else { break }
        let piece = rest.firstPiece
        plan.watchpointOwners.giveToDebugger(n, request: request)
        plan.bank.watchpoints[n] = piece.comparator(for: watchpoint.kind)
        plan.bank.watchpoints[n].control.e = !passOver.contains(.debuggerWatchpoints)
        rest.first = piece.last &+ 1
      }
    }
  }
}

extension PrivilegeMatch {
  /// The levels that are left when the guest's own masks are applied. An EL1 match with KDE = 0
  /// never becomes an exception.
  fileprivate func permitted(by masks: DebugExceptionMasks) -> PrivilegeMatch {
    PrivilegeMatch(el1: el1 && masks.kde, el0: el0)
  }
}

extension ComparatorBank {
  // The guest's state has no comparator enabled that the processor lacks.

  fileprivate mutating func enabledBreakpoints() -> ComparatorSet {
    var bits: UInt16 = 0
    for n in 0..<Self.capacity {
      bits |= UInt16(truncatingIfNeeded: breakpoints[n].control.rawValue & 1) &<< UInt16(n)
    }
    return ComparatorSet(bits: bits)
  }

  fileprivate mutating func enabledWatchpoints() -> ComparatorSet {
    var bits: UInt16 = 0
    for n in 0..<Self.capacity {
      bits |= UInt16(truncatingIfNeeded: watchpoints[n].control.rawValue & 1) &<< UInt16(n)
    }
    return ComparatorSet(bits: bits)
  }
}

extension Plan {
  /// Whether any comparator is on.
  fileprivate mutating func armsAnything() -> Bool {
    var breakpoints = breakpointOwners.everybodys
    while let n = breakpoints.popFirst() { if bank.breakpoints[n].control.e { return true } }
    var watchpoints = watchpointOwners.everybodys
    while let n = watchpoints.popFirst() { if bank.watchpoints[n].control.e { return true } }
    return false
  }
}
