import ArmDebug
import DebugModel
import NestedDebug
import Testing

/// Corners of the architecture that no guest in use goes to, and no emulator has.
@Suite("Corners of the architecture")
struct CornerTests {
  /// A vCPU in shared mode whose guest has written `registers`.
  private static func debug(
    _ registers: [(DebugRegister, UInt64)], _ requests: borrowing DebugRequests,
    _ context: inout GuestContext, _ hardware: inout RecordingHardware
  ) throws -> VirtualDebug {
    var debug = VirtualDebug(capabilities: .model, features: .none)
    hardware.exceptionRegisters[.vbar] = 0x8000
    for (register, value) in [(.oslar, 0)] + registers {
      let encoding = register.encoding
      _ = debug.access(.init(register: encoding, rt: 0, isRead: false), value: value)
    }
    debug.prepareToRun(context: &context, hardware: &hardware, requests: requests)
    return debug
  }

  private static func breakpoint(at address: UInt64) throws -> DebugRequests {
    var requests = DebugRequests()
    try requests.insertBreakpoint(at: address)
    return requests
  }

  // MARK: T32

  @Test(
    "a breakpoint exception is the debugger's at exactly the address that it asked for",
    arguments: [
      // asked for, PC, PSTATE.T, the debugger's
      (0x1000, 0x1000, true, true), (0x1000, 0x1002, true, false), (0x1002, 0x1002, true, true),
      (0x1002, 0x1000, false, false), (0x1000, 0xFFE, true, false), (0x1000, 0x1000, false, true),
    ] as [(UInt64, UInt64, Bool, Bool)])
  func halfwords(asked: UInt64, pc: UInt64, isT32: Bool, isDebuggers: Bool) throws {
    var hardware = RecordingHardware()
    let state = PState(rawValue: isT32 ? 0x30 : 0x10)
    var context = GuestContext(pc: pc, pstate: state)
    let requests = try Self.breakpoint(at: asked)
    var debug = try Self.debug([], requests, &context, &hardware)
    let syndrome = Syndrome(.breakpointLower, iss: 0x22)
    debug.guestExited(syndrome, context: &context, hardware: &hardware)
    let disposition = debug.handle(
      syndrome, faultAddress: 0, context: &context, hardware: &hardware)
    let stop = disposition.stop(in: requests)
    #expect(stop == (isDebuggers ? .breakpoint(address: pc) : nil))
    #expect((disposition == .resume) == !isDebuggers)
    // Nobody's is passed over, and the guest is told of none.
    debug.prepareToRun(context: &context, hardware: &hardware, requests: requests)
    #expect(context.pc == pc)
    #expect(context.pstate.ss)
    #expect((hardware.values[.dbgbcr(0)] ?? 0) & 1 == 0)
  }

  // MARK: Steps

  @Test(
    "an illegal exception return that lifts the mask begins a step as a legal one does",
    // To EL2; to EL3; to a reserved mode.
    arguments: [0x9, 0xD, 0xE] as [UInt64], [true, false])
  func illegalReturn(mode: UInt64, ss: Bool) throws {
    var hardware = RecordingHardware()
    hardware.instruction = 0xD69F_03E0
    hardware.exceptionRegisters[.spsr] = mode | (ss ? 1 << 21 : 0)
    // KDE and SS; D = 1: the guest's step is masked.
    var context = GuestContext(pc: 0x1000, pstate: PState(rawValue: 0x205))
    let requests = try Self.breakpoint(at: 0xF000)
    var debug = try Self.debug([(.mdscr, 0x2001)], requests, &context, &hardware)
    #expect(context.pstate.ss)
    // It stays at EL1, with IL = 1 and the masks of the SPSR.
    context = GuestContext(pc: 0x2000, pstate: PState(rawValue: 0x10_0005))
    debug.guestExited(
      Syndrome(.stepLower, iss: 0x100_0022), context: &context, hardware: &hardware)
    #expect(context.pstate.ss == ss)
    // Active-not-pending: the Illegal Execution state exception comes first. Else the step.
    debug.prepareToRun(context: &context, hardware: &hardware, requests: requests)
    #expect(context.pc == (ss ? 0x2000 : 0x8200))
  }

  @Test("a stepped SMC has not been executed, says the syndrome; what EL2 emulates has")
  func firmwareCall() throws {
    for isCall in [true, false] {
      var hardware = RecordingHardware()
      let state = PState(rawValue: 0x20_0005)
      var context = GuestContext(pc: 0x1000, pstate: state)
      let requests = try Self.breakpoint(at: 0xF000)
      var debug = try Self.debug([(.mdscr, 0x2001)], requests, &context, &hardware)
      // A trap leaves PSTATE.SS as it was.
      #expect(context == GuestContext(pc: 0x1000, pstate: state))
      debug.guestExited(
        Syndrome(isCall ? .smc64 : .systemRegister), context: &context, hardware: &hardware)
      if isCall {
        debug.firmwareCallReturned(context: &context)
      } else {
        debug.instructionEmulated(context: &context)
      }
      debug.prepareToRun(context: &context, hardware: &hardware, requests: requests)
      #expect(hardware.exceptionRegisters[.esr] == (isCall ? 0xCE00_0022 : 0xCF00_0022))
      #expect(hardware.exceptionRegisters[.elr] == 0x1004)
      #expect(context.pc == 0x8200)
    }
  }

  // MARK: Reserved values

  @Test(
    "the guest's watchpoint is armed in a form without reserved values, for the bytes it watches",
    arguments: [
      // DBGWVR, DBGWCR as written; as armed, where it is.
      (0x4000, 0x1FFF, 0x4000, 0x1FFF), (0x4000, 0x003F, 0x4000, 0x003F),
      // DBGWVR[2] = 1: BAS of the upper word.
      (0x4004, 0x007F, 0x4000, 0x061F), (0x4004, 0x1FFF, 0x4000, 0x1E1F),
      // BAS of two runs: the first.
      (0x4000, 0x10BF, 0x4000, 0x003F), (0x4000, 0x0A1F, 0x4000, 0x021F),
      // MASK beside BAS; bits below the mask; a block of eight bytes.
      (0x4000, 0x600_003F, 0x4000, 0x600_1FFF), (0x4038, 0x600_1FFF, 0x4000, 0x600_1FFF),
      (0x4000, 0x300_1FFF, 0x4000, 0x1FFF),
      // Reserved MASK; no BAS; LSC 00; reserved PAC.
      (0x4000, 0x100_1FFF, nil, nil), (0x4000, 0x200_1FFF, nil, nil), (0x4000, 0x1F, nil, nil),
      (0x4000, 0x1FE7, nil, nil), (0x4000, 0x1FF9, nil, nil),
      // HMC and SSC would watch EL2 too; SSC for Secure state alone.
      (0x4000, 0x3FFF, 0x4000, 0x1FFF), (0x4000, 0x9FFF, nil, nil),
      // Linked to nothing.
      (0x4000, 0x15_1FFF, nil, nil),
    ] as [(UInt64, UInt64, UInt64?, UInt64?)])
  func reservedWatchpoints(
    value: UInt64, control: UInt64, armedValue: UInt64?, armedControl: UInt64?
  ) throws {
    for n in 0..<4 {
      var hardware = RecordingHardware()
      var context = GuestContext(pc: 0x1000, pstate: .el1Reset)
      let debug = try Self.debug(
        [(.mdscr, 0xA000), (.dbgwvr(n), value), (.dbgwcr(n), control)],
        Self.breakpoint(at: 0xF000), &context, &hardware)
      #expect(debug.plan.watchpointOwners[n] == .guest)
      if let armedControl {
        #expect(hardware.values[.dbgwcr(n)] == armedControl)
        #expect(hardware.values[.dbgwvr(n)] == armedValue)
      } else {
        #expect((hardware.values[.dbgwcr(n)] ?? 0) & 1 == 0)
      }
    }
  }

  @Test(
    "the guest's breakpoint is armed in a form without reserved values",
    arguments: [
      // DBGBCR as written; as armed, where it is, on breakpoints 0 to 3 and on 4 and 5.
      (0x1E7, 0x1E7, 0x1E7), (0x67, 0x67, 0x67), (0x187, 0x187, 0x187),
      // BAS of a byte counts for its halfword; none is off.
      (0x27, 0x67, 0x67), (0xA7, 0x1E7, 0x1E7), (0x147, nil, nil), (0x7, nil, nil),
      // PMC 00; HMC; Secure state alone.
      (0x1E1, nil, nil), (0x21E7, 0x1E7, 0x1E7), (0x81E7, nil, nil),
      // Mismatch, linked and not; linked to nothing, and beyond the last.
      (0x40_01E7, nil, nil), (0x55_01E7, nil, nil), (0x15_01E7, nil, nil), (0x1F_01E7, nil, nil),
      // A context, and a partner, where contexts can be compared.
      (0x20_01E7, nil, 0x20_01E7), (0x30_01E7, nil, 0x30_01E7), (0x30_21E1, nil, 0x30_01E7),
    ] as [(UInt64, UInt64?, UInt64?)])
  func reservedBreakpoints(control: UInt64, plain: UInt64?, contextAware: UInt64?) throws {
    for n in 0..<6 {
      var hardware = RecordingHardware()
      var context = GuestContext(pc: 0x1000, pstate: .el1Reset)
      let debug = try Self.debug(
        [(.mdscr, 0xA000), (.dbgbvr(n), 0x2000), (.dbgbcr(n), control)],
        Self.breakpoint(at: 0xF000), &context, &hardware)
      #expect(debug.plan.breakpointOwners[n] == .guest)
      if let armed = n < 4 ? plain : contextAware {
        #expect(hardware.values[.dbgbcr(n)] == armed, "n = \(n)")
      } else {
        #expect((hardware.values[.dbgbcr(n)] ?? 0) & 1 == 0, "n = \(n)")
      }
    }
  }

  @Test("BAS[1] and BAS[3] read as copies of BAS[0] and BAS[2]", arguments: 0..<6)
  func copies(n: Int) throws {
    var hardware = RecordingHardware()
    var context = GuestContext(pc: 0x1000, pstate: .el1Reset)
    for bas in 0..<16 as Range<UInt64> {
      var debug = try Self.debug(
        [(.dbgbcr(n), 0x2_0000 | bas << 5)], Self.breakpoint(at: 0xF000), &context, &hardware)
      let encoding = DebugRegister.dbgbcr(n).encoding
      let read = debug.access(.init(register: encoding, rt: 0, isRead: true), value: 0)
      let halves: [UInt64] = [0, 0b0011, 0b1100, 0b1111]
      #expect(read == .read(0x2_0000 | halves[Int(bas & 1 | bas >> 1 & 2)] << 5))
    }
  }
}
