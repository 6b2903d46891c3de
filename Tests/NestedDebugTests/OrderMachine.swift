import ArmDebug
import DebugModel
import NestedDebug

/// The debug registers as the guest knows them, kept apart from the engine: what a bare processor
/// would hold after the guest's own writes.
struct GuestRegisters {
  private var values: [DebugRegister: UInt64] = [:]
  private(set) var osLock = true

  var mdscr: MDSCR { MDSCR(rawValue: self[.mdscr]) }
  var osDoubleLock: Bool { self[.osdlr] == 1 }
  /// MDE = 1 and no lock.
  var allowsEvents: Bool { mdscr.mde && !osLock && !osDoubleLock }

  subscript(register: DebugRegister) -> UInt64 { values[register, default: 0] }

  mutating func write(
    _ register: DebugRegister, _ value: UInt64, on capabilities: DebugCapabilities
  ) {
    guard let description = register.description(on: capabilities) else { return }
    let value = value & description.mask
    switch register {
    case .dbgbcr: values[register] = BreakpointControl.stored(value).rawValue
    case .oslar: osLock = value == 1
    case .mdscr:
      let mask = osLock ? MDSCR.maskWhenLocked : MDSCR.mask
      values[.mdscr] = self[.mdscr] & ~mask | value & mask
    default: values[register] = value
    }
  }

  /// Everything that the hardware holds of it in native mode.
  func stored(on capabilities: DebugCapabilities) -> [(DebugRegister, UInt64)] {
    var stored: [(DebugRegister, UInt64)] = [
      (.mdscr, self[.mdscr]), (.mdccint, self[.mdccint]), (.oslsr, osLock ? 0b1010 : 0b1000),
    ]
    if capabilities.hasDoubleLock { stored.append((.osdlr, self[.osdlr])) }
    for n in 0..<capabilities.breakpointCount {
      stored += [(.dbgbvr(n), self[.dbgbvr(n)]), (.dbgbcr(n), self[.dbgbcr(n)])]
    }
    for n in 0..<capabilities.watchpointCount {
      stored += [(.dbgwvr(n), self[.dbgwvr(n)]), (.dbgwcr(n), self[.dbgwcr(n)])]
    }
    return stored
  }
}

/// What happens to a vCPU.
enum OrderAction {
  /// The guest's own access; in native mode nobody sees it.
  case write(DebugRegister, UInt64)
  case insertBreakpoint(UInt64)
  case removeBreakpoint(UInt64)
  case insertWatchpoint(UInt64, length: UInt64, AccessKind)
  case removeWatchpoint(UInt64, length: UInt64, AccessKind)
  case removeAll
  case step
  case cancelStep
  /// An interrupt, an HVC, or what the hardware has armed for this PC or address.
  case interrupt
  case hypercall
  case breakpoint(UInt64)
  case watchpoint(UInt64)
  /// The guest goes on elsewhere: another level, other masks.
  case state(PState)
  /// Everything stands still, and is read out; or put back as it was.
  case capture
  case restore
  /// CPU_OFF, CPU_ON; firmware may have left anything in the hardware.
  case reset
}

/// A vCPU on hardware that remembers, watched by a checker.
struct OrderMachine: ~Copyable {
  var debug: VirtualDebug
  var hardware: RecordingHardware
  var checker: OrderChecker
  var guest = GuestRegisters()
  private var requests = DebugRequests()
  private var context = GuestContext(pc: 0x1000, pstate: .el1Reset)
  private var wasNative = false
  private var followed = 0

  init(_ hardware: RecordingHardware, on capabilities: DebugCapabilities = .model) {
    debug = VirtualDebug(capabilities: capabilities, features: .none)
    self.hardware = hardware
    self.hardware.exceptionRegisters[.vbar] = 0x8000
    checker = OrderChecker(capabilities, before: hardware)
    enter()
  }

  /// One exit for `action`, and the way back.
  mutating func perform(_ action: OrderAction) {
    switch action {
    case .write(let register, let value):
      write(register, value)
      return
    case .insertBreakpoint(let address):
      exit(nil)
      try? requests.insertBreakpoint(at: address)
    case .removeBreakpoint(let address):
      exit(nil)
      requests.removeBreakpoint(at: address)
    case .insertWatchpoint(let address, let length, let kind):
      exit(nil)
      try? requests.insertWatchpoint(at: address, length: length, kind: kind)
    case .removeWatchpoint(let address, let length, let kind):
      exit(nil)
      requests.removeWatchpoint(at: address, length: length, kind: kind)
    case .removeAll:
      exit(nil)
      requests.removeAll()
    case .step:
      exit(nil)
      debug.requestStep()
    case .cancelStep:
      exit(nil)
      debug.cancelStep()
    case .interrupt: exit(nil)
    case .hypercall:
      context.pc &+= 4
      exit(Syndrome(.hvc64))
    case .breakpoint(let pc):
      guard debug.mode == .shared else { return }
      context.pc = pc
      report(Syndrome(.breakpointLower, iss: 0x22), 0)
    case .watchpoint(let address):
      guard debug.mode == .shared else { return }
      report(Syndrome(.watchpointLower, iss: 0x62), address)
    case .state(let state):
      context.pstate = state
      exit(nil)
    case .capture:
      exit(nil)
      debug.captureGuestState(hardware: &hardware)
    case .restore:
      exit(nil)
      debug.captureGuestState(hardware: &hardware)
      try? debug.restore(debug.snapshot())
      // What was put back has to get into the hardware.
      wasNative = false
    case .reset:
      debug.reset()
      guest = GuestRegisters()
      context = GuestContext(pc: 0x1000, pstate: .el1Reset)
    }
    enter()
    finishSteps()
  }

  /// Whether the hardware will step the guest's next instruction, or has.
  private var steps: Bool { MDSCR(rawValue: hardware.values[.mdscr] ?? 0).ss }

  /// The instruction that a step was asked for runs, and is reported.
  private mutating func finishSteps() {
    for _ in 0..<4 where debug.mode == .shared && debug.debuggerStep != .none && steps {
      let executes = context.pstate.ss
      if executes {
        context.pc &+= 4
        context.pstate.ss = false
      }
      report(Syndrome(.stepLower, iss: executes ? 0x100_0022 : 0x22), 0)
      enter()
    }
  }

  private mutating func write(_ register: DebugRegister, _ value: UInt64) {
    guest.write(register, value, on: debug.capabilities)
    guard let description = register.description(on: debug.capabilities) else { return }
    guard debug.mode == .shared else {
      hardware.store(register, value & description.mask)
      if case .dbgbcr = register { hardware.store(register, guest[register]) }
      checker.guestWrites(hardware)
      return
    }
    let access = SystemRegisterAccess(register: register.encoding, rt: 0, isRead: false)
    exit(Syndrome(.systemRegister))
    _ = debug.access(access, value: value)
    debug.instructionEmulated(context: &context)
    enter()
    finishSteps()
  }

  private mutating func exit(_ syndrome: Syndrome?) {
    wasNative = debug.mode == .native
    debug.guestExited(syndrome, context: &context, hardware: &hardware)
  }

  private mutating func report(_ syndrome: Syndrome, _ address: UInt64) {
    exit(syndrome)
    _ = debug.handle(
      syndrome, faultAddress: address, context: &context, hardware: &hardware)
  }

  private mutating func enter() {
    debug.prepareToRun(context: &context, hardware: &hardware, requests: requests)
    for event in hardware.events[followed...] { checker.follow(event, guest: guest) }
    followed = hardware.events.count
    checker.enter(
      hardware, guest: guest, owners: debug.plan, state: context.pstate,
      wasNative: wasNative && debug.mode == .native)
    wasNative = false
  }
}
