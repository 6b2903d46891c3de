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

  /// Makes the plan, in place of whatever `plan` holds.
  func make(_ plan: inout Plan, guest: GuestDebugState, requests: DebugRequests) {
    plan = Plan()
    planGuestBreakpoints(&plan, guest)
    planGuestWatchpoints(&plan, guest)
    planDebuggerBreakpoints(&plan, requests)
    planDebuggerWatchpoints(&plan, requests)
    plan.mdscr = guest.mdscr
    plan.mdscr.kde = false
    plan.mdscr.mde = plan.armsAnything
    plan.mdscr.ss = stepping
  }

  /// Whether every request finds its comparators beside those that the guest has enabled.
  static func fits(
    _ requests: DebugRequests, beside guest: GuestDebugState,
    on capabilities: DebugCapabilities
  ) -> Bool {
    let guestBreakpoints = guest.bank.breakpoints.span
    let guestWatchpoints = guest.bank.watchpoints.span
    let breakpoints = requests.breakpoints.span
    let watchpoints = requests.watchpoints.span
    var freeBreakpoints = 0
    for n in 0..<capabilities.breakpointCount where !guestBreakpoints[n].control.e {
      freeBreakpoints &+= 1
    }
    var freeWatchpoints = 0
    for n in 0..<capabilities.watchpointCount where !guestWatchpoints[n].control.e {
      freeWatchpoints &+= 1
    }
    for n in breakpoints.indices where breakpoints[n] != nil {
      freeBreakpoints &-= 1
    }
    for n in watchpoints.indices {
      guard let watchpoint = watchpoints[n] else { continue }
      guard let count = watchpoint.range.comparatorCount(atMost: freeWatchpoints) else {
        return false
      }
      freeWatchpoints &-= count
    }
    return freeBreakpoints >= 0
  }

  private func planGuestBreakpoints(_ plan: inout Plan, _ guest: GuestDebugState) {
    let breakpoints = guest.bank.breakpoints.span
    for n in 0..<capabilities.breakpointCount {
      var breakpoint = breakpoints[n]
      guard breakpoint.control.e else { continue }
      plan.breakpointOwners[n] = .guest
      let type = breakpoint.control.bt
      if type.comparesContext && type.isLinked {
        // The partner of a link fires nothing by itself, and its own privilege fields are ignored.
        // It stays armed while breakpoints are passed over, for watchpoints link to it too.
        breakpoint.control.privilege = .everywhere
        breakpoint.control.e = guest.armsComparators && capabilities.isContextAware(n)
      } else {
        let privilege = breakpoint.control.privilege.permitted(by: guest.masks)
        breakpoint.control.privilege = privilege
        breakpoint.control.e =
          guest.armsComparators && !privilege.isEmpty && !passOver.contains(.guestBreakpoints)
          && isAllocated(&breakpoint.control, n, guest)
      }
      plan.bank.breakpoints[n] = breakpoint
    }
  }

  /// Whether the type and BAS of the guest's unlinked breakpoint or link are allocated ones, which
  /// they are afterwards. Others may by architecture behave as disabled: they never reach the
  /// hardware, where they might behave otherwise.
  private func isAllocated(
    _ control: inout BreakpointControl, _ n: Int, _ guest: GuestDebugState
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

  private func planGuestWatchpoints(_ plan: inout Plan, _ guest: GuestDebugState) {
    let watchpoints = guest.bank.watchpoints.span
    for n in 0..<capabilities.watchpointCount {
      let guests = watchpoints[n]
      guard guests.control.e else { continue }
      plan.watchpointOwners[n] = .guest
      // The bytes that routing attributes to it, in the one form that has no reserved fields: MASK of
      // 1 or 2, BAS of several runs, or MASK beside BAS might mean others to the hardware.
      guard let range = guests.range, let kind = guests.control.lsc else { continue }
      var watchpoint = range.comparator(for: kind)
      let privilege = guests.control.privilege.permitted(by: guest.masks)
      watchpoint.control.privilege = privilege
      watchpoint.control.wt = guests.control.wt
      watchpoint.control.lbn = guests.control.lbn
      watchpoint.control.e =
        guest.armsComparators && !privilege.isEmpty && !passOver.contains(.guestWatchpoints)
        && (!guests.control.wt || guest.bank.isLinkPartner(guests.control.lbn, of: capabilities))
      plan.bank.watchpoints[n] = watchpoint
    }
  }

  private func planDebuggerBreakpoints(_ plan: inout Plan, _ requests: DebugRequests) {
    let breakpoints = requests.breakpoints.span
    var n = 0
    for request in breakpoints.indices {
      guard let breakpoint = breakpoints[request] else { continue }
      while n < capabilities.breakpointCount, plan.breakpointOwners[n] != .nobody { n &+= 1 }
      guard n < capabilities.breakpointCount else {
        plan.unplacedBreakpoints |= 1 &<< UInt16(truncatingIfNeeded: request)
        continue
      }
      plan.breakpointOwners[n] = .debugger(request: request)
      plan.bank.breakpoints[n] = breakpoint.comparator
      plan.bank.breakpoints[n].control.e = !passOver.contains(.debuggerBreakpoints)
    }
  }

  private func planDebuggerWatchpoints(_ plan: inout Plan, _ requests: DebugRequests) {
    var free = 0
    for n in 0..<capabilities.watchpointCount where plan.watchpointOwners[n] == .nobody {
      free &+= 1
    }
    let watchpoints = requests.watchpoints.span
    var n = 0
    for request in watchpoints.indices {
      guard let watchpoint = watchpoints[request] else { continue }
      // All of its comparators or none: half a watchpoint would look like a whole one.
      guard let count = watchpoint.range.comparatorCount(atMost: free) else {
        plan.unplacedWatchpoints |= 1 &<< UInt16(truncatingIfNeeded: request)
        continue
      }
      free &-= count
      var rest = watchpoint.range
      for _ in 0..<count {
        while plan.watchpointOwners[n] != .nobody { n &+= 1 }
        let piece = rest.firstPiece
        plan.watchpointOwners[n] = .debugger(request: request)
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

extension Plan {
  /// Whether any comparator is on.
  fileprivate var armsAnything: Bool {
    let breakpoints = bank.breakpoints.span
    let watchpoints = bank.watchpoints.span
    for n in 0..<ComparatorBank.capacity
    where breakpoints[n].control.e || watchpoints[n].control.e {
      return true
    }
    return false
  }
}
