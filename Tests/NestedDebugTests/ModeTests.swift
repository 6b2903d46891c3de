import ArmDebug
import DebugModel
import NestedDebug
import Testing

/// Capture, release and install, in an order that is right on real silicon: no emulator shows a
/// missing barrier or a comparator armed too early.
@Suite("Native and shared mode")
struct ModeTests {
  private var requests: DebugRequests {
    var requests = DebugRequests()
    try? requests.insertBreakpoint(at: 0xF000)
    return requests
  }

  /// A vCPU in native mode on `hardware`, with nothing recorded.
  private func native(_ hardware: inout RecordingHardware) -> VirtualDebug {
    var debug = VirtualDebug(capabilities: .model, features: .none)
    var other = RecordingHardware()
    prepare(&debug, &other, DebugRequests())
    hardware.events = []
    return debug
  }

  private func prepare(
    _ debug: inout VirtualDebug, _ hardware: inout RecordingHardware,
    _ requests: borrowing DebugRequests
  ) {
    var context = GuestContext(pc: 0x1000, pstate: PState(rawValue: 0x3C5))
    debug.prepareToRun(context: &context, hardware: &hardware, requests: requests)
  }

  @Test("after reset, native mode gives the guest its reset state, whatever firmware left behind")
  func firstEntry() {
    var hardware = RecordingHardware.filled(osLock: false)
    var debug = VirtualDebug(capabilities: .model, features: .none)
    prepare(&debug, &hardware, DebugRequests())
    #expect(debug.mode == .native)
    for n in 0..<6 { #expect(hardware.values[.dbgbcr(n)] == 0) }
    for n in 0..<4 { #expect(hardware.values[.dbgwcr(n)] == 0) }
    #expect(hardware.values[.mdscr] == 0)
    #expect(hardware.values[.oslsr] == 0b1010)
    #expect(!hardware.traps)
  }

  @Test("native mode costs nothing: no access to the debug hardware on the way to the guest")
  func nativeIsFree() {
    var hardware = RecordingHardware.filled(osLock: false)
    var debug = native(&hardware)
    prepare(&debug, &hardware, DebugRequests())
    #expect(hardware.events.isEmpty)
  }

  @Test("shared mode captures the guest's registers, masked to the architecture's fields")
  func capture() {
    var hardware = RecordingHardware.filled(osLock: true)
    for register in hardware.values.keys where register != .oslsr && register != .osdlr {
      hardware.values[register, default: 0] |= 0xFFFF_0000_8000_0000
    }
    hardware.values[.dbgwvr(0)] = 0x4003
    var debug = native(&hardware)
    prepare(&debug, &hardware, requests)
    for n in 0..<6 {
      #expect(debug.guest.bank.breakpoints[n].control.rawValue == 0x1E4 | UInt64(n & 1))
      #expect(
        debug.guest.bank.breakpoints[n].value == 0xFFFF_0000_8000_1000 + UInt64(n) * 4)
    }
    #expect(debug.guest.bank.watchpoints[0].value == 0x4000)
    for n in 0..<4 {
      #expect(debug.guest.bank.watchpoints[n].control.rawValue == 0x1FFE | UInt64(n & 1))
    }
    #expect(debug.guest.mdscr.rawValue == 0x8000_B001)
    #expect(debug.guest.mdccint == 0x6000_0000)
    #expect(debug.guest.osLock)
    #expect(debug.guest.osDoubleLock)
  }

  @Test("the way in: disarm, ISB, TDE, unlock, ISB, comparators, MDSCR_EL1, ISB")
  func wayIn() throws {
    var hardware = RecordingHardware.filled(osLock: true)
    var debug = native(&hardware)
    prepare(&debug, &hardware, requests)
    #expect(
      hardware.events.prefix(6) == [
        .write(.mdscr, 0x1000), .synchronize, .traps(true), .write(.osdlr, 0), .write(.oslar, 0),
        .synchronize,
      ])
    // Locked, the guest has nothing armed: what is armed is the debugger's.
    #expect(hardware.events.suffix(2) == [.write(.mdscr, 0x9000), .synchronize])
    #expect(hardware.values[.oslsr] == 0b1000)
    #expect(hardware.values[.osdlr] == 0)
    #expect(hardware.values[.dbgbvr(2)] == 0xF000)
    #expect(hardware.values[.dbgbcr(2)] == 0x1E7)
  }

  @Test("a comparator is disabled while its value changes")
  func neverHalfWritten() {
    var hardware = RecordingHardware.filled(osLock: false)
    var debug = native(&hardware)
    prepare(&debug, &hardware, requests)
    prepare(&debug, &hardware, DebugRequests())
    var values = RecordingHardware.filled(osLock: false).values
    var mdscr: UInt64 = 0xB001
    for event in hardware.events {
      guard case .write(let register, let value) = event else { continue }
      switch register {
      case .dbgbvr(let n): #expect((values[.dbgbcr(n)] ?? 0) & 1 == 0)
      case .dbgwvr(let n): #expect((values[.dbgwcr(n)] ?? 0) & 1 == 0)
      case .dbgbcr, .dbgwcr: #expect(mdscr & 0x8000 == 0)
      case .mdscr: mdscr = value
      default: break
      }
      values[register] = value
    }
  }

  @Test("while TDE = 1 is in force, KDE is set only on the way out, under PSTATE.D")
  func noKernelDebug() {
    var hardware = RecordingHardware.filled(osLock: false)
    var debug = native(&hardware)
    prepare(&debug, &hardware, requests)
    debug.requestStep()
    prepare(&debug, &hardware, requests)
    for event in hardware.events {
      if case .write(.mdscr, let value) = event { #expect(value & 0x2000 == 0) }
    }
  }

  @Test(
    "the way out: disarm, ISB, the guest's registers, its locks, ISB, and TDE last",
    arguments: [false, true])
  func wayOut(osLock: Bool) throws {
    var hardware = RecordingHardware.filled(osLock: osLock)
    let before = hardware.values
    var debug = native(&hardware)
    prepare(&debug, &hardware, requests)
    hardware.events = []
    prepare(&debug, &hardware, DebugRequests())
    #expect(hardware.events.prefix(2) == [.write(.mdscr, 0x1000), .synchronize])
    let lock: UInt64 = osLock ? 1 : 0
    #expect(
      hardware.events.suffix(6) == [
        .write(.mdccint, 0x6000_0000), .write(.mdscr, 0xB001), .write(.oslar, lock),
        .write(.osdlr, lock), .synchronize, .traps(false),
      ])
    for (register, value) in before { #expect(hardware.values[register] == value) }
    #expect(debug.mode == .native)
  }

  @Test("what the guest wrote while shared is in the hardware afterwards")
  func writtenWhileShared() throws {
    var hardware = RecordingHardware.filled(osLock: false)
    var debug = native(&hardware)
    prepare(&debug, &hardware, requests)
    for (register, value) in [
      (.dbgbvr(2), 0x7000), (.dbgwcr(3), 0x1FF9), (.mdscr, 0x1000), (.mdccint, 0x2000_0000),
      (.oslar, 1),
    ] as [(DebugRegister, UInt64)] {
      let encoding = register.encoding
      _ = debug.access(.init(register: encoding, rt: 0, isRead: false), value: value)
    }
    prepare(&debug, &hardware, DebugRequests())
    #expect(hardware.values[.dbgbvr(2)] == 0x7000)
    #expect(hardware.values[.dbgwcr(3)] == 0x1FF9)
    #expect(hardware.values[.mdscr] == 0x1000)
    #expect(hardware.values[.mdccint] == 0x2000_0000)
    #expect(hardware.values[.oslsr] == 0b1010)
  }

  @Test("only what differs is written")
  func onlyDifferences() throws {
    var hardware = RecordingHardware.filled(osLock: false)
    var debug = native(&hardware)
    var requests = self.requests
    prepare(&debug, &hardware, requests)
    hardware.events = []
    prepare(&debug, &hardware, requests)
    #expect(hardware.events.isEmpty)

    try requests.insertBreakpoint(at: 0xF010)
    prepare(&debug, &hardware, requests)
    // Breakpoints 1, 3 and 5 are the guest's, and 2 has the other request.
    #expect(
      hardware.events == [
        .write(.dbgbcr(0), 0), .write(.dbgbvr(0), 0xF010), .write(.dbgbcr(0), 0x1E7), .synchronize,
      ])
  }

  @Test("without FEAT_DoubleLock, OSDLR_EL1 is not touched")
  func noDoubleLock() {
    var hardware = RecordingHardware.filled(osLock: true)
    var debug = VirtualDebug(
      capabilities: DebugCapabilities(dfr0: 0xF0_0000_0000 | 0x1030_5106), features: .none)
    prepare(&debug, &hardware, requests)
    prepare(&debug, &hardware, DebugRequests())
    prepare(&debug, &hardware, requests)
    let touched = hardware.events.contains { event in
      if case .write(.osdlr, _) = event { true } else { false }
    }
    #expect(!touched)
    #expect(!debug.guest.osDoubleLock)
  }

  @Test("a stop in native mode captures without changing anything")
  func captureOnly() {
    var hardware = RecordingHardware.filled(osLock: false)
    var debug = native(&hardware)
    debug.captureGuestState(hardware: &hardware)
    #expect(hardware.events.isEmpty)
    #expect(debug.guest.bank.breakpoints[1].control.e)
    #expect(debug.mode == .native)
  }

  @Test("a step alone takes the hardware for its time, and gives it back")
  func stepTakesHardware() {
    var hardware = RecordingHardware.filled(osLock: false)
    var debug = native(&hardware)
    debug.requestStep()
    var context = GuestContext(pc: 0x1000, pstate: PState(rawValue: 0x3C5))
    debug.prepareToRun(context: &context, hardware: &hardware, requests: DebugRequests())
    #expect(debug.mode == .shared)
    #expect(context.pstate.ss)
    context = GuestContext(pc: 0x1004, pstate: PState(rawValue: 0x3C5))
    let syndrome = Syndrome(.stepLower, iss: 0x100_0022)
    debug.guestExited(syndrome, context: &context, hardware: &hardware)
    #expect(
      debug.handle(syndrome, faultAddress: 0, context: &context, hardware: &hardware)
        == .candidate(.step))
    var policy = StopAlways()
    #expect(debug.decide(.step, in: context, by: &policy) == .step)
    debug.prepareToRun(context: &context, hardware: &hardware, requests: DebugRequests())
    #expect(debug.mode == .native)
    #expect(!hardware.traps)
    #expect(hardware.values[.mdscr] == 0xB001)
  }

  @Test(
    "with interrupts masked, a step withholds them only where the instruction may take the mask away",
    arguments: [
      // MSR DAIFClr, #2; MSR DAIF, X0; MSR ALLINT, #0; ERET
      (0xD503_42FF, true), (0xD51B_4220, true), (0xD501_401F, true), (0xD69F_03E0, true),
      // NOP; MSR DAIFSet, #2; MRS X0, DAIF; LDR X0, [X1]
      (0xD503_201F, false), (0xD503_42DF, false), (0xD53B_4220, false), (0xF940_0020, false),
    ] as [(UInt32, Bool)])
  func unmasking(instruction: UInt32, withholds: Bool) {
    var hardware = RecordingHardware.filled(osLock: false)
    hardware.instruction = instruction
    var debug = native(&hardware)
    debug.requestStep()
    prepare(&debug, &hardware, requests)
    #expect(hardware.events.contains(.withheld(true)) == withholds)
  }

  @Test("what a step has withheld from a vCPU comes back after its reset")
  func resetLetsInterruptsIn() {
    var hardware = RecordingHardware.filled(osLock: false)
    var debug = native(&hardware)
    debug.requestStep()
    // EL1 with nothing masked.
    var context = GuestContext(pc: 0x1000, pstate: PState(rawValue: 0x5))
    debug.prepareToRun(context: &context, hardware: &hardware, requests: requests)
    #expect(hardware.events.contains(.withheld(true)))
    #expect(hardware.events.contains(.waits(true)))
    // The interrupt controller and HCR_EL2 are not the vCPU's to forget.
    debug.reset()
    hardware.events = []
    context = GuestContext(pc: 0x1000, pstate: .el1Reset)
    debug.prepareToRun(context: &context, hardware: &hardware, requests: requests)
    #expect(hardware.events.contains(.withheld(false)))
    #expect(hardware.events.contains(.waits(false)))
  }

  @Test("a vCPU that is reset forgets its steps and its registers")
  func reset() {
    var hardware = RecordingHardware.filled(osLock: false)
    var debug = native(&hardware)
    debug.requestStep()
    prepare(&debug, &hardware, requests)
    debug.reset()
    #expect(debug.debuggerStep == .none)
    #expect(debug.mode == .reset)
    // Another core, or the same one after a power-down: nothing of it is believed.
    hardware = .filled(osLock: true)
    prepare(&debug, &hardware, requests)
    #expect(debug.guest.mdscr.rawValue == 0)
    #expect(!debug.guest.bank.breakpoints[1].control.e)
    #expect(hardware.values[.dbgbvr(3)] == 0xF000)
    for n in 0..<6 where n != 3 { #expect(hardware.values[.dbgbcr(n)] == 0) }
  }
}
