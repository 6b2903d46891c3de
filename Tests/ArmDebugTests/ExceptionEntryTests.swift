import ArmDebug
import Testing

@Suite("Taking an exception to EL1")
struct ExceptionEntryTests {
  static let none = ExceptionFeatures(pfr0: 0, pfr1: 0, mmfr1: 0, dfr1: 0)
  static let all = ExceptionFeatures(pfr0: .max, pfr1: .max, mmfr1: .max, dfr1: .max)

  @Test(
    "the vector depends on where the exception comes from",
    arguments: [
      (0x4, 0x000), (0x5, 0x200), (0x0, 0x400), (0x10, 0x600), (0x30, 0x600),
    ] as [(UInt64, UInt64)])
  func vector(state: UInt64, offset: UInt64) {
    let entry = ExceptionEntry(
      from: PState(rawValue: state), vbar: 0xFFFF_8000_0001_0800 | 0x7FF, sctlr: 0,
      features: Self.none)
    #expect(entry.pc == 0xFFFF_8000_0001_0800 + offset)
  }

  @Test("SPSR_EL1 is PSTATE as it was, SS included")
  func spsr() {
    let state = PState(rawValue: 0x6030_0F45)
    #expect(
      ExceptionEntry(from: state, vbar: 0, sctlr: 0, features: Self.all).spsr == state)
  }

  @Test("the handler starts at EL1h with everything masked and SS, IL and BTYPE clear")
  func handler() {
    let state = PState(rawValue: 0xA000_0000 | 1 << 21 | 1 << 20 | 0b11 << 10 | 0x4)
    let entry = ExceptionEntry(from: state, vbar: 0, sctlr: 0, features: Self.none)
    #expect(entry.pstate.rawValue == 0xA000_0000 | 0x3C5)
  }

  @Test(
    "each feature sets its own bit of PSTATE",
    arguments: [
      // PSTATE before, SCTLR_EL1, GCSCR_EL1, bits gained
      // PAN is set with SPAN = 0, and otherwise stays.
      (0x5, 0, 0, 1 << 22 | 1 << 25 | 1 << 13 | 1 << 32),
      (0x5, 1 << 23, 0, 1 << 25 | 1 << 13 | 1 << 32),
      (0x5 | 1 << 22, 1 << 23, 0, 1 << 22 | 1 << 25 | 1 << 13 | 1 << 32),
      // DIT stays, UAO does not.
      (0x5 | 1 << 24 | 1 << 23, 1 << 23, 0, 1 << 24 | 1 << 25 | 1 << 13 | 1 << 32),
      // SSBS = DSSBS, ALLINT = not SPINTMASK.
      (0x5, 1 << 23 | 1 << 44, 0, 1 << 12 | 1 << 25 | 1 << 13 | 1 << 32),
      (0x5, 1 << 23 | 1 << 62, 0, 1 << 25 | 1 << 32),
      // EXLOCK = EXLOCKEN, from EL1 only.
      (0x5, 1 << 23, 1 << 6, 1 << 34 | 1 << 25 | 1 << 13 | 1 << 32),
      (0x0, 1 << 23, 1 << 6, 1 << 25 | 1 << 13 | 1 << 32),
    ] as [(UInt64, UInt64, UInt64, UInt64)])
  func features(state: UInt64, sctlr: UInt64, gcscr: UInt64, gained: UInt64) {
    let entry = ExceptionEntry(
      from: PState(rawValue: state), vbar: 0, sctlr: sctlr, gcscr: gcscr, features: Self.all)
    #expect(entry.pstate.rawValue == gained | 0x3C5)
    // Without the features, none of it.
    let plain = ExceptionEntry(
      from: PState(rawValue: state), vbar: 0, sctlr: sctlr, gcscr: gcscr, features: Self.none)
    #expect(plain.pstate.rawValue == 0x3C5)
  }

  @Test("each feature has its identification field")
  func identification() {
    #expect(ExceptionFeatures(pfr0: 1 << 48, pfr1: 0, mmfr1: 0, dfr1: 0).dit)
    #expect(ExceptionFeatures(pfr0: 0, pfr1: 1 << 4, mmfr1: 0, dfr1: 0).ssbs)
    #expect(ExceptionFeatures(pfr0: 0, pfr1: 1 << 8, mmfr1: 0, dfr1: 0).mte)
    #expect(ExceptionFeatures(pfr0: 0, pfr1: 1 << 36, mmfr1: 0, dfr1: 0).nmi)
    #expect(ExceptionFeatures(pfr0: 0, pfr1: 1 << 44, mmfr1: 0, dfr1: 0).gcs)
    #expect(ExceptionFeatures(pfr0: 0, pfr1: 0, mmfr1: 1 << 20, dfr1: 0).pan)
    #expect(ExceptionFeatures(pfr0: 0, pfr1: 0, mmfr1: 0, dfr1: 1 << 48).ebep)
  }

  @Test("there are sixteen vectors and nothing else")
  func vectors() {
    let vbar: UInt64 = 0xFFFF_8000_0001_0800
    let offsets = (-0x100..<0xA00).filter {
      ExceptionEntry.isVector(vbar &+ UInt64(bitPattern: Int64($0)), vbar: vbar)
    }
    #expect(offsets == Array(stride(from: 0, to: 0x800, by: 0x80)))
  }
}
