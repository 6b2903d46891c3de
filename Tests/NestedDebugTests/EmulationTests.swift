import ArmDebug
import DebugModel
import NestedDebug
import Testing

/// Trapped accesses read and write guest state, and nothing else.
@Suite("Emulated debug registers")
struct EmulationTests {
  private func write(
    _ debug: inout VirtualDebug, _ register: SystemRegister, _ value: UInt64
  ) -> AccessResult? {
    debug.access(SystemRegisterAccess(register: register, rt: 0, isRead: false), value: value)
  }

  private func read(_ debug: inout VirtualDebug, _ register: SystemRegister) -> AccessResult? {
    debug.access(SystemRegisterAccess(register: register, rt: 0, isRead: true), value: 0)
  }

  @Test("every comparator register of every number is a register of its own")
  func noAliases() {
    let capabilities = DebugCapabilities(dfr0: 0xF0F0_F006)
    var debug = VirtualDebug(capabilities: capabilities, features: .none)
    let registers = (0..<16 as Range<UInt8>).flatMap { n in
      (4..<8 as Range<UInt8>).map { SystemRegister(2, 0, 0, n, $0) }
    }
    for (n, register) in registers.enumerated() {
      #expect(write(&debug, register, UInt64(n) << 13) == .written)
    }
    for (n, register) in registers.enumerated() {
      let mask = DebugRegister(register)?.description(on: capabilities)?.mask ?? 0
      #expect(read(&debug, register) == .read(UInt64(n) << 13 & mask))
    }
  }

  @Test("RES0 bits do not stick", arguments: 0..<6 as Range<UInt8>)
  func masks(n: UInt8) {
    var debug = VirtualDebug(capabilities: .model, features: .none)
    for op2 in 4..<8 as Range<UInt8> { _ = write(&debug, SystemRegister(2, 0, 0, n, op2), .max) }
    #expect(read(&debug, SystemRegister(2, 0, 0, n, 4)) == .read(n >= 4 ? .max : ~3))
    #expect(read(&debug, SystemRegister(2, 0, 0, n, 5)) == .read(0x00FF_E1E7))
    guard n < 4 else { return }
    #expect(read(&debug, SystemRegister(2, 0, 0, n, 6)) == .read(~3))
    #expect(read(&debug, SystemRegister(2, 0, 0, n, 7)) == .read(0x1F1F_FFFF))
  }

  @Test("a comparator that the processor lacks is UNDEFINED", arguments: 0..<16 as Range<UInt8>)
  func absent(n: UInt8) {
    var debug = VirtualDebug(capabilities: .model, features: .none)
    for op2 in 4..<8 as Range<UInt8> {
      let register = SystemRegister(2, 0, 0, n, op2)
      let exists = n < (op2 < 6 ? 6 : 4)
      #expect((read(&debug, register) == .undefined) == !exists)
      #expect((write(&debug, register, 1) == .undefined) == !exists)
    }
  }

  @Test("after reset everything is 0 but the OS Lock, which is set")
  func reset() {
    var debug = VirtualDebug(capabilities: .model, features: .none)
    for (register, _) in Self.writable { _ = write(&debug, register, .max) }
    _ = write(&debug, RandomProgram.oslar, 0)
    debug.reset()
    for (register, _) in Self.writable { #expect(read(&debug, register) == .read(0)) }
    #expect(read(&debug, RandomProgram.oslsr) == .read(0b1010))
  }

  static let writable: [(SystemRegister, UInt64)] = [
    (SystemRegister(2, 0, 0, 2, 0), 0x6000_0000), (RandomProgram.mdscr, 0xB001),
    (SystemRegister(2, 0, 1, 3, 4), 1), (SystemRegister(2, 0, 0, 1, 5), 0x00FF_E1E7),
    (SystemRegister(2, 0, 0, 3, 7), 0x1F1F_FFFF),
  ]

  @Test("what is written is read back, without its RES0 bits", arguments: writable)
  func readBack(register: SystemRegister, mask: UInt64) {
    var debug = VirtualDebug(capabilities: .model, features: .none)
    _ = write(&debug, RandomProgram.oslar, 0)
    #expect(write(&debug, register, .max) == .written)
    #expect(read(&debug, register) == .read(mask))
  }

  @Test("the external debugger's fields of MDSCR_EL1 are writable only under the OS Lock")
  func mdscr() {
    var debug = VirtualDebug(capabilities: .model, features: .none)
    _ = write(&debug, RandomProgram.mdscr, 0x4000)
    #expect(read(&debug, RandomProgram.mdscr) == .read(0x4000))
    _ = write(&debug, RandomProgram.oslar, 0)
    _ = write(&debug, RandomProgram.mdscr, 0x8000)
    #expect(read(&debug, RandomProgram.mdscr) == .read(0xC000))
  }

  @Test("OSLAR_EL1 sets and clears OSLSR_EL1.OSLK, and each goes one way only")
  func osLock() {
    var debug = VirtualDebug(capabilities: .model, features: .none)
    #expect(read(&debug, RandomProgram.oslsr) == .read(0b1010))
    #expect(write(&debug, RandomProgram.oslar, 2) == .written)
    #expect(read(&debug, RandomProgram.oslsr) == .read(0b1000))
    #expect(write(&debug, RandomProgram.oslar, 3) == .written)
    #expect(read(&debug, RandomProgram.oslsr) == .read(0b1010))
    #expect(read(&debug, RandomProgram.oslar) == .undefined)
    #expect(write(&debug, RandomProgram.oslsr, 0) == .undefined)
    // MDRAR_EL1
    #expect(read(&debug, SystemRegister(2, 0, 1, 0, 0)) == .read(0))
    #expect(write(&debug, SystemRegister(2, 0, 1, 0, 0), 0) == .undefined)
  }

  @Test("OSDLR_EL1 ignores writes without FEAT_DoubleLock")
  func doubleLock() {
    let capabilities = DebugCapabilities(dfr0: 0xF0_0000_0000 | 0x1030_5106)
    var debug = VirtualDebug(capabilities: capabilities, features: .none)
    #expect(write(&debug, SystemRegister(2, 0, 1, 3, 4), 1) == .written)
    #expect(read(&debug, SystemRegister(2, 0, 1, 3, 4)) == .read(0))
  }

  @Test("what is no debug register is somebody else's")
  func others() {
    var debug = VirtualDebug(capabilities: .model, features: .none)
    #expect(read(&debug, .isr) == nil)
    #expect(write(&debug, SystemRegister(2, 0, 5, 2, 2), 0) == nil)
  }

  @Test("an emulated instruction moves PC on and ends BTYPE and an IT block")
  func emulated() {
    var debug = VirtualDebug(capabilities: .model, features: .none)
    var context = GuestContext(pc: 0x1000, pstate: PState(rawValue: 0xC05))
    debug.instructionEmulated(context: &context)
    #expect(context == GuestContext(pc: 0x1004, pstate: PState(rawValue: 0x5)))
    // The last instruction of an IT block, 16 bits long.
    context = GuestContext(pc: 0x1000, pstate: PState(rawValue: 0b111010 << 10 | 0x30))
    debug.instructionEmulated(context: &context, length: 2)
    #expect(context == GuestContext(pc: 0x1002, pstate: PState(rawValue: 0x30)))
  }

  // MARK: What makes a new plan

  /// A vCPU in shared mode, every register of which has been written with 0.
  private func shared(_ hardware: inout RecordingHardware) throws -> VirtualDebug {
    var debug = VirtualDebug(capabilities: .model, features: .none)
    for register in Self.everyRegister { _ = write(&debug, register, 0) }
    try enter(&debug, &hardware)
    return debug
  }

  private func enter(_ debug: inout VirtualDebug, _ hardware: inout RecordingHardware) throws {
    var requests = DebugRequests()
    try requests.insertBreakpoint(at: 0xF000)
    var context = GuestContext(pc: 0x1000, pstate: .el1Reset)
    hardware.events = []
    debug.prepareToRun(context: &context, hardware: &hardware, requests: requests)
  }

  /// Every encoding that names a debug register.
  static let everyRegister: [SystemRegister] = (0..<1 << 14).compactMap { packed in
    let register = SystemRegister(
      2, UInt8(packed >> 11), UInt8(packed >> 7 & 15), UInt8(packed >> 3 & 15), UInt8(packed & 7))
    return DebugRegister(register) == nil ? nil : register
  }

  @Test("a write that changes nothing makes no new plan, nor does a read", arguments: everyRegister)
  func unchanged(register: SystemRegister) throws {
    var hardware = RecordingHardware.filled(osLock: false)
    var debug = try shared(&hardware)
    let isWritten = write(&debug, register, 0) == .written
    _ = read(&debug, register)
    try enter(&debug, &hardware)
    #expect(hardware.events.isEmpty)
    // Changed and changed back between two entries, it is planned anew, and is as it was.
    let before = hardware.values
    guard isWritten else { return }
    _ = write(&debug, register, .max)
    _ = write(&debug, register, 0)
    try enter(&debug, &hardware)
    #expect(hardware.values == before)
  }

  @Test("a write that changes what the guest arms is in the hardware at the next entry")
  func changed() throws {
    var hardware = RecordingHardware.filled(osLock: false)
    var debug = try shared(&hardware)
    _ = write(&debug, RandomProgram.mdscr, 0x8000)
    _ = write(&debug, SystemRegister(2, 0, 0, 5, 4), 0x2000)
    _ = write(&debug, SystemRegister(2, 0, 0, 5, 5), 0x1E5)
    try enter(&debug, &hardware)
    #expect(hardware.values[.dbgbvr(5)] == 0x2000)
    // One thing at a time: value, control, master switch, lock.
    for (register, value, isArmed) in [
      (SystemRegister(2, 0, 0, 5, 4), 0x3000, true), (SystemRegister(2, 0, 0, 5, 5), 0x1E4, false),
      (SystemRegister(2, 0, 0, 5, 5), 0x1E5, true), (RandomProgram.mdscr, 0, false),
      (RandomProgram.mdscr, 0x8000, true), (RandomProgram.oslar, 1, false),
      (RandomProgram.oslar, 0, true), (SystemRegister(2, 0, 1, 3, 4), 1, false),
      (SystemRegister(2, 0, 1, 4, 4), 1, true), (SystemRegister(2, 0, 1, 4, 4), 0, false),
      (SystemRegister(2, 0, 1, 3, 4), 0, true),
    ] as [(SystemRegister, UInt64, Bool)] {
      _ = write(&debug, register, value)
      try enter(&debug, &hardware)
      #expect(!hardware.events.isEmpty)
      #expect(hardware.values[.dbgbcr(5)].map { $0 & 1 == 1 } == isArmed, "\(register)")
    }
    #expect(hardware.values[.dbgbvr(5)] == 0x3000)
  }
}
