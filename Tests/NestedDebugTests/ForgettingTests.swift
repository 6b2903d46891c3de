import ArmDebug
import DebugModel
import Testing

@testable import NestedDebug

/// What must not be remembered: over a reset, and of an instruction that the debugger moves the guest away from.
@Suite("Forgetting")
struct ForgettingTests {
  // MARK: Reset

  @Test(
    "after a reset nothing is left of what the vCPU did, but for what the debugger has still to be told"
  )
  func reset() throws {
    var hardware = RecordingHardware.filled(osLock: false)
    hardware.instruction = 0xD503_201F  // NOP
    var context = GuestContext(pc: 0x1000, pstate: PState(rawValue: 0x5))
    var requests = DebugRequests()
    try requests.insertBreakpoint(at: 0x1000)
    try requests.insertWatchpoint(at: 0x4000, length: 8, kind: .store)
    var debug = VirtualDebug(capabilities: .model, features: .none)
    // The guest holds every breakpoint, and the debugger steps it over a point of its own.
    for n in 0..<6 as Range<UInt8> {
      _ = debug.access(
        .init(register: SystemRegister(2, 0, 0, n, 5), rt: 0, isRead: false), value: 0x1E7)
    }
    for (register, value) in [(RandomProgram.oslar, 0), (RandomProgram.mdscr, 0xA000)]
      as [(SystemRegister, UInt64)]
    {
      _ = debug.access(.init(register: register, rt: 0, isRead: false), value: value)
    }
    debug.prepareToRun(context: &context, hardware: &hardware, requests: requests)
    debug.guestExited(nil, context: &context, hardware: &hardware)
    debug.step.passOver(.debuggerWatchpoints, at: context.pc)
    debug.requestStep()
    debug.prepareToRun(context: &context, hardware: &hardware, requests: requests)
    #expect(debug.interruptsWithheld == true)
    #expect(debug.waitsTrapped == true)
    #expect(debug.missed.breakpoints.bits == 0b1)

    debug.reset()
    let fresh = VirtualDebug(capabilities: .model, features: .none)
    #expect(debug.mode == fresh.mode)
    #expect(debug.step == fresh.step)
    #expect(debug.exclusives == fresh.exclusives)
    #expect(debug.entry == nil)
    #expect(debug.planned == nil)
    #expect(debug.interruptsWithheld == nil)
    #expect(debug.waitsTrapped == nil)
    let flags = [
      debug.holdsExternalRegisters, debug.installedIsKnown, debug.allowsFastPath,
      debug.stepsForGuest,
    ]
    #expect(flags == [false, false, false, false])
    #expect(debug.preparedInputs.guestChanges == 0 && debug.preparedInputs.requestsGeneration == 0)
    #expect(debug.plan.breakpointOwners.everybodys.isEmpty)
    #expect(debug.plan.watchpointOwners.everybodys.isEmpty)
    #expect(debug.plan.mdscr.rawValue == 0 && debug.plan.isComplete)
    for n in 0..<16 {
      #expect(debug.plan.bank.breakpoints[n] == .off && debug.plan.bank.watchpoints[n] == .off)
      #expect(debug.guest.bank.breakpoints[n] == .off && debug.guest.bank.watchpoints[n] == .off)
      #expect(debug.installed.breakpoints[n] == .off && debug.installed.watchpoints[n] == .off)
    }
    #expect(debug.guest.mdscr == fresh.guest.mdscr)
    #expect(debug.guest.osLock == fresh.guest.osLock)
    #expect(debug.guest.changes == fresh.guest.changes)
    #expect(debug.missed.breakpoints.bits == 0b1)
  }

  @Test(
    "a vCPU that was turned off while it was stepped takes interrupts and waits when it is on again"
  )
  func resetHardware() {
    var hardware = RecordingHardware.filled(osLock: false)
    hardware.instruction = 0xD503_201F
    var context = GuestContext(pc: 0x1000, pstate: PState(rawValue: 0x5))
    var debug = VirtualDebug(capabilities: .model, features: .none)
    debug.requestStep()
    debug.prepareToRun(context: &context, hardware: &hardware, requests: DebugRequests())
    #expect(hardware.events.contains(.withheld(true)) && hardware.events.contains(.waits(true)))
    debug.reset()
    hardware.events = []
    debug.prepareToRun(context: &context, hardware: &hardware, requests: DebugRequests())
    #expect(hardware.events.contains(.withheld(false)))
    #expect(hardware.events.contains(.waits(false)))
  }

  // MARK: The debugger moves PC

  @Test(
    "a breakpoint that was told of is told of again where the debugger has moved the guest away and back"
  )
  func breakpoint() throws {
    var machine = StepTests.machine([.nop, .nop, .branch(0x1008)], StepTests.el1)
    try machine.requests.insertBreakpoint(at: 0x1000)
    #expect(machine.run() == .breakpoint(address: 0x1000))
    machine.context.pc = 0x1004
    machine.debug.programCounterMoved()
    machine.context.pc = 0x1000
    machine.debug.programCounterMoved()
    #expect(machine.run() == .breakpoint(address: 0x1000))
    #expect(machine.run() == nil)
    #expect(machine.context.pc == 0x1008)
  }

  @Test(
    "a store-exclusive that the debugger moves the guest to fails, for no monitor outlasts that")
  func exclusives() {
    var machine = ExclusiveTests.machine(ExclusiveTests.Form.all[3])
    let before = machine.core.memory
    #expect(machine.step() == .step)  // LDXR
    #expect(machine.step() == .step)
    machine.context.pc = ExclusiveTests.start + 12
    machine.debug.programCounterMoved()
    #expect(machine.step() == .step)  // STXR
    #expect(machine.core.x[5] == 1)
    #expect(machine.core.memory == before)
  }

  // MARK: Comparators that the guest lets go of

  @Test(
    "a request that found no comparator comes into force as the guest lets go, one after the other")
  func comesIntoForce() throws {
    let off = (0..<6 as Range<UInt8>).map { Operation.msr(SystemRegister(2, 0, 0, $0, 5), 0) }
    var machine = StepTests.machine(off + [.nop, .branch(0x101C)], StepTests.el1Masked)
    for n in 0..<6 as Range<UInt8> {
      _ = machine.debug.access(
        .init(register: SystemRegister(2, 0, 0, n, 5), rt: 0, isRead: false), value: 0x1E7)
    }
    for n in 0..<6 as Range<UInt64> { try machine.requests.insertBreakpoint(at: 0x1004 + 4 * n) }
    #expect(machine.debug.fits(machine.requests) == true)
    // Each instruction gives back one comparator, and the next breakpoint of the list is in force.
    for n in 0..<6 {
      #expect(machine.run() == .breakpoint(address: 0x1004 + 4 * UInt64(n)))
      let left = machine.debug.unplaced(of: machine.requests)
      #expect(left.breakpoints.bits == UInt16(truncatingIfNeeded: 0b11_1111 << (n + 1)) & 0b11_1111)
    }
  }
}
