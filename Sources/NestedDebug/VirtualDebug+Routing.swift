public import ArmDebug

// The owner of an event. The plan in force says who that is.
extension VirtualDebug {
  /// Handles a debug exception that came to EL2: classes 0x30, 0x32, 0x34, 0x38, 0x3A and 0x3C.
  /// `faultAddress` is FAR_EL2. Any other class resumes.
  public mutating func handle<Hardware: GuestProcessor & ~Copyable>(
    _ syndrome: Syndrome, faultAddress: UInt64, context: inout GuestContext,
    hardware: inout Hardware
  ) -> Disposition {
    let disposition: Disposition
    switch syndrome.exceptionClass {
    case .breakpointLower:
      disposition = routeBreakpoint(syndrome, context: &context, hardware: &hardware)
    case .watchpointLower:
      disposition = routeWatchpoint(
        syndrome, faultAddress: faultAddress, context: &context, hardware: &hardware)
    case .stepLower:
      if let address = exclusives.watchedByte {
        disposition = routeWatchpoint(
          Syndrome(.watchpointLower, iss: DebugSyndrome.storeWatchpoint.rawValue),
          faultAddress: address, context: &context, hardware: &hardware)
      } else {
        // `guestExited` has already done what the step means to the guest.
        disposition = step.debugger == .done ? .candidate(.step) : .resume  // mutant: tellsStep
      }
    case .brk64, .bkpt32, .vectorCatch32:  // mutant: injectsBRK
      // Nothing masks a breakpoint instruction, and the debugger uses none.
      inject(syndrome, context: &context, hardware: &hardware)
      disposition = .resume
    default:
      disposition = .resume
    }
    return disposition
  }

  /// The owners of the breakpoints that have fired at `context`.
  @inline(__always)
  private mutating func breakpointOwners(
    at context: GuestContext
  ) -> (isGuests: Bool, isDebuggers: Bool) {
    var isGuests = false
    var isDebuggers = false
    let level = PrivilegeMatch(el1: !context.pstate.isEL0, el0: context.pstate.isEL0)
    var armed = plan.armedBreakpoints
    while let n = armed.popFirst() {
      let breakpoint = plan.bank.breakpoints[n]
      let isAddress = breakpoint.control.comparesAddress
      // This rules out most of them.
      if isAddress, (breakpoint.value ^ context.pc)[bits: 2...55] != 0 { continue }
      // Comparators of the plan have HMC and SSC of 0.
      guard breakpoint.control.pmc & level.pmc != 0 else { continue }
      // The processor has compared the context; only the address is compared again.
      if plan.breakpointOwners.guests.contains(n) {
        isGuests =
          isGuests
          || (isAddress ? breakpoint.matchesAddress(context.pc) : !breakpoint.control.isLinked)
      } else {
        // BAS of 0b1111 may also match a T32 instruction in the upper half of the word (CONSTRAINED
        // UNPREDICTABLE). The debugger has not asked for that one.
        // mutant: debuggersBreakpointHere
        isDebuggers = isDebuggers || breakpoint == DebugRequest.breakpoint(at: context.pc)
      }
    }
    return (isGuests, isDebuggers)
  }

  /// The requests behind the armed comparators that are for the instruction at `pc`.
  private func debuggersBreakpoint(at pc: UInt64) -> RequestIDs {
    var ids = RequestIDs()
    var rest = plan.armedBreakpoints.intersection(plan.breakpointOwners.debuggers)
    while let n = rest.popFirst() {
      guard plan.bank.breakpoints[n] == DebugRequest.breakpoint(at: pc) else { continue }
      ids.append(plan.breakpointOwners.requests(of: n))
    }
    return ids
  }

  /// The fast path for an exception of the guest while `allowsFastPath`: the guest takes it,
  /// or nothing is done and false returned, for `guestExited` and `handle` to look at the exception.
  @inline(__always)
  public mutating func fastDeliver<Hardware: GuestProcessor & ~Copyable>(
    _ syndrome: Syndrome, faultAddress: UInt64, context: inout GuestContext,
    hardware: inout Hardware
  ) -> Bool {
    guard allowsFastPath, mode == .shared else { return false }
    switch syndrome.ec {
    case ExceptionClass.brk64.rawValue: break
    case ExceptionClass.breakpointLower.rawValue:
      let (isGuests, isDebuggers) = breakpointOwners(at: context)
      guard isGuests, !isDebuggers, guest.masks.enables(context.pstate) else { return false }
    case ExceptionClass.watchpointLower.rawValue:
      let detail = DebugSyndrome(rawValue: syndrome.iss)
      guard
        let fired = onlyWatchpoint(at: faultAddress, detail)
          ?? nearestWatchpoint(
            to: faultAddress, detail, context: context, hardware: &hardware),
        plan.watchpointOwners.guests.contains(fired), guest.masks.enables(context.pstate)
      else { return false }
    default: return false
    }
    take(syndrome, faultAddress: faultAddress, context: &context, hardware: &hardware)
    return true
  }

  private mutating func routeBreakpoint<Hardware: GuestProcessor & ~Copyable>(
    _ syndrome: Syndrome, context: inout GuestContext, hardware: inout Hardware
  ) -> Disposition {
    let (isGuests, isDebuggers) = breakpointOwners(at: context)
    if isDebuggers {  // mutant: debuggerFirst
      step.passOver(.debuggerBreakpoints, at: context.pc)  // mutant: reportsBreakpointOnce
      return .candidate(.breakpoint(debuggersBreakpoint(at: context.pc), address: context.pc))
    }
    if isGuests, guest.masks.enables(context.pstate) {  // mutant: guestsBreakpointMasked
      inject(syndrome, context: &context, hardware: &hardware)
    } else {
      // A masked breakpoint, or one without an owner, must not fire again for this instruction.
      step.passOver(
        isGuests ? .guestBreakpoints : .guestBreakpoints.union(.debuggerBreakpoints),
        at: context.pc)
    }
    return .resume
  }

  private mutating func routeWatchpoint<Hardware: GuestProcessor & ~Copyable>(
    _ syndrome: Syndrome, faultAddress: UInt64, context: inout GuestContext,
    hardware: inout Hardware
  ) -> Disposition {
    guard
      let n = nearestWatchpoint(
        to: faultAddress, DebugSyndrome(rawValue: syndrome.iss), context: context,
        hardware: &hardware)
    else {
      step.passOver(.guestWatchpoints.union(.debuggerWatchpoints), at: context.pc)
      return .resume
    }
    let watchpoint = plan.bank.watchpoints[n]
    if case .debugger(let ids) = plan.watchpointOwners[n], let range = watchpoint.range {
      step.passOver(.debuggerWatchpoints, at: context.pc)  // mutant: reportsWatchpointOnce
      // mutant: addressTold
      return .candidate(.watchpoint(ids, address: range.clamp(faultAddress.untagged)))
    }
    if guest.masks.enables(context.pstate) {  // mutant: guestsWatchpointMasked
      inject(syndrome, faultAddress: faultAddress, context: &context, hardware: &hardware)
    } else {
      step.passOver(.guestWatchpoints, at: context.pc)
    }
    return .resume
  }

  /// The only armed watchpoint, if it watches the byte at FAR. The instruction need not be read, because no
  /// other watchpoint can have fired.
  @inline(__always)
  private mutating func onlyWatchpoint(
    at faultAddress: UInt64, _ syndrome: DebugSyndrome
  ) -> Int? {
    guard let n = plan.armedWatchpoints.only else { return nil }
    let watchpoint = plan.bank.watchpoints[n]
    guard watchpoint.control.watches(syndrome.wnr ? .store : .load),
      watchpoint.watchesInPlainForm(faultAddress)
    else { return nil }
    return n
  }

  /// The armed watchpoint to which the exception is attributed: of those that match this access, the one
  /// nearest to FAR, and the debugger's before the guest's. FAR need not be a watched address, so a
  /// watchpoint that does not match may be nearer.
  private mutating func nearestWatchpoint<Hardware: GuestProcessor & ~Copyable>(
    to faultAddress: UInt64, _ syndrome: DebugSyndrome, context: GuestContext,
    hardware: inout Hardware
  ) -> Int? {
    // If only one can have fired, nothing need be read.
    let isOnly = plan.armedWatchpoints.only != nil
    let kind: AccessKind = syndrome.wnr ? .store : .load  // mutant: kindOfAccess
    var nearest: (n: Int, distance: UInt64, isDebuggers: Bool)?
    var armed = plan.armedWatchpoints
    while let n = armed.popFirst() {
      let watchpoint = plan.bank.watchpoints[n]
      let control = watchpoint.control
      guard control.watches(kind),  // mutant: watchesKind
        let distance = syndrome.watchpointNumber == n
          ? 0 : watchpoint.range?.distance(from: faultAddress, block: zeroBlockSize),
        isOnly
          || Self.privilege(control.privilege, matches: context, hardware: &hardware)
            // mutant: linkCompared
            && (!control.wt || linkMatches(control.lbn, hardware: &hardware))
      else { continue }
      let isDebuggers = plan.watchpointOwners.debuggers.contains(n)
      if let best = nearest,
        best.distance < distance  // mutant: nearestWins
          // mutant: debuggerWinsTie
          || best.distance == distance && (best.isDebuggers || !isDebuggers)
      {
        continue
      }
      nearest = (n, distance, isDebuggers)
    }
    return nearest?.n
  }

  /// Whether a watchpoint for these levels matches the access of the instruction at PC. An unprivileged
  /// access at EL1 (LDTR, STTR) matches as EL0 does, unless PSTATE.UAO = 1. If the instruction cannot be
  /// read, it may be either.
  private static func privilege<Hardware: GuestProcessor & ~Copyable>(
    _ privilege: PrivilegeMatch, matches context: GuestContext, hardware: inout Hardware
  ) -> Bool {
    guard context.pstate.el == .el1, privilege.el0 != privilege.el1 else {
      return privilege.contains(context.pstate.el)
    }
    guard let bits = hardware.fetchInstruction(at: context.pc) else { return true }
    let isUnprivileged = Instruction(bits).isUnprivilegedAccess && !context.pstate.uao
    return isUnprivileged ? privilege.el0 : privilege.el1  // mutant: unprivilegedAccess
  }

  /// Whether the current context is the one that breakpoint `n`, the armed partner of a link, compares.
  private mutating func linkMatches<Hardware: GuestProcessor & ~Copyable>(
    _ n: Int, hardware: inout Hardware
  ) -> Bool {
    plan.bank.breakpoints[n].matchesContext(contextIdentifiers(&hardware))
  }
}
