import ArmDebug
import DebugModel
import NestedDebug
import Testing

/// Whose an event is.
@Suite("Routing")
struct RoutingTests {
  typealias Registers = [(SystemRegister, UInt64)]

  static func breakpoint(_ n: UInt8, at address: UInt64) -> Registers {
    [(SystemRegister(2, 0, 0, n, 4), address), (SystemRegister(2, 0, 0, n, 5), 0x1E7)]
  }

  static func watchpoint(_ n: UInt8, at address: UInt64) -> Registers {
    [(SystemRegister(2, 0, 0, n, 6), address), (SystemRegister(2, 0, 0, n, 7), 0x1FFF)]
  }

  /// A machine whose guest has written `registers`.
  private func machine(
    _ code: [Operation], _ state: PState, mdscr: UInt64, _ registers: Registers
  ) -> NestedMachine {
    var machine = StepTests.machine(code, state, guestMDSCR: mdscr)
    for (register, value) in registers {
      _ = machine.debug.access(
        SystemRegisterAccess(register: register, rt: 0, isRead: false), value: value)
    }
    return machine
  }

  @Test(
    "the guest's breakpoint fires into the guest, with the class for where it came from",
    arguments: [(StepTests.el0, 0x8400, 0xC200_0022), (StepTests.el1, 0x8200, 0xC600_0022)]
      as [(PState, UInt64, UInt64)])
  func guestBreakpoint(state: PState, vector: UInt64, esr: UInt64) throws {
    var machine = machine(
      [.nop, .nop], state, mdscr: 0xA000, Self.breakpoint(3, at: 0x1004))
    machine.core.far = 0x77
    try machine.requests.insertBreakpoint(at: 0xF000)
    #expect(machine.run(observations: 2) == nil)
    #expect(machine.core.transcript == [.executed(0x1000), .read(vector, esr)])
    #expect(machine.core.elr == 0x1004)
    #expect(machine.core.spsr == state.rawValue)
    #expect(machine.context.pstate.rawValue == 0x3C5)
    // FAR_EL1 is left alone.
    #expect(machine.core.far == 0x77)
  }

  @Test(
    "the guest's watchpoint fires into the guest, with WnR and FAR",
    arguments: [
      (.load(0x4004, size: 4), StepTests.el0, 0xD200_0022),
      (.store(0x4004, size: 4), StepTests.el0, 0xD200_0062),
      (.store(0x4004, size: 4), StepTests.el1, 0xD600_0062),
    ] as [(Operation, PState, UInt64)])
  func guestWatchpoint(operation: Operation, state: PState, esr: UInt64) throws {
    var machine = machine([operation], state, mdscr: 0xA000, Self.watchpoint(2, at: 0x4000))
    try machine.requests.insertBreakpoint(at: 0xF000)
    #expect(machine.run(observations: 1) == nil)
    #expect(machine.core.esr == esr)
    #expect(machine.core.far == 0x4004)
    #expect(machine.core.elr == 0x1000)
  }

  @Test(
    "masked, the guest's events are passed over unseen, once for each instruction",
    arguments: [
      // D = 1; KDE = 0; MDE = 0; OS Lock.
      (StepTests.el1Masked, 0xA000, 0), (StepTests.el1, 0x8000, 0), (StepTests.el1, 0x2000, 0),
      (StepTests.el1, 0xA000, 1),
    ] as [(PState, UInt64, UInt64)])
  func masked(state: PState, mdscr: UInt64, lock: UInt64) throws {
    var machine = machine(
      [.store(0x4000, size: 8), .nop, .branch(0x1000)], state, mdscr: mdscr,
      Self.breakpoint(0, at: 0x1000) + Self.watchpoint(0, at: 0x4000) + [
        (RandomProgram.oslar, lock)
      ])
    try machine.requests.insertBreakpoint(at: 0xF000)
    #expect(machine.run(observations: 6) == nil)
    let loop: [ModelCore.Observation] = [.executed(0x1000), .executed(0x1004), .executed(0x1008)]
    #expect(machine.core.transcript == loop + loop)
  }

  @Test("a pending interrupt is taken before a masked event is passed over")
  func maskedLetsInterruptsIn() throws {
    var state = StepTests.el1
    state.d = true
    var machine = machine([.nop], state, mdscr: 0xA000, Self.breakpoint(0, at: 0x1000))
    try machine.requests.insertBreakpoint(at: 0xF000)
    machine.core.program[0x8280] = .acknowledge
    machine.core.interrupts = [0]
    #expect(machine.run(observations: 3) == nil)
    #expect(
      machine.core.transcript == [.read(0x8280, 27), .executed(0x8284), .executed(0x1000)])
  }

  @Test(
    "a BRK is the guest's, with every mask set", arguments: [StepTests.el0, StepTests.el1Masked])
  func brk(state: PState) throws {
    var machine = machine([.brk(0x42)], state, mdscr: 0, [(RandomProgram.oslar, 1)])
    try machine.requests.insertBreakpoint(at: 0xF000)
    #expect(machine.run(observations: 1) == nil)
    #expect(machine.core.esr == 0xF200_0042)
    #expect(machine.core.elr == 0x1000)
  }

  @Test("BKPT from AArch32 EL0 goes to the vector for AArch32, with its own class and IL")
  func bkpt32() {
    var hardware = RecordingHardware()
    hardware.exceptionRegisters[.vbar] = 0x8000
    var debug = VirtualDebug(capabilities: .model, features: .none)
    var context = GuestContext(pc: 0x1002, pstate: PState(rawValue: 0x30))
    let syndrome = Syndrome(rawValue: 0x38 << 26 | 0x17)
    let disposition = debug.handle(
      syndrome, faultAddress: 0, context: &context, hardware: &hardware)
    #expect(disposition == .resume)
    #expect(context == GuestContext(pc: 0x8600, pstate: PState(rawValue: 0x3C5)))
    #expect(hardware.exceptionRegisters[.esr] == syndrome.rawValue)
    #expect(hardware.exceptionRegisters[.spsr] == 0x30)
    #expect(hardware.exceptionRegisters[.elr] == 0x1002)
  }

  @Test("the same breakpoint of both: the debugger first, the guest's on resume")
  func bothBreakpoints() throws {
    var machine = machine([.nop], StepTests.el0, mdscr: 0x8000, Self.breakpoint(0, at: 0x1000))
    try machine.requests.insertBreakpoint(at: 0x1000)
    #expect(machine.run() == .breakpoint(address: 0x1000))
    #expect(machine.core.esr == 0)
    #expect(machine.run(observations: 1) == nil)
    #expect(machine.core.esr == 0xC200_0022)
    // The instruction has not run yet: back from the handler, it is the debugger's again.
    #expect(machine.run() == .breakpoint(address: 0x1000))
  }

  @Test("the same watched bytes of both: the debugger first, the guest's on resume")
  func bothWatchpoints() throws {
    var machine = machine(
      [.store(0x4000, size: 8)], StepTests.el0, mdscr: 0x8000, Self.watchpoint(0, at: 0x4000))
    try machine.requests.insertWatchpoint(at: 0x4000, length: 8, kind: .store)
    #expect(machine.run() == .watchpoint(address: 0x4000, kind: .store))
    #expect(machine.core.esr == 0)
    #expect(machine.run(observations: 1) == nil)
    #expect(machine.core.esr == 0xD200_0062)
    #expect(machine.core.far == 0x4000)
  }

  @Test("breakpoint and watchpoint of the debugger's on one instruction: each is reported once")
  func breakpointAndWatchpoint() throws {
    var machine = machine(
      [.store(0x4000, size: 4), .nop, .branch(0x1008)], StepTests.el0, mdscr: 0, [])
    try machine.requests.insertBreakpoint(at: 0x1000)
    try machine.requests.insertWatchpoint(at: 0x4002, length: 1, kind: .any)
    #expect(machine.run() == .breakpoint(address: 0x1000))
    #expect(machine.run() == .watchpoint(address: 0x4002, kind: .any))
    #expect(machine.core.transcript.isEmpty)
    #expect(machine.run() == nil)
    #expect(machine.core.transcript.prefix(2) == [.executed(0x1000), .executed(0x1004)])
  }

  @Test("a breakpoint in a loop is reported each time round")
  func loop() throws {
    var machine = machine([.branch(0x1000)], StepTests.el0, mdscr: 0, [])
    try machine.requests.insertBreakpoint(at: 0x1000)
    for round in 0..<3 {
      #expect(machine.run() == .breakpoint(address: 0x1000))
      #expect(machine.core.transcript.count == round)
    }
  }

  @Test("moved to another breakpoint, the guest stops there too")
  func movedPC() throws {
    var machine = machine([.nop, .nop, .branch(0x1008)], StepTests.el0, mdscr: 0, [])
    try machine.requests.insertBreakpoint(at: 0x1000)
    try machine.requests.insertBreakpoint(at: 0x1004)
    #expect(machine.run() == .breakpoint(address: 0x1000))
    machine.context.pc = 0x1004
    #expect(machine.run() == .breakpoint(address: 0x1004))
    machine.context.pc = 0x1000
    #expect(machine.run() == .breakpoint(address: 0x1000))
  }

  @Test(
    "the debugger's breakpoint fires under every mask of the guest's", arguments: [UInt64(0), 1])
  func guestMasksDoNotBindTheDebugger(lock: UInt64) throws {
    var machine = machine(
      [.nop, .nop], StepTests.el1Masked, mdscr: 0, [(RandomProgram.oslar, lock)])
    try machine.requests.insertBreakpoint(at: 0x1004)
    #expect(machine.run() == .breakpoint(address: 0x1004))
  }

  @Test("when the guest takes a comparator that the debugger holds, the debugger's moves")
  func comparatorTaken() throws {
    var machine = machine(
      [
        .msr(SystemRegister(2, 0, 0, 3, 4), 0x3000), .msr(SystemRegister(2, 0, 0, 3, 5), 0x1E7),
        .nop,
      ], StepTests.el1Masked, mdscr: 0xA000, [])
    try machine.requests.insertBreakpoint(at: 0x1008)
    #expect(machine.run() == .breakpoint(address: 0x1008))
    #expect(machine.debug.plan.breakpointOwners[3] == .guest)
    #expect(machine.debug.plan.breakpointOwners[2] == .debugger(request: 0))
    #expect(machine.core.bvr[3] == 0x3000)
    #expect(machine.core.bvr[2] == 0x1008)
  }

  @Test("with none left the debugger's is dropped, remembered, and back when there is room")
  func dropped() throws {
    let all = (0..<6 as Range<UInt8>).flatMap { Self.breakpoint($0, at: 0x3000) }
    var machine = machine(
      [.nop, .msr(SystemRegister(2, 0, 0, 4, 5), 0), .nop, .nop], StepTests.el1Masked,
      mdscr: 0xA000, all)
    try machine.requests.insertBreakpoint(at: 0x1000)
    try machine.requests.insertBreakpoint(at: 0x1004)
    #expect(machine.debug.fits(machine.requests) == true)
    let unplaced = machine.debug.unplaced(of: machine.requests)
    #expect(unplaced.breakpoints.bits == 0b11)
    #expect(machine.run(ticks: 1) == nil)
    #expect(machine.debug.plan.unplaced.breakpoints.bits == 0b11)
    #expect(
      machine.debug.missed.breakpoints.bits == 0b11 && machine.debug.missed.watchpoints.bits == 0)
    machine.debug.forgetMissed()
    #expect(machine.run(observations: 2) == nil)
    machine.context.pc = 0x1000
    #expect(machine.run() == .breakpoint(address: 0x1000))
    #expect(machine.debug.plan.unplaced.breakpoints.bits == 0b10)
    #expect(machine.debug.plan.breakpointOwners[4] == .debugger(request: 0))
    #expect(machine.debug.missed.breakpoints.bits == 0b10)
    machine.debug.forgetMissed()
    #expect(machine.debug.missed.isEmpty)
  }

  @Test("what was without a comparator for a while is remembered after it has one again")
  func missedForAWhile() throws {
    let all = (0..<4 as Range<UInt8>).flatMap { n in
      [
        (SystemRegister(2, 0, 0, n, 6), 0x5000), (SystemRegister(2, 0, 0, n, 7), 0x1FFF),
      ] as [(SystemRegister, UInt64)]
    }
    var machine = machine(
      [.nop, .msr(SystemRegister(2, 0, 0, 2, 7), 0), .nop], StepTests.el1Masked, mdscr: 0xA000, all)
    try machine.requests.insertWatchpoint(at: 0x4000, length: 8, kind: .store)
    #expect(machine.run(observations: 3) == nil)
    #expect(machine.debug.plan.isComplete)
    #expect(
      machine.debug.missed.watchpoints.bits == 0b1 && machine.debug.missed.breakpoints.bits == 0)
  }

  // MARK: What an emulator does not show

  /// A vCPU in shared mode at EL0 with a guest's watchpoint at 0x4000 and requests, on recording
  /// hardware; what a watchpoint exception with `far` comes to.
  private func watchpoint(
    far: UInt64, iss: UInt64 = 0x62, guest: UInt64? = 0x4000, _ requests: borrowing DebugRequests,
    _ context: inout GuestContext, _ hardware: inout RecordingHardware
  ) -> Disposition {
    var debug = VirtualDebug(capabilities: .model, features: .none)
    var registers: Registers = [(RandomProgram.oslar, 0), (RandomProgram.mdscr, 0x8000)]
    if let guest { registers += Self.watchpoint(0, at: guest) }
    for (register, value) in registers {
      _ = debug.access(
        SystemRegisterAccess(register: register, rt: 0, isRead: false), value: value)
    }
    debug.prepareToRun(context: &context, hardware: &hardware, requests: requests)
    let syndrome = Syndrome(.watchpointLower, iss: iss)
    debug.guestExited(syndrome, context: &context, hardware: &hardware)
    let disposition = debug.handle(
      syndrome, faultAddress: far, context: &context, hardware: &hardware)
    debug.prepareToRun(context: &context, hardware: &hardware, requests: requests)
    return disposition
  }

  @Test(
    "a FAR below the watched bytes goes to the nearest comparator above it",
    arguments: [
      // FAR; the guest watches 0x4000 to 0x4007, the debugger 0x4020 to 0x4023
      (0x4000, nil), (0x4007, nil), (0x4008, 0x4020), (0x401F, 0x4020), (0x4020, 0x4020),
      (0x4023, 0x4023), (0x5A00_0000_0000_4021, 0x4021),
    ] as [(UInt64, UInt64?)])
  func farBelow(far: UInt64, stop: UInt64?) throws {
    var requests = DebugRequests()
    try requests.insertWatchpoint(at: 0x4020, length: 4, kind: .store)
    var hardware = RecordingHardware()
    var context = GuestContext(pc: 0x1000, pstate: StepTests.el0)
    let disposition = watchpoint(far: far, requests, &context, &hardware)
    if let stop {
      let told = disposition.stop(in: requests)
      #expect(told == .watchpoint(address: stop, kind: .store))
    } else {
      #expect(disposition == .resume)
      #expect(hardware.exceptionRegisters[.esr] == 0xD200_0062)
      #expect(hardware.exceptionRegisters[.far] == far)
    }
  }

  @Test("a comparator number in the syndrome settles it")
  func numbered() throws {
    var requests = DebugRequests()
    try requests.insertWatchpoint(at: 0x4020, length: 4, kind: .store)
    var hardware = RecordingHardware()
    var context = GuestContext(pc: 0x1000, pstate: StepTests.el0)
    // FAR below both, nearer to the guest's; WPT = 3, the debugger's.
    let disposition = watchpoint(
      far: 0x3FF8, iss: 3 << 18 | 1 << 17 | 0x62, requests, &context, &hardware)
    let told = disposition.stop(in: requests)
    #expect(told == .watchpoint(address: 0x4020, kind: .store))
  }

  @Test(
    "a watchpoint exception that is nobody's is passed over, with every watchpoint disarmed once")
  func nobodys() throws {
    var requests = DebugRequests()
    try requests.insertWatchpoint(at: 0x4020, length: 4, kind: .store)
    var hardware = RecordingHardware()
    var context = GuestContext(pc: 0x1000, pstate: StepTests.el0)
    // A load, which no comparator watches for, far away.
    let disposition = watchpoint(
      far: 0x9000, iss: 0x22, guest: nil, requests, &context, &hardware)
    #expect(disposition == .resume)
    #expect(context.pc == 0x1000)
    #expect(context.pstate.ss)
    for n in 0..<4 { #expect((hardware.values[.dbgwcr(n)] ?? 0) & 1 == 0) }
    #expect(hardware.values[.mdscr] == 1)
  }

  @Test("a context breakpoint of the guest's is believed, for the processor has compared it")
  func contextBreakpoint() {
    var hardware = RecordingHardware()
    hardware.exceptionRegisters[.vbar] = 0x8000
    var debug = VirtualDebug(capabilities: .model, features: .none)
    for (register, value) in [
      (RandomProgram.oslar, 0), (RandomProgram.mdscr, 0x8000),
      (SystemRegister(2, 0, 0, 5, 4), 0x77), (SystemRegister(2, 0, 0, 5, 5), 0x20_01E5),
    ] as Registers {
      _ = debug.access(
        SystemRegisterAccess(register: register, rt: 0, isRead: false), value: value)
    }
    debug.requestStep()
    var context = GuestContext(pc: 0x1234, pstate: StepTests.el0)
    debug.prepareToRun(context: &context, hardware: &hardware, requests: DebugRequests())
    let syndrome = Syndrome(.breakpointLower, iss: 0x22)
    debug.guestExited(syndrome, context: &context, hardware: &hardware)
    let disposition = debug.handle(
      syndrome, faultAddress: 0, context: &context, hardware: &hardware)
    #expect(disposition == .resume)
    #expect(hardware.exceptionRegisters[.esr] == 0xC200_0022)
    #expect(context.pc == 0x8400)
    #expect(debug.debuggerStep == .done)
  }
}
