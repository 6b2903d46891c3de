import ArmDebug

/// Computes the content of the hardware from what the guest wrote and what the debugger asks for. It is a
/// pure function of guest state, requests, step state and capabilities.
///
/// - Comparators that the guest has enabled keep their slots. They are armed as far as the guest's own
///   masks allow: not at all with MDE = 0 or a lock, and not at EL1 with KDE = 0. Routing does what
///   cannot be expressed here (PSTATE.D).
/// - The debugger takes comparators that the guest has not enabled, the highest first: operating systems
///   use theirs from 0 up, and so seldom displace one. It takes the context-aware breakpoints last.
struct Planner {
  let comparators: Comparators
  let passOver: PassOver
  /// The hardware steps.
  let stepping: Bool

  /// Replaces `plan`.
  ///
  /// - Returns: the comparators that may have changed: those that had an owner, and those that have one.
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

  /// Does what `make` does, for a `plan` that was made from the same inputs except for the guest's
  /// breakpoint `n`. If more may depend on the change it does nothing and returns false.
  @inline(__always)
  func remake(_ plan: inout Plan, breakpoint n: Int, guest: inout GuestDebugState) -> Bool {
    // Others may be linked to a context-aware one.
    // mutant: changeOfLinkPartner
    guard !comparators.contextAware.contains(n) else { return false }
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
      // Nearly every watchpoint has this form. `make` does the others.
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

  /// The same for MDSCR_EL1 and the locks. Only the guest's comparators depend on them; these are what it
  /// returns.
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

  /// Whether a processor can ever meet all of `requests` at once: whether it has the comparators, should
  /// the guest leave them free.
  static func fits(
    _ requests: borrowing DebugRequests, on capabilities: DebugCapabilities
  ) -> Bool {
    var left = capabilities.breakpointCount
    var next = requests.firstNumber(.breakpoints)
    while next != RequestSlot.none {
      let number = next
      next = requests.slots[number].next
      guard requests.slots[number].isFirst else { continue }
      guard left > 0 else { return false }  // mutant: breakpointsFit
      left &-= 1
    }
    left = capabilities.watchpointCount
    next = requests.firstNumber(.watchpoints)
    while next != RequestSlot.none {
      let number = next
      next = requests.slots[number].next
      guard requests.slots[number].isFirst else { continue }
      let range = requests.slots[number].request.range
      guard let count = range.comparatorCount(atMost: left) else { return false }
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
      // The partner of a link fires nothing by itself, and the hardware ignores its privilege fields.
      // It stays armed while breakpoints are passed over, because watchpoints link to it too.
      breakpoint.control.privilege = .everywhere
      // mutant: linkPartnerStaysArmed
      breakpoint.control.e = arms && comparators.contextAware.contains(n)
    } else {
      let privilege = breakpoint.control.privilege.permitted(by: guest.masks)
      breakpoint.control.privilege = privilege
      breakpoint.control.e =
        arms && !privilege.isEmpty && !passOver.contains(.guestBreakpoints)
      if !isAllocated(&breakpoint.control, n, &guest) { breakpoint.control.e = false }
    }
    plan.setBreakpoint(n, breakpoint)
  }

  /// Whether the guest's breakpoint, which is no link partner, has an allocated type and BAS. BAS is
  /// canonical afterwards. The architecture lets all others behave as disabled; they never reach the
  /// hardware, which might treat them differently.
  @inline(__always)
  private func isAllocated(
    _ control: inout BreakpointControl, _ n: Int, _ guest: inout GuestDebugState
  ) -> Bool {
    if control.comparesContext { return comparators.contextAware.contains(n) }
    if control.isMismatch { return false }
    // A link to a breakpoint that is no partner never matches. It must not be armed, because the debugger
    // may hold that breakpoint.
    // mutant: danglingLink
    if control.isLinked, !isLinkPartner(control.lbn, &guest) { return false }
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
    // The bytes that routing attributes to the watchpoint, in the one form without reserved fields. MASK of
    // 1 or 2, BAS with several runs, or MASK beside BAS might mean other bytes to the hardware.
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
    var next = requests.firstNumber(.breakpoints)
    guard next != RequestSlot.none else { return }
    // mutant: keepsGuestSlots
    let free = comparators.breakpoints.subtracting(plan.breakpointOwners.guests)
    var plain = free.subtracting(comparators.contextAware)
    var last = free.intersection(comparators.contextAware)
    while next != RequestSlot.none {
      let number = next
      next = requests.slots[number].next
      // One comparator serves all that ask for the same.
      guard requests.slots[number].isFirst else { continue }  // mutant: sharesComparator
      guard let n = plain.popLast() ?? last.popLast() else {
        plan.unplaced.noteBreakpoints(requests.sharing(number))  // mutant: notesUnplacedBreakpoint
        continue
      }
      plan.breakpointOwners.giveToDebugger(n, for: requests.sharing(number))
      var comparator = requests.slots[number].request.breakpoint
      comparator.control.e = !passOver.contains(.debuggerBreakpoints)
      plan.setBreakpoint(n, comparator)
    }
  }

  private func planDebuggerWatchpoints(_ plan: inout Plan, _ requests: borrowing DebugRequests) {
    var next = requests.firstNumber(.watchpoints)
    guard next != RequestSlot.none else { return }
    var free = comparators.watchpoints.subtracting(plan.watchpointOwners.guests)
    while next != RequestSlot.none {
      let number = next
      next = requests.slots[number].next
      guard requests.slots[number].isFirst,
        case .watchpoint(let kind) = requests.slots[number].request.kind
      else { continue }
      // All of its comparators or none: the user would take half a watchpoint for a whole one.
      var rest = requests.slots[number].request.range
      guard let count = rest.comparatorCount(atMost: free.count) else {
        plan.unplaced.noteWatchpoints(requests.sharing(number))  // mutant: notesUnplacedWatchpoint
        continue
      }
      let ids = requests.sharing(number)
      for _ in 0..<count {
        guard let n = free.popLast() else { break }
        let piece = rest.firstPiece
        plan.watchpointOwners.giveToDebugger(n, for: ids)
        var comparator = piece.comparator(for: kind)
        // mutant: debuggersWatchpointPassedOver
        comparator.control.e = !passOver.contains(.debuggerWatchpoints)
        plan.setWatchpoint(n, comparator)
        rest.first = piece.last &+ 1
      }
    }
  }
}

/// The input of a plan that the guest has changed by a write to a debug register.
public enum GuestChange: Equatable, Sendable {
  /// DBGBVRn_EL1 or DBGBCRn_EL1.
  case breakpoint(Int)
  /// DBGWVRn_EL1 or DBGWCRn_EL1.
  case watchpoint(Int)
  /// MDSCR_EL1 or a lock.
  case masks
}

/// The comparators for which a plan may differ from the plan before it.
struct ChangedComparators {
  var breakpoints = ComparatorSet.none
  var watchpoints = ComparatorSet.none
}

extension PrivilegeMatch {
  /// The levels that the guest's own masks leave. An EL1 match with KDE = 0 never becomes an exception.
  fileprivate func permitted(by masks: DebugExceptionMasks) -> PrivilegeMatch {
    // mutant: permittedByKDE
    masks.kde ? self : intersection(PrivilegeMatch(el1: false, el0: true))
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
