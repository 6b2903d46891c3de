import ArmDebug
import DebugModel
import NestedDebug
import Testing

/// Steps of the guest's over an instruction that EL2 completes, in native mode and in shared mode. What
/// the guest's step exception says must not depend on the mode.
@Suite("Steps over what EL2 completes")
struct CompletedStepTests {
  /// How the instruction at PC came to EL2 and was completed there.
  enum Completion: CaseIterable {
    /// A load or store of the interrupt controller's.
    case access
    /// A write of an SGI register.
    case systemRegister
    case smc
    case hvc

    /// What the guest's step exception says: an SMC or HVC is an exception that was returned from.
    var isv: Bool { self == .access || self == .systemRegister }

    func perform(
      on debug: inout VirtualDebug, _ context: inout GuestContext,
      _ hardware: inout RecordingHardware
    ) {
      // HVC comes to EL2 having run: PC behind it, SS = 0.
      if self == .hvc {
        context.pc += 4
        context.pstate.ss = false
      }
      let syndrome: Syndrome =
        switch self {
        case .access: Syndrome(.dataAbortLower)
        case .systemRegister: Syndrome(.systemRegister)
        case .smc: Syndrome(.smc64)
        case .hvc: Syndrome(.hvc64)
        }
      debug.guestExited(syndrome, context: &context, hardware: &hardware)
      switch self {
      case .access, .systemRegister: debug.instructionEmulated(context: &context)
      case .smc: debug.firmwareCallReturned(context: &context)
      case .hvc: break
      }
    }
  }

  /// MDSCR_EL1.SS and KDE, no locks, and vectors at 0x8000.
  private static func hardware(mdscr: UInt64 = 0x2001) -> RecordingHardware {
    var hardware = RecordingHardware.filled(osLock: false)
    hardware.values[.mdscr] = mdscr
    hardware.exceptionRegisters[.vbar] = 0x8000
    return hardware
  }

  private static func native() -> VirtualDebug {
    var debug = VirtualDebug(capabilities: .model, features: .none)
    var other = RecordingHardware()
    var context = GuestContext(pc: 0, pstate: .el1Reset)
    debug.prepareToRun(context: &context, hardware: &other, requests: DebugRequests())
    return debug
  }

  private static var requests: DebugRequests {
    var requests = DebugRequests()
    try? requests.insertBreakpoint(at: 0xF000)
    return requests
  }

  /// Where the guest stands, about to step the instruction at 0x1000.
  private static func stepping(_ el: ExceptionLevel) -> GuestContext {
    GuestContext(pc: 0x1000, pstate: PState(rawValue: 1 << 21 | (el == .el1 ? 0x5 : 0)))
  }

  @Test(
    "in native mode the exception is the guest's with ISV = 1, or left to the hardware",
    arguments: Completion.allCases, [ExceptionLevel.el0, .el1])
  func native(completion: Completion, el: ExceptionLevel) {
    var hardware = Self.hardware()
    var debug = Self.native()
    var context = Self.stepping(el)
    completion.perform(on: &debug, &context, &hardware)
    debug.prepareToRun(context: &context, hardware: &hardware, requests: DebugRequests())
    #expect(debug.mode == .native)
    #expect(hardware.events.isEmpty)
    if completion.isv {
      #expect(context.pc == (el == .el1 ? 0x8200 : 0x8400))
      #expect(hardware.exceptionRegisters[.esr] == (el == .el1 ? 0xCF00_0022 : 0xCB00_0022))
      #expect(hardware.exceptionRegisters[.elr] == 0x1004)
      #expect(hardware.exceptionRegisters[.spsr] == (el == .el1 ? 0x5 : 0))
      #expect(context.pstate.d && !context.pstate.ss)
    } else {
      // Entered with SS = 0 the hardware's machine is active-pending: ISV = 0.
      #expect(context == GuestContext(pc: 0x1004, pstate: PState(rawValue: el == .el1 ? 5 : 0)))
      #expect(hardware.exceptionRegisters[.esr] == nil)
    }
    // It is taken once.
    let handler = context
    debug.guestExited(nil, context: &context, hardware: &hardware)
    debug.prepareToRun(context: &context, hardware: &hardware, requests: DebugRequests())
    #expect(context == handler)
  }

  @Test(
    "in shared mode it says the same", arguments: Completion.allCases, [ExceptionLevel.el0, .el1])
  func shared(completion: Completion, el: ExceptionLevel) throws {
    var hardware = Self.hardware()
    var debug = Self.native()
    var context = Self.stepping(el)
    debug.prepareToRun(context: &context, hardware: &hardware, requests: Self.requests)
    #expect(debug.mode == .shared)
    completion.perform(on: &debug, &context, &hardware)
    debug.prepareToRun(context: &context, hardware: &hardware, requests: Self.requests)
    let expected = Syndrome(
      el == .el1 ? .stepSame : .stepLower,
      iss: DebugSyndrome.step(isv: completion.isv, ex: false).rawValue)
    #expect(hardware.exceptionRegisters[.esr] == expected.rawValue)
    #expect(hardware.exceptionRegisters[.elr] == 0x1004)
  }

  @Test("and when the debugger comes in between", arguments: Completion.allCases)
  func debuggerComes(completion: Completion) throws {
    var hardware = Self.hardware()
    var debug = Self.native()
    var context = Self.stepping(.el0)
    completion.perform(on: &debug, &context, &hardware)
    debug.captureGuestState(hardware: &hardware)
    debug.prepareToRun(context: &context, hardware: &hardware, requests: Self.requests)
    let expected = DebugSyndrome.step(isv: completion.isv, ex: false).rawValue
    #expect(hardware.exceptionRegisters[.esr] == 0xCA00_0000 | expected)
    #expect(context.pc == 0x8400)
  }

  @Test(
    "a guest that does not step takes no exception, whatever EL2 completes",
    arguments: Completion.allCases)
  func notStepping(completion: Completion) {
    var hardware = Self.hardware(mdscr: 0)
    var debug = Self.native()
    var context = GuestContext(pc: 0x1000, pstate: PState(rawValue: 0x5))
    completion.perform(on: &debug, &context, &hardware)
    debug.prepareToRun(context: &context, hardware: &hardware, requests: DebugRequests())
    #expect(context == GuestContext(pc: 0x1004, pstate: PState(rawValue: 0x5)))
    #expect(hardware.exceptionRegisters[.esr] == nil)
  }

  @Test("a lock that the hardware does not heed is left to the hardware")
  func locked() {
    var hardware = Self.hardware()
    hardware.values[.oslsr] = 0b1010
    var debug = Self.native()
    var context = Self.stepping(.el0)
    Completion.access.perform(on: &debug, &context, &hardware)
    debug.prepareToRun(context: &context, hardware: &hardware, requests: DebugRequests())
    #expect(context == GuestContext(pc: 0x1004, pstate: PState(rawValue: 0)))
  }
}
