import ArmDebug
import DebugModel
import Testing

@testable import NestedDebug

/// What a program at AArch32 EL0 finds of the debug registers.
@Suite("Emulated debug registers of AArch32 EL0")
struct CoprocessorEmulationTests {
  private static func debug(dfr0: UInt64 = 0x1030_5106, el3: Bool = true) -> VirtualDebug {
    VirtualDebug(
      capabilities: DebugCapabilities(dfr0: dfr0, pfr0: el3 ? 0x1000 : 0), features: .none)
  }

  /// Everything that EL0 can name, by opc1, CRn, CRm and opc2, and whether it can be written.
  static let words: [CoprocessorRegister: Bool] = [
    .init(opc1: 0, crn: 0, crm: 0, opc2: 0): false,  // DBGDIDR
    .init(opc1: 0, crn: 0, crm: 1, opc2: 0): false,  // DBGDSCRint
    .init(opc1: 0, crn: 0, crm: 5, opc2: 0): true,  // DBGDTRRXint, DBGDTRTXint
    .init(opc1: 0, crn: 1, crm: 0, opc2: 0): false,  // DBGDRAR
    .init(opc1: 0, crn: 2, crm: 0, opc2: 0): false,  // DBGDSAR
  ]

  @Test("of the whole coprocessor exactly five words answer, and of these one to a write")
  func wholeSpace() {
    var answering = 0
    for packed in 0..<1 << 14 {
      let name = CoprocessorRegister(
        opc1: UInt8(packed >> 11), crn: UInt8(packed >> 7 & 15), crm: UInt8(packed >> 3 & 15),
        opc2: UInt8(packed & 7))
      let isWritable = Self.words[name]
      guard let register = AArch32DebugRegister(name) else {
        if isWritable != nil { Issue.record("\(name) is missing") }
        continue
      }
      answering += 1
      var debug = Self.debug()
      #expect(isWritable != nil)
      #expect(debug.access(register, isRead: true, value: 0) != .undefined)
      #expect(
        debug.access(register, isRead: false, value: 0)
          == (isWritable == true ? .written : .undefined))
    }
    #expect(answering == Self.words.count)
  }

  @Test("of the pairs two answer: DBGDRAR and DBGDSAR, both 0")
  func pairs() {
    for opc1 in 0..<16 as Range<UInt8> {
      for crm in 0..<16 as Range<UInt8> {
        let register = AArch32DebugRegister(pairOpc1: opc1, crm: crm)
        #expect((register != nil) == (opc1 == 0 && (crm == 1 || crm == 2)))
        guard let register else { continue }
        var debug = Self.debug()
        #expect(debug.access(register, isRead: true, value: 0) == .read(0))
      }
    }
  }

  @Test(
    "DBGDIDR says what ID_AA64DFR0_EL1 and ID_AA64PFR0_EL1 say",
    arguments: [
      // Cortex-A53, A57 and A72, whose manuals have both.
      (0x1030_5106, true, 0x3516_D000),
      (0x1030_5106, false, 0x3516_8000),
      (0x1030_5408, true, 0x3518_D000),
      (0xF0F0_F00B, true, 0xFFFB_D000),
      (0x0010_1006, true, 0x1106_D000),
    ] as [(UInt64, Bool, UInt64)])
  func identification(dfr0: UInt64, el3: Bool, value: UInt64) {
    var debug = Self.debug(dfr0: dfr0, el3: el3)
    #expect(debug.access(.dbgdidr, isRead: true, value: 0) == .read(value))
  }

  @Test("the communications channel is the same one that AArch64 has")
  func channel() {
    var debug = Self.debug()
    #expect(debug.access(.dbgdtrint, isRead: false, value: 0x41) == .written)
    #expect(debug.access(.dbgdscrint, isRead: true, value: 0) == .read(1 << 29))
    #expect(debug.access(.mdccsr, isRead: true) == .read(1 << 29))
    #expect(debug.access(.osdtrtx, isRead: true) == .read(0x41))

    #expect(debug.access(.osdtrrx, isRead: false, value: 0x55) == .written)
    #expect(debug.access(.mdscr, isRead: false, value: 3 << 29) == .written)
    #expect(debug.access(.dbgdscrint, isRead: true, value: 0) == .read(3 << 29))
    #expect(debug.access(.dbgdtrint, isRead: true, value: 0) == .read(0x55))
    #expect(debug.access(.dbgdscrint, isRead: true, value: 0) == .read(1 << 29))
  }

  @Test(
    "the processor is left to deny EL0 the channel: TDCC is the guest's in every plan",
    arguments: [false, true], [false, true])
  func tdcc(tdcc: Bool, stepping: Bool) throws {
    var debug = Self.debug()
    #expect(debug.access(.oslar, isRead: false, value: 0) == .written)
    #expect(debug.access(.mdscr, isRead: false, value: tdcc ? 1 << 12 : 0) == .written)
    var hardware = RecordingHardware.filled(osLock: false)
    var requests = DebugRequests()
    try requests.insertBreakpoint(at: 0xF000)
    if stepping { debug.requestStep() }
    var context = GuestContext(pc: 0x1000, pstate: PState(rawValue: 0))
    debug.prepareToRun(context: &context, hardware: &hardware, requests: requests)
    #expect(hardware.values[.mdscr].map { $0 >> 12 & 1 == 1 } == tdcc)
  }

  // MARK: Watchpoints on what LDC and STC access

  /// A vCPU in shared mode with a watchpoint of the debugger's on `range` bytes at 0x4000.
  private static func watching(
    _ kind: AccessKind, length: UInt64, context: inout GuestContext,
    hardware: inout RecordingHardware
  ) throws -> VirtualDebug {
    var debug = Self.debug()
    var requests = DebugRequests()
    try requests.insertWatchpoint(at: 0x4000, length: length, kind: kind)
    debug.prepareToRun(context: &context, hardware: &hardware, requests: requests)
    return debug
  }

  @Test(
    "a watchpoint is hit by what it watches for and where it watches",
    arguments: [AccessKind.load, .store, .any], [1, 4, 8] as [UInt64])
  func watched(kind: AccessKind, length: UInt64) throws {
    var context = GuestContext(pc: 0x1000, pstate: PState(rawValue: 0x10))
    var hardware = RecordingHardware.filled(osLock: false)
    let debug = try Self.watching(kind, length: length, context: &context, hardware: &hardware)
    for address in stride(from: 0x3FF8 as UInt64, through: 0x4010, by: 4) {
      for isStore in [false, true] {
        let expected =
          address < 0x4000 + length && address >= 0x4000 && kind.overlaps(isStore ? .store : .load)
        #expect(
          debug.watches(
            address, size: 4, isStore: isStore, in: context.pstate, hardware: &hardware)
            == expected)
      }
    }
  }

  @Test("reported to the debugger, the access is made when the instruction comes again")
  func watchedTwice() throws {
    var context = GuestContext(pc: 0x1000, pstate: PState(rawValue: 0x10))
    var hardware = RecordingHardware.filled(osLock: false)
    var requests = DebugRequests()
    try requests.insertWatchpoint(at: 0x4000, length: 4, kind: .store)
    var debug = try Self.watching(.store, length: 4, context: &context, hardware: &hardware)
    for isFirst in [true, false] {
      debug.guestExited(
        Syndrome(.cp14Transfer, iss: 0), context: &context, hardware: &hardware)
      #expect(
        debug.watches(0x4000, size: 4, isStore: true, in: context.pstate, hardware: &hardware)
          == isFirst)
      if isFirst {
        let told = debug.handle(
          .watchpoint(isStore: true), faultAddress: 0x4000, context: &context, hardware: &hardware
        ).stop(in: requests)
        #expect(told == .watchpoint(address: 0x4000, kind: .store))
      } else {
        debug.instructionEmulated(context: &context)
      }
      debug.prepareToRun(context: &context, hardware: &hardware, requests: requests)
    }
    #expect(context.pc == 0x1004)
    #expect(
      debug.watches(0x4000, size: 4, isStore: true, in: context.pstate, hardware: &hardware))
  }

  @Test(
    "a watchpoint that is linked to a context is hit in it alone", arguments: [7, 8] as [UInt64])
  func linked(context identifier: UInt64) throws {
    var context = GuestContext(pc: 0x1000, pstate: PState(rawValue: 0x10))
    var hardware = RecordingHardware.filled(osLock: false)
    var debug = Self.debug()
    // Breakpoint 5 compares CONTEXTIDR_EL1 for those that are linked to it.
    let registers: [(DebugRegister, UInt64)] = [
      (.oslar, 0), (.mdscr, 0x8000), (.dbgbvr(5), 7),
      (.dbgbcr(5), 3 << 20 | 0xF << 5 | 3 << 1 | 1), (.dbgwvr(0), 0x5000),
      (.dbgwcr(0), 1 << 20 | 5 << 16 | 0xF << 5 | 3 << 3 | 3 << 1 | 1),
    ]
    for (register, value) in registers {
      _ = debug.guest.access(register, isRead: false, value: value, on: debug.capabilities)
    }
    var requests = DebugRequests()
    try requests.insertBreakpoint(at: 0xF000)
    debug.prepareToRun(context: &context, hardware: &hardware, requests: requests)
    hardware.write(.contextidr, identifier)
    #expect(
      debug.watches(0x5000, size: 4, isStore: true, in: context.pstate, hardware: &hardware)
        == (identifier == 7))
  }

  @Test("in native mode nothing is watched: such an access does not come to EL2")
  func native() {
    let debug = Self.debug()
    var hardware = RecordingHardware.filled(osLock: false)
    #expect(
      !debug.watches(
        0x4000, size: 4, isStore: true, in: PState(rawValue: 0x10), hardware: &hardware))
  }
}

extension VirtualDebug {
  /// The guest's access to an AArch64 register.
  fileprivate mutating func access(
    _ register: DebugRegister, isRead: Bool, value: UInt64 = 0
  ) -> AccessResult? {
    guard register.description(on: capabilities) != nil else { return nil }
    return access(
      SystemRegisterAccess(register: register.encoding, rt: 0, isRead: isRead), value: value)
  }
}
