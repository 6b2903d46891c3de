import ArmDebug
import Testing

@Suite("Software step")
struct SoftwareStepTests {
  static let el0: UInt64 = 0x0
  static let el1: UInt64 = 0x5
  static let d: UInt64 = 0x200
  static let ss: UInt64 = 1 << 21

  @Test(
    "debug exceptions from EL0 need no mask lifted; from EL1 they need KDE = 1 and D = 0",
    arguments: [
      // state, KDE, locked, enabled
      (el0, false, false, true), (el0 | d, false, false, true), (el0, true, true, false),
      (el1, false, false, false), (el1, true, false, true), (el1 | d, true, false, false),
      (el1, true, true, false), (0x9, true, false, false),
      // AArch32 User: bit 9 is no mask.
      (0x210, false, false, true),
    ] as [(UInt64, Bool, Bool, Bool)])
  func masks(state: UInt64, kde: Bool, locked: Bool, enabled: Bool) {
    let masks = DebugExceptionMasks(isLocked: locked, kde: kde)
    #expect(masks.enables(PState(rawValue: state)) == enabled)
  }

  @Test(
    "the three states",
    arguments: [
      (0x1, el0 | ss, .activeNotPending), (0x1, el0, .activePending), (0x0, el0 | ss, .inactive),
      (0x1, el1 | ss, .inactive), (0x2001, el1 | ss, .activeNotPending),
      (0x2001, el1, .activePending), (0x2001, el1 | d, .inactive),
    ] as [(UInt64, UInt64, SoftwareStep)])
  func states(mdscr: UInt64, state: UInt64, expected: SoftwareStep) {
    let mdscr = MDSCR(rawValue: mdscr)
    let masks = DebugExceptionMasks(isLocked: false, kde: mdscr.kde)
    #expect(SoftwareStep(mdscr: mdscr, masks: masks, state: PState(rawValue: state)) == expected)
  }
}
