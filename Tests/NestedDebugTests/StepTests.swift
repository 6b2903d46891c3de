import ArmDebug
import DebugModel
import NestedDebug
import Testing

/// The debugger's steps, and the guest's own beside them.
@Suite("Stepping")
struct StepTests {
  static let el0 = PState(rawValue: 0)
  static let el1 = PState(rawValue: 0x5)
  static let el1Masked = PState(rawValue: 0x3C5)

  /// A machine at 0x1000 with `code` there, in state `state`, and handlers that return at once.
  static func machine(
    _ code: [Operation], _ state: PState, guestMDSCR: UInt64 = 0
  ) -> NestedMachine {
    var core = ModelCore()
    for (n, operation) in code.enumerated() { core.program[0x1000 + UInt64(n) * 4] = operation }
    for offset in stride(from: UInt64(0), to: 0x800, by: 0x80) {
      core.program[core.vbar + offset] = .mrs(ModelCore.esr)
      core.program[core.vbar + offset + 4] = .eret
    }
    core.pc = 0x1000
    core.pstate = state
    var machine = NestedMachine(core)
    for (register, value) in [(RandomProgram.oslar, 0), (RandomProgram.mdscr, guestMDSCR)] {
      _ = machine.debug.access(
        SystemRegisterAccess(register: register, rt: 0, isRead: false), value: value)
    }
    return machine
  }

  @Test(
    "one step is one instruction, whatever it is; an exception that it takes stops at its vector",
    arguments: [
      // instruction, state, PC afterwards, instructions completed
      (.nop, el0, 0x1004, 1), (.nop, el1, 0x1004, 1), (.nop, el1Masked, 0x1004, 1),
      (.branch(0x1000), el0, 0x1000, 1), (.store(0x4000, size: 8), el0, 0x1004, 1),
      (.hvc, el1, 0x1004, 1), (.wfi, el1, 0x1004, 1), (.wfi, el0, 0x1004, 1),
      (.daifSet(0xF), el1, 0x1004, 1), (.daifClr(0xF), el1Masked, 0x1004, 1),
      // Trapped and completed by EL2.
      (.mrs(RandomProgram.mdscr), el1, 0x1004, 1), (.msr(RandomProgram.oslar, 0), el1, 0x1004, 1),
      (.msr(RandomProgram.mdscr, 0x8000), el1Masked, 0x1004, 1),
      // Exceptions: SVC completes, the others do not.
      (.svc, el0, 0x8400, 1), (.svc, el1, 0x8200, 1), (.undefined, el0, 0x8400, 0),
      (.undefined, el1, 0x8200, 0), (.brk(7), el0, 0x8400, 0), (.brk(7), el1, 0x8200, 0),
      (.mrs(SystemRegister(2, 0, 0, 9, 5)), el1, 0x8200, 0),
    ] as [(Operation, PState, UInt64, Int)])
  func oneInstruction(operation: Operation, state: PState, pc: UInt64, completed: Int) {
    var machine = Self.machine([operation], state)
    let stop = machine.step()
    #expect(stop == .step)
    #expect(machine.context.pc == pc)
    #expect(machine.core.transcript.count == completed)
    // Nothing of the step is left where the guest could read it.
    #expect(!PState(rawValue: machine.core.spsr).ss)
    #expect(!machine.context.pstate.ss)
    #expect(machine.debug.guest.mdscr.ss == false)
  }

  @Test("a step of an exception return stops at its target", arguments: [el0, el1, el1Masked])
  func exceptionReturn(target: PState) {
    var machine = Self.machine(
      [.prepareReturn(to: 0x2000, target), .eret], Self.el1Masked)
    #expect(machine.step() == .step)
    #expect(machine.step() == .step)
    #expect(machine.context == GuestContext(pc: 0x2000, pstate: target))
  }

  @Test("a step passes over the debugger's own breakpoint at its start")
  func ownBreakpoint() throws {
    var machine = Self.machine([.nop, .nop], Self.el1)
    try machine.requests.insertBreakpoint(at: 0x1000)
    #expect(machine.step() == .step)
    #expect(machine.context.pc == 0x1004)
    // Also after it was reported.
    machine.context.pc = 0x1000
    #expect(machine.run() == .breakpoint(address: 0x1000))
    #expect(machine.step() == .step)
    #expect(machine.context.pc == 0x1004)
  }

  @Test("a breakpoint where a step ends is reported when the guest goes on, not twice")
  func breakpointAtEnd() throws {
    var machine = Self.machine([.nop, .nop, .branch(0x1008)], Self.el1)
    try machine.requests.insertBreakpoint(at: 0x1004)
    #expect(machine.step() == .step)
    #expect(machine.run() == .breakpoint(address: 0x1004))
    #expect(machine.run() == nil)
    #expect(machine.context.pc == 0x1008)
  }

  @Test("cancelled, a step is as if it had not been asked for")
  func cancelled() {
    var machine = Self.machine([.nop, .branch(0x1004)], Self.el1)
    machine.debug.requestStep()
    machine.debug.cancelStep()
    #expect(machine.run() == nil)
    #expect(machine.context.pc == 0x1004)
    #expect(machine.debug.mode == .native)
  }

  @Test(
    "cancelled after an event was passed over, it leaves the breakpoint where it began in force")
  func cancelledAtBreakpoint() throws {
    // A watchpoint of the guest's own, at EL1 with PSTATE.D = 1: masked.
    var machine = Self.machine([.store(0x4000, size: 8)], Self.el1Masked, guestMDSCR: 0xA000)
    for (register, value) in [
      (SystemRegister(2, 0, 0, 0, 6), 0x4000), (SystemRegister(2, 0, 0, 0, 7), 0x1FF7),
    ]
      as [(SystemRegister, UInt64)]
    {
      _ = machine.debug.access(
        SystemRegisterAccess(register: register, rt: 0, isRead: false), value: value)
    }
    try machine.requests.insertBreakpoint(at: 0x1000)
    machine.debug.requestStep()
    #expect(machine.run(ticks: 1) == nil)
    #expect(machine.context.pc == 0x1000)
    machine.debug.cancelStep()
    #expect(machine.run() == .breakpoint(address: 0x1000))
  }

  // MARK: Interrupts

  @Test("a pending interrupt waits one instruction, and PSTATE.I is not what keeps it")
  func interruptWaits() {
    var machine = Self.machine([.mrs(.daif), .nop], Self.el1)
    machine.core.interruptPending = true
    #expect(machine.step() == .step)
    #expect(machine.core.transcript == [.read(0x1000, 0)])
    #expect(machine.context == GuestContext(pc: 0x1004, pstate: Self.el1))
    // Then it is taken, and its SPSR_EL1 shows no step.
    #expect(machine.run(ticks: 1) == nil)
    #expect(machine.context.pc == 0x8280)
    #expect(machine.core.spsr == 0x5)
    #expect(machine.core.elr == 0x1004)
  }

  @Test("nor is it taken between the instruction that lifts the mask and the stop")
  func interruptAfterUnmasking() {
    for code: [Operation] in [[.daifClr(2)], [.eret]] {
      var machine = Self.machine(code, Self.el1Masked)
      machine.core.elr = 0x1004
      machine.core.spsr = 0x5
      machine.core.interruptPending = true
      #expect(machine.step() == .step)
      #expect(machine.context.pc == 0x1004)
      #expect(!machine.context.pstate.i)
    }
  }

  @Test("an instruction that looks at pending interrupts sees them", arguments: [true, false])
  func pendingIsSeen(pending: Bool) {
    var machine = Self.machine([.readPending, .acknowledge], Self.el1Masked)
    machine.core.interruptPending = pending
    #expect(machine.step() == .step)
    #expect(machine.step() == .step)
    #expect(
      machine.core.transcript == [
        .read(0x1000, pending ? 0x80 : 0), .read(0x1004, pending ? 27 : 1023),
      ])
    #expect(machine.core.withheld == false)
  }

  @Test("where it would be taken before such an instruction, it is, and the step stops there")
  func pendingAndUnmasked() {
    var machine = Self.machine([.readPending], Self.el1)
    machine.core.interruptPending = true
    #expect(machine.step() == .step)
    #expect(machine.context.pc == 0x8280)
    #expect(machine.core.spsr == 0x5)
    #expect(machine.core.transcript.isEmpty)
  }

  @Test("nothing is withheld or trapped any more when the guest goes on")
  func nothingWithheld() {
    var machine = Self.machine([.nop, .branch(0x1004)], Self.el1)
    machine.core.interruptPending = true
    _ = machine.step()
    #expect(machine.core.withheld)
    #expect(machine.core.trapsWaits)
    _ = machine.run(ticks: 1)
    #expect(!machine.core.withheld)
    #expect(!machine.core.trapsWaits)
  }

  // MARK: The guest's own step

  @Test("the guest steps its program, as ptrace does, with a debugger attached")
  func guestSteps() throws {
    var machine = Self.machine(
      [.msr(RandomProgram.mdscr, 1), .prepareReturn(to: 0x2000, PState(rawValue: 1 << 21)), .eret],
      Self.el1Masked)
    machine.core.program[0x2000] = .nop
    try machine.requests.insertBreakpoint(at: 0xF000)
    #expect(machine.run(observations: 5) == nil)
    // From a lower exception level, ISV = 1.
    #expect(machine.core.transcript.last == .read(0x8400, 0xCB00_0022))
    #expect(machine.core.transcript.dropLast().last == .executed(0x2000))
    #expect(machine.core.elr == 0x2004)
    #expect(machine.core.spsr == 0)
  }

  @Test("the guest's step begins even where EL2 cannot read its instructions")
  func guestStepsUnreadable() throws {
    var machine = Self.machine([.eret], Self.el1Masked, guestMDSCR: 1)
    machine.core.program[0x2000] = .nop
    machine.core.elr = 0x2000
    machine.core.spsr = 1 << 21
    machine.core.isReadable = false
    try machine.requests.insertBreakpoint(at: 0xF000)
    #expect(machine.run(observations: 3) == nil)
    #expect(
      machine.core.transcript == [.executed(0x1000), .executed(0x2000), .read(0x8400, 0xCB00_0022)])
  }

  @Test("the guest steps itself at EL1, as a kernel debugger does")
  func guestStepsKernel() throws {
    var machine = Self.machine(
      [
        .msr(RandomProgram.mdscr, 0x2001),
        .prepareReturn(to: 0x100C, PState(rawValue: 0x5 | 1 << 21)), .eret, .nop,
      ], Self.el1Masked)
    try machine.requests.insertBreakpoint(at: 0xF000)
    #expect(machine.run(observations: 5) == nil)
    #expect(machine.core.transcript.last == .read(0x8200, 0xCF00_0022))
    #expect(machine.core.elr == 0x1010)
  }

  @Test("D lifted by the guest while its step is pending: the exception comes at once, ISV = 0")
  func guestStepPending() throws {
    var machine = Self.machine(
      [.daifClr(8), .nop], Self.el1Masked, guestMDSCR: 0x2001)
    try machine.requests.insertBreakpoint(at: 0xF000)
    #expect(machine.run(observations: 2) == nil)
    #expect(machine.core.transcript == [.executed(0x1000), .read(0x8200, 0xCE00_0022)])
    #expect(machine.core.elr == 0x1004)
  }

  @Test("both step the same instruction: the debugger hears first, then the guest, ISV = 1")
  func bothStep() {
    var state = Self.el0
    state.ss = true
    var machine = Self.machine([.nop], state, guestMDSCR: 1)
    #expect(machine.step() == .step)
    #expect(machine.context.pc == 0x1004)
    // The guest's exception is the next thing to happen, and a step stops at its vector.
    #expect(machine.step() == .step)
    #expect(machine.context.pc == 0x8400)
    #expect(machine.core.esr == 0xCB00_0022)
    #expect(machine.core.elr == 0x1004)
    #expect(machine.core.spsr == 0)
  }

  @Test("also where EL2 completes the instruction", arguments: [true, false])
  func bothStepCompleted(byEmulation: Bool) {
    var state = Self.el1
    state.ss = true
    var machine = Self.machine(
      [byEmulation ? .mrs(RandomProgram.oslsr) : .hvc], state, guestMDSCR: 0x2001)
    #expect(machine.step() == .step)
    #expect(machine.context.pc == 0x1004)
    #expect(machine.step() == .step)
    #expect(machine.context.pc == 0x8200)
    // HVC takes the step with it to EL2: ISV = 0.
    #expect(machine.core.esr == (byEmulation ? 0xCF00_0022 : 0xCE00_0022))
    #expect(machine.core.elr == 0x1004)
  }

  @Test("an HVC right before a vector is not taken for an exception")
  func hypercallBeforeVector() {
    var machine = Self.machine([], Self.el1Masked)
    machine.core.program[0x81FC] = .hvc
    machine.context.pc = 0x81FC
    machine.core.spsr = 1 << 21
    #expect(machine.step() == .step)
    #expect(machine.context.pc == 0x8200)
    // What the guest has put there stays.
    #expect(machine.core.spsr == 1 << 21)
  }

  @Test("an interrupt before the guest's stepped instruction shows SPSR_EL1.SS = 1, as it should")
  func guestStepInterrupted() throws {
    var state = Self.el0
    state.ss = true
    var machine = Self.machine([.nop], state, guestMDSCR: 1)
    machine.core.interruptPending = true
    machine.core.program[0x8480] = .acknowledge
    try machine.requests.insertBreakpoint(at: 0xF000)
    #expect(machine.run(observations: 1) == nil)
    #expect(machine.core.spsr == 1 << 21)
    #expect(machine.run(observations: 4) == nil)
    #expect(
      machine.core.transcript.dropFirst() == [
        .executed(0x8484), .executed(0x1000), .read(0x8400, 0xCB00_0022),
      ])
  }

  @Test("a trapped register access is one of the guest's steps, ISV = 1")
  func guestStepsEmulated() throws {
    var state = Self.el1
    state.ss = true
    var machine = Self.machine([.mrs(RandomProgram.oslsr)], state, guestMDSCR: 0x2001)
    try machine.requests.insertBreakpoint(at: 0xF000)
    #expect(machine.run(observations: 2) == nil)
    #expect(machine.core.transcript == [.read(0x1000, 0b1000), .read(0x8200, 0xCF00_0022)])
  }

  @Test("the guest goes on stepping when the debugger leaves in the middle")
  func debuggerLeaves() throws {
    var machine = Self.machine(
      [.nop, .nop, .eret], Self.el1Masked, guestMDSCR: 1)
    machine.core.program[0x2000] = .nop
    machine.core.elr = 0x2000
    machine.core.spsr = 1 << 21
    #expect(machine.step() == .step)
    #expect(machine.run(observations: 5) == nil)
    #expect(machine.debug.mode == .native)
    #expect(machine.core.transcript.last == .read(0x8400, 0xCB00_0022))
  }
}
