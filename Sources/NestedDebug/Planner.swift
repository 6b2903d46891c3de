import ArmDebug

/// The planner: from what the guest wrote and what the debugger asks for to what the hardware is
/// given. A pure function of guest state, requests, step state and capabilities.
///
/// - The guest's enabled comparators keep their slots, armed as far as its own masks allow: not at
///   all with MDE = 0 or a lock, and not at EL1 with KDE = 0. What cannot be expressed (PSTATE.D) is
///   left to routing.
/// - The debugger takes what the guest has not enabled, highest first: operating systems take theirs from
///   0 up, and seldom displace one of the debugger's. The context-aware breakpoints, which are the
///   highest-numbered ones, are the last to go.
struct Planner {
  let comparators: Comparators
  let passOver: PassOver
  /// The hardware steps.
  let stepping: Bool

  /// Makes the plan, in place of whatever `plan` holds, and says which comparators may be other than
  /// they were: those that had an owner, and those that have one.
  ///
  /// `guest` is only read. It is `inout` because the compiler copies a borrowed `InlineArray` whole, for
  /// each element.
  func make(
    _ plan: inout Plan, guest: inout GuestDebugState, requests: borrowing DebugRequests
  ) -> ChangedComparators {
    var changed = ChangedComparators(
      breakpoints: plan.breakpointOwners.everybodys, watchpoints: plan.watchpointOwners.everybodys)
    plan.clear()
    plan.breakpointOwners.guests = guest.bank.enabledBreakpoints(of: comparators)
    plan.watchpointOwners.guests = guest.bank.enabledWatchpoints(of: comparators)
    planGuests(&plan, &guest)
    planDebuggerBreakpoints(&plan, requests)
    planDebuggerWatchpoints(&plan, requests)
    planMDSCR(&plan, guest.mdscr)
    changed.breakpoints.formUnion(plan.breakpointOwners.everybodys)
    changed.watchpoints.formUnion(plan.watchpointOwners.everybodys)
    return changed
  }

  /// Makes of `plan`, which was made from the same inputs but for the guest's breakpoint `n`, what `make`
  /// would; or does nothing and returns false where more may depend on the change.
  @inline(__always)
  func remake(_ plan: inout Plan, breakpoint n: Int, guest: inout GuestDebugState) -> Bool {
    // Others may be linked to a context-aware one.
    guard !comparators.contextAware.contains(n) else { return false }  // mutant: changeOfLinkPartner
    if guest.bank.breakpoints[n].control.e {
      guard plan.giveBreakpointToGuest(n) else { return false }
      planGuestBreakpoint(n, &plan, &guest)
    } else {
      guard plan.takeBreakpointFromGuest(n, of: comparators) else { return false }
    }
    planMDSCR(&plan, guest.mdscr)
    return true
  }

  /// The same for the guest's watchpoint `n`.
  @inline(__always)
  func remake(_ plan: inout Plan, watchpoint n: Int, guest: inout GuestDebugState) -> Bool {
    var watchpoint = guest.bank.watchpoints[n]
    if watchpoint.control.e {
      // What nearly every watchpoint is; the others take the long way.
      guard watchpoint.isPlain, !watchpoint.control.wt, plan.giveWatchpointToGuest(n) else {
        return false
      }
      watchpoint.value = watchpoint.value.untagged
      arm(&watchpoint, &guest)
      plan.setWatchpoint(n, watchpoint)
    } else {
      guard plan.takeWatchpointFromGuest(n) else { return false }
    }
    planMDSCR(&plan, guest.mdscr)
    return true
  }

  /// The same for MDSCR_EL1 and the locks, on which nothing but the guest's comparators depends; says
  /// which these are.
  func remakeMasks(_ plan: inout Plan, guest: inout GuestDebugState) -> ChangedComparators {
    planGuests(&plan, &guest)  // mutant: changeOfMasks
    planMDSCR(&plan, guest.mdscr)
    return ChangedComparators(
      breakpoints: plan.breakpointOwners.guests, watchpoints: plan.watchpointOwners.guests)
  }

  @inline(__always)
  private func planMDSCR(_ plan: inout Plan, _ guests: MDSCR) {
    plan.mdscr = guests
    plan.mdscr.kde = false  // mutant: plansKDE
    plan.mdscr.mde = plan.armsAnything  // mutant: plansMDE
    plan.mdscr.ss = stepping  // mutant: plansSS
  }

  /// Whether a processor can ever meet all of `requests` at once: it has the comparators, if the guest
  /// leaves them.
  static func fits(
    _ requests: borrowing DebugRequests, on capabilities: DebugCapabilities
  ) -> Bool {
    var left = capabilities.breakpointCount
    var next = requests.firstBreakpoint
    while let id = next, let request = requests[id] {
      next = requests.next(after: id)
      guard requests.isFirstAlike(id, request) else { continue }
      guard left > 0 else { return false }  // mutant: breakpointsFit
      left &-= 1
    }
    left = capabilities.watchpointCount
    next = requests.firstWatchpoint
    while let id = next, let request = requests[id] {
      next = requests.next(after: id)
      guard requests.isFirstAlike(id, request) else { continue }
      guard let count = request.range.comparatorCount(atMost: left) else { return false }
      left &-= count  // mutant: watchpointsFit
    }
    return true
  }

  private func planGuests(_ plan: inout Plan, _ guest: inout GuestDebugState) {
    var breakpoints = plan.breakpointOwners.guests
    while let n = breakpoints.popFirst() { planGuestBreakpoint(n, &plan, &guest) }
    var watchpoints = plan.watchpointOwners.guests
    while let n = watchpoints.popFirst() { planGuestWatchpoint(n, &plan, &guest) }
  }

  @inline(__always)
  private func planGuestBreakpoint(
    _ n: Int, _ plan: inout Plan, _ guest: inout GuestDebugState
  ) {
    let arms = guest.armsComparators
    var breakpoint = guest.bank.breakpoints[n]
    if breakpoint.control.comparesContext && breakpoint.control.isLinked {
      // The partner of a link fires nothing by itself, and its own privilege fields are ignored.
      // It stays armed while breakpoints are passed over, for watchpoints link to it too.
      breakpoint.control.privilege = .everywhere
      breakpoint.control.e = arms && comparators.contextAware.contains(n)  // mutant: linkPartnerStaysArmed
    } else {
      let privilege = breakpoint.control.privilege.permitted(by: guest.masks)
      breakpoint.control.privilege = privilege
      breakpoint.control.e =
        arms && !privilege.isEmpty && !passOver.contains(.guestBreakpoints)
      if !isAllocated(&breakpoint.control, n, &guest) { breakpoint.control.e = false }
    }
    plan.setBreakpoint(n, breakpoint)
  }

  /// Whether the type and BAS of the guest's unlinked breakpoint or link are allocated ones, which
  /// they are afterwards. Others may by architecture behave as disabled: they never reach the
  /// hardware, where they might behave otherwise.
  @inline(__always)
  private func isAllocated(
    _ control: inout BreakpointControl, _ n: Int, _ guest: inout GuestDebugState
  ) -> Bool {
    if control.comparesContext { return comparators.contextAware.contains(n) }
    if control.isMismatch { return false }
    // A link to what is no partner never matches. It must not be armed, for the debugger may hold the
    // comparator that it names.
    if control.isLinked, !isLinkPartner(control.lbn, &guest) { return false }  // mutant: danglingLink
    // BAS[1] and BAS[3] are copies of BAS[0] and BAS[2].
    control.bas = (control.bas & 0b0101) &* 0b11  // mutant: guestsHalfword
    return control.bas != 0
  }

  /// Whether a link to breakpoint `n` can ever match.
  private func isLinkPartner(_ n: Int, _ guest: inout GuestDebugState) -> Bool {
    comparators.contextAware.contains(n) && guest.bank.breakpoints[n].isLinkPartner
  }

  private func planGuestWatchpoint(
    _ n: Int, _ plan: inout Plan, _ guest: inout GuestDebugState
  ) {
    // The bytes that routing attributes to it, in the one form that has no reserved fields: MASK of
    // 1 or 2, BAS of several runs, or MASK beside BAS might mean others to the hardware.
    var watchpoint = guest.bank.watchpoints[n].inPlainForm ?? .off
    arm(&watchpoint, &guest)
    let control = watchpoint.control
    if control.wt, !isLinkPartner(control.lbn, &guest) { watchpoint.control.e = false }
    plan.setWatchpoint(n, watchpoint)
  }

  @inline(__always)
  private func arm(_ watchpoint: inout Watchpoint, _ guest: inout GuestDebugState) {
    let privilege = watchpoint.control.privilege.permitted(by: guest.masks)
    watchpoint.control.privilege = privilege  // mutant: armsWatchpoint
    // mutant: guestsWatchpointPassedOver
    watchpoint.control.e =
      guest.armsComparators && !privilege.isEmpty && !passOver.contains(.guestWatchpoints)
  }

  private func planDebuggerBreakpoints(_ plan: inout Plan, _ requests: borrowing DebugRequests) {
    var next = requests.firstBreakpoint
    guard next != nil else { return }
    let free = comparators.breakpoints.subtracting(plan.breakpointOwners.guests)  // mutant: keepsGuestSlots
    var plain = free.subtracting(comparators.contextAware)
    var last = free.intersection(comparators.contextAware)
    while let id = next, let request = requests[id] {
      next = requests.next(after: id)
      // One comparator does it for all that ask for the same.
      guard requests.isFirstAlike(id, request) else { continue }
      let alike = requests.alike(request)
      guard let n = plain.popLast() ?? last.popLast() else {
        plan.unplaced.noteBreakpoints(alike)  // mutant: notesUnplacedBreakpoint
        continue
      }
      plan.breakpointOwners.giveToDebugger(n, for: alike)
      var comparator = request.breakpoint
      comparator.control.e = !passOver.contains(.debuggerBreakpoints)
      plan.setBreakpoint(n, comparator)
    }
  }

  private func planDebuggerWatchpoints(_ plan: inout Plan, _ requests: borrowing DebugRequests) {
    var next = requests.firstWatchpoint
    guard next != nil else { return }
    var free = comparators.watchpoints.subtracting(plan.watchpointOwners.guests)
    while let id = next, let request = requests[id], case .watchpoint(let kind) = request.kind {
      next = requests.next(after: id)
      guard requests.isFirstAlike(id, request) else { continue }
      let alike = requests.alike(request)
      // All of its comparators or none: half a watchpoint would look like a whole one.
      guard let count = request.range.comparatorCount(atMost: free.count) else {
        plan.unplaced.noteWatchpoints(alike)  // mutant: notesUnplacedWatchpoint
        continue
      }
      var rest = request.range
      for _ in 0..<count {
        guard let n = free.popLast() else { break }
        let piece = rest.firstPiece
        plan.watchpointOwners.giveToDebugger(n, for: alike)
        var comparator = piece.comparator(for: kind)
        comparator.control.e = !passOver.contains(.debuggerWatchpoints)  // mutant: debuggersWatchpointPassedOver
        plan.setWatchpoint(n, comparator)
        rest.first = piece.last &+ 1
      }
    }
  }
}

/// What a write of the guest's to its debug registers has changed, of all that a plan depends on.
public enum GuestChange: Equatable, Sendable {
  /// DBGBVRn_EL1 or DBGBCRn_EL1.
  case breakpoint(Int)
  /// DBGWVRn_EL1 or DBGWCRn_EL1.
  case watchpoint(Int)
  /// MDSCR_EL1 or a lock.
  case masks
}

/// The comparators that a plan may have other settings for than the one before it.
struct ChangedComparators {
  var breakpoints = ComparatorSet.none
  var watchpoints = ComparatorSet.none
}

extension PrivilegeMatch {
  /// The levels that are left when the guest's own masks are applied. An EL1 match with KDE = 0
  /// never becomes an exception.
  fileprivate func permitted(by masks: DebugExceptionMasks) -> PrivilegeMatch {
    masks.kde ? self : intersection(PrivilegeMatch(el1: false, el0: true))  // mutant: permittedByKDE
  }
}

extension ComparatorBank {
  fileprivate mutating func enabledBreakpoints(of comparators: Comparators) -> ComparatorSet {
    var enabled = ComparatorSet.none
    var rest = comparators.breakpoints
    while let n = rest.popFirst() { if breakpoints[n].control.e { enabled.insert(n) } }
    return enabled
  }

  fileprivate mutating func enabledWatchpoints(of comparators: Comparators) -> ComparatorSet {
    var enabled = ComparatorSet.none
    var rest = comparators.watchpoints
    while let n = rest.popFirst() { if watchpoints[n].control.e { enabled.insert(n) } }
    return enabled
  }
}
