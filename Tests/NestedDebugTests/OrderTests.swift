import ArmDebug
import NestedDebug
import SeededRandom
import Testing

@testable import DebugModel

/// What real silicon needs and no emulator shows: the order of operations on the debug registers, and
/// what is never written to them. Each rule is looked for in every change between the modes, with every
/// combination of the guest's masks before and after, and in random histories.
@Suite("Order of operations")
struct OrderTests {
  @Test("MDE, KDE and SS are 0, with an ISB, before TDE is set")
  func disarmedBeforeTraps() { expectKept(.disarmedBeforeTraps) }

  @Test("KDE = 1 under TDE = 1 is followed by nothing but locks, barriers and TDE = 0")
  func kernelDebugOnlyOnTheWayOut() { expectKept(.kernelDebugOnlyOnTheWayOut) }

  @Test("the guest never runs with KDE = 1 and TDE = 1")
  func noKernelDebugShared() { expectKept(.noKernelDebugShared) }

  @Test("the locks come off only while nothing can fire")
  func unlockedUnderCover() { expectKept(.unlockedUnderCover) }

  @Test("no lock silences the debugger")
  func unlockedWhileShared() { expectKept(.unlockedWhileShared) }

  @Test("the guest's locks are back, with an ISB, before TDE goes")
  func lockedBeforeTrapsGo() { expectKept(.lockedBeforeTrapsGo) }

  @Test("the guest's comparators are back before TDE goes")
  func comparatorsBeforeTrapsGo() { expectKept(.comparatorsBeforeTrapsGo) }

  @Test("an ISB stands between what is written and a change of TDE")
  func synchronizedBeforeTrapsChange() { expectKept(.synchronizedBeforeTrapsChange) }

  @Test("no comparator compares with half of a setting")
  func valueOnlyWhileOff() { expectKept(.valueOnlyWhileOff) }

  @Test("in native mode every register in hardware is as the guest wrote it")
  func ownedWhenNative() { expectKept(.ownedWhenNative) }

  @Test("in native mode nothing is written")
  func untouchedWhenNative() { expectKept(.untouchedWhenNative) }

  @Test("no register that is not there is written, and no RES0 bit")
  func onlyWhatExists() { expectKept(.onlyWhatExists) }

  @Test("nothing is armed for EL2 or another Security state, whatever the guest wrote")
  func nothingArmedAtEL2() { expectKept(.nothingArmedAtEL2) }

  @Test("no reserved breakpoint is armed, whatever the guest wrote")
  func noReservedBreakpoint() { expectKept(.noReservedBreakpoint) }

  @Test("no reserved watchpoint is armed, whatever the guest wrote")
  func noReservedWatchpoint() { expectKept(.noReservedWatchpoint) }

  @Test("nothing of the guest's is armed that its own masks keep from being an exception")
  func armedAsTheGuestAllows() { expectKept(.armedAsTheGuestAllows) }

  @Test("PSTATE.SS = 1 never comes without MDSCR_EL1.SS = 1")
  func stepBitWithStepEnable() { expectKept(.stepBitWithStepEnable) }

  private func expectKept(_ rule: OrderRule) {
    let found = Self.findings
    let broken = found.broken.filter { $0.rule == rule }.map(\.how)
    #expect(broken.isEmpty, "\(broken.count) times, first: \(broken.first ?? "")")
    // A rule that never had an occasion shows nothing.
    #expect(found.occasions[rule, default: 0] >= 1000)
  }

  // MARK: The histories

  private static let findings:
    (broken: [(rule: OrderRule, how: String)], occasions: [OrderRule: Int]) = {
      var findings: (broken: [(rule: OrderRule, how: String)], occasions: [OrderRule: Int]) = (
        [], [:]
      )
      everyChange(&findings.broken, &findings.occasions)
      randomHistories(&findings.broken, &findings.occasions)
      return findings
    }()

  /// OS Lock, Double Lock, KDE, MDE and SS as bits 0 to 4.
  private static func masks(_ bits: Int) -> [OrderAction] {
    // The lock goes on last and comes off first, or its owner could not write below it.
    [
      .write(.oslar, 0), .write(.osdlr, UInt64(bits >> 1 & 1)),
      .write(
        .mdscr,
        UInt64(bits >> 2 & 1) << 13 | UInt64(bits >> 3 & 1) << 15 | UInt64(bits >> 4 & 1)),
      .write(.oslar, UInt64(bits & 1)),
    ]
  }

  /// Every combination of masks before the debugger comes and after it, for each way that it comes.
  private static func everyChange(
    _ broken: inout [(rule: OrderRule, how: String)], _ occasions: inout [OrderRule: Int]
  ) {
    let comes: [[OrderAction]] = [
      [.insertBreakpoint(0xF000)], [.insertWatchpoint(0x5003, length: 7, .any)], [.step],
      [.restore, .insertBreakpoint(0xF000)],
    ]
    for before in 0..<32 {
      for after in 0..<32 {
        var machine = OrderMachine(.filled(osLock: before & 1 == 1))
        for action in [.write(.dbgbvr(1), 0x2000), .write(.dbgbcr(1), 0x1E7)] + masks(before) {
          machine.perform(action)
        }
        machine.perform(.state(.init(rawValue: [0, 0x5, 0x3C5][(before + after) % 3] as UInt64)))
        for action in comes[after % comes.count] + masks(after) {
          machine.perform(action)
        }
        machine.perform(.removeAll)
        machine.perform(.interrupt)
        broken += machine.checker.broken
        occasions.merge(machine.checker.occasions, uniquingKeysWith: +)
      }
    }
  }

  private static func randomHistories(
    _ broken: inout [(rule: OrderRule, how: String)], _ occasions: inout [OrderRule: Int]
  ) {
    let processors = [
      DebugCapabilities.model, DebugCapabilities(dfr0: 0xF0_1030_5106),
      DebugCapabilities(dfr0: 0xF0F0_F006), DebugCapabilities(dfr0: 0x0010_1006),
      Self.withExternalRegisters,
    ]
    for seed in UInt64(0)..<200 {
      var random = SplitMix64(state: seed)
      let processor = processors[Int(seed % 5)]
      var machine = OrderMachine(.filled(osLock: seed & 1 == 0), on: processor)
      for _ in 0..<120 {
        machine.perform(action(&random, processor))
        if !machine.checker.broken.isEmpty { break }
      }
      broken += machine.checker.broken.map { ($0.rule, "seed \(seed): \($0.how)") }
      occasions.merge(machine.checker.occasions, uniquingKeysWith: +)
    }
  }

  /// A processor on which the external debugger's registers change hands as well.
  private static var withExternalRegisters: DebugCapabilities {
    var capabilities = DebugCapabilities.model
    capabilities.external = ExternalDebugRegisters(authenticationStatus: 0, romAddress: 0)
    return capabilities
  }

  private static func action(
    _ random: inout SplitMix64, _ processor: DebugCapabilities
  ) -> OrderAction {
    let place: UInt64 = [0x1000, 0x1004, 0x2000, 0x2002].randomElement(using: &random) ?? 0
    let kind = [AccessKind.load, .store, .any].randomElement(using: &random) ?? .any
    let word: UInt64 = 0x4000 + UInt64.random(in: 0..<32, using: &random)
    let length = UInt64.random(in: 1...20, using: &random)
    switch Int.random(in: 0..<28, using: &random) {
    case 0: return .insertBreakpoint(place)
    case 1: return .removeBreakpoint(place)
    case 2: return .insertWatchpoint(word, length: length, kind)
    case 3: return .removeWatchpoint(word, length: length, kind)
    case 4, 5: return .removeAll
    case 6, 7: return .step
    case 8: return .cancelStep
    case 9: return .interrupt
    case 10: return .hypercall
    case 11: return .breakpoint(place)
    case 12: return .watchpoint(word)
    case 13:
      return .state(
        PState(rawValue: [0, 0x5, 0x205, 0x3C5, 0x10].randomElement(using: &random) ?? 0))
    case 14: return .capture
    case 15: return .restore
    case 16: return Bool.random(using: &random) ? .reset : .interrupt
    case 17, 18: return .write(.oslar, random.next() & 1)
    case 19: return .write(.osdlr, random.next() & random.next() & 1)
    case 20, 21: return .write(.mdscr, random.next() | 0x8000)
    case 22: return .write(.mdccint, random.next())
    default: return comparator(&random, processor)
    }
  }

  /// A comparator's register with any value at all, the enabled ones preferred.
  private static func comparator(
    _ random: inout SplitMix64, _ processor: DebugCapabilities
  ) -> OrderAction {
    let breakpoint = Int.random(in: 0..<processor.breakpointCount, using: &random)
    let watchpoint = Int.random(in: 0..<processor.watchpointCount, using: &random)
    switch Int.random(in: 0..<8, using: &random) {
    case 0: return .write(.dbgbvr(breakpoint), random.next())
    case 1: return .write(.dbgwvr(watchpoint), random.next())
    case 2: return .write(.dbgwvr(watchpoint), 0x4000 + random.next() % 32)
    case 3: return .write(.dbgbcr(breakpoint), random.next() & 0x1E6 | random.next() % 2)
    // A partner of a link, where there can be one.
    case 4: return .write(.dbgbcr(breakpoint), 0x30_01E7)
    case 5: return .write(.dbgbcr(breakpoint), random.next() | 1)
    case 6: return .write(.dbgwcr(watchpoint), random.next() & 0x1FFE | 1)
    default: return .write(.dbgwcr(watchpoint), random.next() | 1)
    }
  }
}
