import ArmDebug
import Testing

@Suite("What may be changed in PSTATE from outside")
struct PStateChangeTests {
  private static let none = ExceptionFeatures(pfr0: 0, pfr1: 0, mmfr1: 0, dfr1: 0)
  private static let all = ExceptionFeatures(
    pfr0: .max, pfr1: .max, mmfr1: .max, mmfr2: .max, dfr1: .max)

  /// Bit by bit of SPSR_ELx, from 31 down: `-` never changes, `1` may be cleared only, `*` may change, a letter
  /// may change where the processor has the feature.
  ///
  /// M MTE, D DIT, U UAO, P PAN, N NMI, S SSBS, B BTI.
  private static let aarch64 = "****--MDUP*1------NSBB****------"
  /// In AArch32 the bits of ITSTATE may change where T is 1.
  private static let aarch32 = "*****TTDSP*1****TTTTTT*****-----"

  /// The processor that has the feature of a letter and no other.
  private func processor(with letter: Character) -> ExceptionFeatures {
    switch letter {
    case "M": ExceptionFeatures(pfr0: 0, pfr1: 1 << 8, mmfr1: 0, dfr1: 0)
    case "D": ExceptionFeatures(pfr0: 1 << 48, pfr1: 0, mmfr1: 0, dfr1: 0)
    case "U": ExceptionFeatures(pfr0: 0, pfr1: 0, mmfr1: 0, mmfr2: 1 << 4, dfr1: 0)
    case "P": ExceptionFeatures(pfr0: 0, pfr1: 0, mmfr1: 1 << 20, dfr1: 0)
    case "N": ExceptionFeatures(pfr0: 0, pfr1: 1 << 36, mmfr1: 0, dfr1: 0)
    case "S": ExceptionFeatures(pfr0: 0, pfr1: 1 << 4, mmfr1: 0, dfr1: 0)
    case "B": ExceptionFeatures(pfr0: 0, pfr1: 1, mmfr1: 0, dfr1: 0)
    default: Self.none
    }
  }

  @Test(
    "each bit changes where the table says so, on a processor that has it",
    arguments: [
      (0x3C5, aarch64), (0x3C4, aarch64), (0x0, aarch64), (0x10, aarch32), (0x30, aarch32),
    ] as [(UInt32, String)])
  func bits(state: UInt32, table: String) {
    let isT32 = state & 0x30 == 0x30
    #expect(table.count == 32)
    for (position, letter) in zip((0..<32 as Range<UInt32>).reversed(), table) {
      for old in [state, state | 1 << position] {
        let before = PState(rawValue: 7 << 32 | UInt64(old))
        // Another state altogether.
        if before.isAArch32 != (state & 0x10 != 0) || old & 0xF != state & 0xF { continue }
        if before.isAArch32, !before.t, before.itState != 0 { continue }
        let word = old ^ 1 << position
        let isAllowed =
          switch letter {
          case "-": false
          case "1": old & 1 << position != 0
          case "T": isT32
          default: true
          }
        let after = PState(rawValue: 7 << 32 | UInt64(word))
        let expected = isAllowed ? after : nil
        #expect(before.changed(to: word, features: Self.all) == expected, "bit \(position)")
        if letter.isLetter, letter != "T" {
          #expect(before.changed(to: word, features: Self.none) == nil, "bit \(position)")
          #expect(before.changed(to: word, features: processor(with: letter)) == after)
        }
      }
    }
  }

  @Test(
    "what was read can always be written back, and changes nothing",
    arguments: [0x3C5, 0x0, 0x10, 0x30, 0x30_03C5, 0xFFFF_FFE5, 0xFFFF_FFF0, 0x0600_FC10]
      as [UInt32])
  func unchanged(word: UInt32) {
    let state = PState(rawValue: 1 << 34 | UInt64(word))
    #expect(state.changed(to: word, features: Self.none) == state)
    #expect(state.changed(to: word, features: Self.all) == state)
  }

  @Test("no change makes an exception return illegal, whatever is written")
  func legal() {
    var random = SystemRandomNumberGenerator()
    for state in [0x3C5, 0x3C4, 0x0, 0x10, 0x30] as [UInt64] {
      for _ in 0..<20_000 {
        // Near enough to what was, or hardly anything would pass.
        let word =
          UInt32(state) ^ UInt32.random(in: 0...(.max), using: &random)
          & UInt32.random(in: 0...(.max), using: &random)
          & (Bool.random(using: &random) ? 0xF7FF_FFE0 : .max)
        guard let new = PState(rawValue: state).changed(to: word, features: Self.all) else {
          continue
        }
        #expect(new.rawValue == UInt64(word))
        #expect(new.rawValue & 0x1F == state & 0x1F)
        #expect(!new.il)
        #expect(!new.isAArch32 || new.t || new.itState == 0)
      }
    }
  }

  @Test("at another instruction BTYPE and ITSTATE are gone, and nothing else")
  func elsewhere() {
    #expect(PState(rawValue: 0xF030_0FC5).elsewhere == PState(rawValue: 0xF030_03C5))
    #expect(PState(rawValue: 0xFE0F_FE30).elsewhere == PState(rawValue: 0xF80F_0230))
  }
}
