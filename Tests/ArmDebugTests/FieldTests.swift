import ArmDebug
import Testing

@Suite("Fields")
struct FieldTests {
  @Test("DBGBCRn_EL1: each field has its place and leaves the others alone")
  func breakpointControl() {
    let fields: [(UInt64, (inout BreakpointControl) -> Void)] = [
      (1 << 0, { $0.e = true }), (3 << 1, { $0.pmc = 3 }), (0xF << 5, { $0.bas = 0xF }),
      (1 << 13, { $0.hmc = true }), (3 << 14, { $0.ssc = 3 }), (0xF << 16, { $0.lbn = 15 }),
      (0xF << 20, { $0.bt = .linkedFullContext }),
    ]
    for (mask, set) in fields {
      var control = BreakpointControl(rawValue: 0)
      set(&control)
      #expect(control.rawValue == mask)
    }
    #expect(fields.reduce(0) { $0 | $1.0 } == BreakpointControl.mask)
  }

  @Test("DBGWCRn_EL1: each field has its place and leaves the others alone")
  func watchpointControl() {
    let fields: [(UInt64, (inout WatchpointControl) -> Void)] = [
      (1 << 0, { $0.e = true }), (3 << 1, { $0.pac = 3 }), (3 << 3, { $0.lsc = .any }),
      (0xFF << 5, { $0.bas = 0xFF }), (1 << 13, { $0.hmc = true }), (3 << 14, { $0.ssc = 3 }),
      (0xF << 16, { $0.lbn = 15 }), (1 << 20, { $0.wt = true }), (31 << 24, { $0.mask = 31 }),
    ]
    for (mask, set) in fields {
      var control = WatchpointControl(rawValue: 0)
      set(&control)
      #expect(control.rawValue == mask)
    }
    #expect(fields.reduce(0) { $0 | $1.0 } == WatchpointControl.mask)
  }

  @Test("fields read back what was written, and cut what does not fit")
  func roundTrip() {
    var control = WatchpointControl(rawValue: .max)
    control.lsc = nil
    control.bas = 0x1_5A
    control.lbn = 9
    #expect(control.lsc == nil)
    #expect(control.bas == 0x5A)
    #expect(control.lbn == 9)
    #expect(control.mask == 31)
    #expect(BreakpointControl(rawValue: 0x0030_01E1).bt == .linkedContext)
  }

  @Test("MDSCR_EL1: SS, TDCC, KDE and MDE are always software's")
  func mdscr() {
    var mdscr = MDSCR(rawValue: 0)
    mdscr.ss = true
    #expect(mdscr.rawValue == 0x1)
    mdscr.tdcc = true
    #expect(mdscr.rawValue == 0x1001)
    mdscr.kde = true
    #expect(mdscr.rawValue == 0x3001)
    mdscr.mde = true
    #expect(mdscr.rawValue == MDSCR.mask)
    #expect(MDSCR.mask & ~MDSCR.maskWhenLocked == 0)
  }

  @Test(
    "HMC, SSC and PMC name the guest's exception levels",
    arguments: [
      // HMC, SSC, PMC, EL1, EL0
      (false, 0b00, 0b01, true, false), (false, 0b00, 0b10, false, true),
      (false, 0b00, 0b11, true, true), (false, 0b01, 0b11, true, true),
      // Secure only.
      (false, 0b10, 0b11, false, false), (false, 0b11, 0b11, false, false),
      // EL2 as well.
      (true, 0b00, 0b01, true, false), (true, 0b00, 0b11, true, true),
      (true, 0b11, 0b11, true, true), (true, 0b01, 0b01, true, false),
      // EL2 or EL3 alone, and the AArch32-only and reserved ones.
      (true, 0b11, 0b00, false, false), (true, 0b01, 0b00, false, false),
      (false, 0b00, 0b00, false, false), (true, 0b00, 0b10, false, false),
    ] as [(Bool, UInt64, UInt64, Bool, Bool)])
  func privilege(hmc: Bool, ssc: UInt64, pmc: UInt64, el1: Bool, el0: Bool) {
    var control = BreakpointControl(rawValue: 0)
    control.hmc = hmc
    control.ssc = ssc
    control.pmc = pmc
    let match = control.privilege
    #expect(match == PrivilegeMatch(el1: el1, el0: el0))
    #expect(match.isEmpty == (!el1 && !el0))
    #expect(match.contains(.el1) == el1)
    #expect(match.contains(.el0) == el0)
    #expect(!match.contains(.el2))
  }

  @Test(
    "PSTATE names its exception level",
    arguments: [
      (0x0, .el0), (0x4, .el1), (0x5, .el1), (0x9, .el2), (0xD, .el3),
      // AArch32: User, Supervisor, Hyp, Monitor, System.
      (0x10, .el0), (0x13, .el1), (0x1A, .el2), (0x16, .el3), (0x1F, .el1),
    ] as [(UInt64, ExceptionLevel)])
  func exceptionLevel(mode: UInt64, el: ExceptionLevel) {
    #expect(PState(rawValue: 0xF000_0000 | mode).el == el)
  }

  @Test("bit 9 is PSTATE.D in AArch64 and E, the endianness, in AArch32")
  func debugMask() {
    #expect(PState(rawValue: 0x205).d)
    #expect(!PState(rawValue: 0x210).d)
  }

  @Test("an IT block ends with its last instruction")
  func itState() {
    // ITTT with a condition 0b111x: the base condition stays, the mask moves up.
    var state = PState(rawValue: 0x30)
    state.rawValue |= 0b111000 << 10 | 0b01 << 25
    var blocks: [UInt64] = []
    for _ in 0..<4 {
      let upper = (state.rawValue >> 10) & 0x3F
      let lower = (state.rawValue >> 25) & 0x3
      blocks.append(upper << 2 | lower)
      state.advanceITState()
    }
    #expect(blocks == [0b1110_0001, 0b1110_0010, 0b1110_0100, 0b1110_1000])
    #expect(state == PState(rawValue: 0x30))
  }
}
