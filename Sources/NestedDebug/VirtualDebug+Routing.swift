public import ArmDebug

// Whose an event is. The plan in force says it.
extension VirtualDebug {
  /// Handles a debug exception that came to EL2: classes 0x30, 0x32, 0x34, 0x38, 0x3A and 0x3C.
  /// `faultAddress` is FAR_EL2. Any other class resumes.
  public mutating func handle<Hardware: DebugHardware & ~Copyable>(
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
      // What the step means to the guest was settled when it exited.
      disposition = step.debugger == .done ? .stop(.step) : .resume
    case .brk64, .bkpt32, .vectorCatch32:
      // Nothing masks a breakpoint instruction, and none of them is the debugger's.
      inject(syndrome, context: &context, hardware: &hardware)
      disposition = .resume
    default:
      disposition = .resume
    }
    if case .stop = disposition { step.debugger = .none }
    return disposition
  }

  private mutating func routeBreakpoint<Hardware: DebugHardware & ~Copyable>(
    _ syndrome: Syndrome, context: inout GuestContext, hardware: inout Hardware
  ) -> Disposition {
    var isGuests = false
    var isDebuggers = false
    for n in 0..<capabilities.breakpointCount {
      let breakpoint = plan.bank.breakpoints[n]
      guard breakpoint.control.e, breakpoint.control.privilege.contains(context.pstate.el) else {
        continue
      }
      // The processor has compared the context; only the address is compared again.
      switch plan.breakpointOwners[n] {
      case .nobody: break
      case .guest where breakpoint.control.bt.comparesContext:
        isGuests = isGuests || !breakpoint.control.bt.isLinked
      case .guest: isGuests = isGuests || breakpoint.matchesAddress(context.pc)
      case .debugger: isDebuggers = isDebuggers || breakpoint.matchesAddress(context.pc)
      }
    }
    if isDebuggers {
      step.passOver(.debuggerBreakpoints, at: context.pc)
      return .stop(.breakpoint(address: context.pc))
    }
    if isGuests, guest.masks.enables(context.pstate) {
      inject(syndrome, context: &context, hardware: &hardware)
    } else {
      // Masked, or nobody's: it must not fire again for this instruction.
      step.passOver(
        isGuests ? .guestBreakpoints : .guestBreakpoints.union(.debuggerBreakpoints),
        at: context.pc)
    }
    return .resume
  }

  private mutating func routeWatchpoint<Hardware: DebugHardware & ~Copyable>(
    _ syndrome: Syndrome, faultAddress: UInt64, context: inout GuestContext,
    hardware: inout Hardware
  ) -> Disposition {
    guard
      let n = Self.nearest(
        plan.bank.watchpoints.span, plan.watchpointOwners.span,
        to: faultAddress, syndrome: DebugSyndrome(rawValue: syndrome.iss), el: context.pstate.el,
        block: zeroBlockSize)
    else {
      step.passOver(.guestWatchpoints.union(.debuggerWatchpoints), at: context.pc)
      return .resume
    }
    let watchpoint = plan.bank.watchpoints[n]
    if case .debugger = plan.watchpointOwners[n], let range = watchpoint.range,
      let kind = watchpoint.control.lsc
    {
      step.passOver(.debuggerWatchpoints, at: context.pc)
      return .stop(
        .watchpoint(address: range.clamp(faultAddress.untagged), kind: kind))
    }
    if guest.masks.enables(context.pstate) {
      inject(syndrome, faultAddress: faultAddress, context: &context, hardware: &hardware)
    } else {
      step.passOver(.guestWatchpoints, at: context.pc)
    }
    return .resume
  }

  /// The armed watchpoint that the exception is attributed to: the one nearest to FAR, the debugger's
  /// before the guest's. An unprivileged access at EL1 matches as EL0, and the syndrome does not say
  /// so; at EL1 both privileges are therefore candidates.
  private static func nearest(
    _ watchpoints: Span<Watchpoint>, _ owners: Span<Owner>, to faultAddress: UInt64,
    syndrome: DebugSyndrome, el: ExceptionLevel, block: UInt64
  ) -> Int? {
    let kind: AccessKind = syndrome.wnr ? .store : .load
    var nearest: (n: Int, distance: UInt64, isDebuggers: Bool)?
    for n in watchpoints.indices {
      let watchpoint = watchpoints[n]
      let control = watchpoint.control
      guard control.e, control.lsc?.overlaps(kind) == true,
        control.privilege.el0 || el == .el1 && control.privilege.el1,
        let distance = syndrome.watchpointNumber == n
          ? 0 : watchpoint.range?.distance(from: faultAddress, block: block)
      else { continue }
      let isDebuggers =
        if case .debugger = owners[n] { true } else { false }
      if let best = nearest,
        best.distance < distance
          || best.distance == distance && (best.isDebuggers || !isDebuggers)
      {
        continue
      }
      nearest = (n, distance, isDebuggers)
    }
    return nearest?.n
  }
}
