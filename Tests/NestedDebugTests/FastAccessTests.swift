import ArmDebug
import SeededRandom
import Testing

@testable import DebugModel
@testable import NestedDebug

/// The fast path to the debug registers, compared with the general one.
@Suite("The fast path to a debug register")
struct FastAccessTests {
  private static let fast: [DebugRegister] =
    (0..<16).flatMap { [.dbgbvr($0), .dbgbcr($0), .dbgwvr($0), .dbgwcr($0)] }
    + [.mdscr, .mdccint, .oslar, .oslsr, .osdlr]

  static let processors = [
    DebugCapabilities(dfr0: 0x10_3010_5106), DebugCapabilities(dfr0: 0x1F0_F0F1_F008),
    DebugCapabilities(dfr0: 0x1010_1106),
  ]

  /// ISS of the access with Rt = 7.
  static func syndrome(_ n: UInt64, isRead: Bool) -> UInt64 {
    // n counts through op2, op1, CRn and CRm.
    2 << 20 | (n >> 11) << 17 | (n >> 8 & 7) << 14 | (n >> 4 & 15) << 10 | 7 << 5 | (n & 15) << 1
      | (isRead ? 1 : 0)
  }

  private static func vCPU(_ capabilities: DebugCapabilities) -> VirtualDebug {
    VirtualDebug(capabilities: capabilities, features: .none)
  }

  @Test(
    "every encoding with op0 = 2 reads as it does by the table, or is left to it",
    arguments: processors)
  func reads(capabilities: DebugCapabilities) {
    var random = SplitMix64(state: 1)
    var debug = Self.vCPU(capabilities)
    // The OS Lock is set and OSLSR_EL1 is one of the registers: every bit that can be written is.
    for n in 0..<UInt64(0x4000) {
      let access = SystemRegisterAccess(iss: Self.syndrome(n, isRead: false))
      if DebugRegister(access.register) == .oslar { continue }
      _ = debug.access(access, value: random.next())
    }
    var served = 0
    for n in 0..<UInt64(0x4000) {
      let iss = Self.syndrome(n, isRead: true)
      let access = SystemRegisterAccess(iss: iss)
      guard let value = debug.fastRead(Syndrome(.systemRegister, iss: iss)) else {
        // Only what is not there, and what nobody reads often.
        if let register = DebugRegister(access.register), Self.fast.contains(register) {
          let general = debug.access(access, value: 0)
          #expect(general == .undefined)
        }
        continue
      }
      served += 1
      let general = debug.access(access, value: 0)
      #expect(general == .read(value), "\(access)")
    }
    for other in UInt64(0)..<64 where other != 0x18 {
      let value = debug.fastRead(Syndrome(rawValue: other << 26 | 1 << 25 | 0x28_0001))
      #expect(value == nil)
    }
    #expect(served == 2 * (capabilities.breakpointCount + capabilities.watchpointCount) + 4)
  }

  @Test(
    "a write leaves what the table's leaves, and says so if the plan may have changed",
    arguments: processors)
  func writes(capabilities: DebugCapabilities) {
    var random = SplitMix64(state: 2)
    var fast = Self.vCPU(capabilities)
    var general = Self.vCPU(capabilities)
    var requests = DebugRequests()
    try? requests.insertBreakpoint(at: 0x1000)
    var core = ModelCore()
    var context = GuestContext(pc: 0x1000, pstate: PState(rawValue: 0x3C5))
    var outcomes: Set<String> = []
    for _ in 0..<20_000 {
      // Mostly registers that exist, and values that differ in few bits.
      let register = Self.fast[Int(random.next() % UInt64(Self.fast.count))]
      var iss = Self.syndrome(random.next() & 0x3FFF, isRead: false)
      if random.next() % 16 != 0, register.description(on: capabilities) != nil {
        let e = register.encoding
        iss = Self.syndrome(
          UInt64(e.op2) << 11 | UInt64(e.op1) << 8 | UInt64(e.crn) << 4 | UInt64(e.crm),
          isRead: false)
      }
      let value = random.next() & (random.next() & 1 == 0 ? 0x6001_A1E7 : random.next())
      let before = fast.planAfterAll(requests)
      let outcome = fast.fastWrite(Syndrome(.systemRegister, iss: iss), value)
      outcomes.insert("\(outcome)")
      let result = general.access(SystemRegisterAccess(iss: iss), value: value)
      if outcome == .notServed {
        if result == .written { _ = fast.access(SystemRegisterAccess(iss: iss), value: value) }
        continue
      }
      #expect(result == .written)
      let after = fast.planAfterAll(requests)
      if outcome == .done { #expect(after == before) }
      for n in 0..<16 {
        for register in [
          DebugRegister.dbgbvr(n), .dbgbcr(n), .dbgwvr(n), .dbgwcr(n), .mdscr, .mdccint, .oslsr,
          .osdlr,
        ] {
          guard register.description(on: capabilities) != nil else { continue }
          let read = SystemRegisterAccess(register: register.encoding, rt: 0, isRead: true)
          let (one, other) = (fast.access(read, value: 0), general.access(read, value: 0))
          #expect(one == other)
        }
      }
    }
    let count = capabilities.breakpointCount + capabilities.watchpointCount
    #expect(outcomes.count == 3 + count, "\(outcomes.sorted())")
    // What says that the plan is stale makes prepareToRun do something.
    fast.prepareToRun(context: &context, hardware: &core, requests: requests)
    let (allowsFastPath, steps) = (fast.allowsFastPath, fast.guest.steps)
    #expect(allowsFastPath == !steps)
    let enabled = Self.syndrome(5 << 11, isRead: false)
    _ = fast.fastWrite(Syndrome(.systemRegister, iss: enabled), 0)
    fast.prepareToRun(context: &context, hardware: &core, requests: requests)
    let outcome = fast.fastWrite(Syndrome(.systemRegister, iss: enabled), 1)
    #expect(outcome == .planIsStale(.breakpoint(0)))
    let isStillAllowed = fast.hasNothingToPrepare(for: requests.generation)
    #expect(!isStillAllowed)
  }
}

extension VirtualDebug {
  /// The plan that would be made now, as something to compare.
  mutating func planAfterAll(_ requests: borrowing DebugRequests) -> [UInt64] {
    var plan = Plan()
    let planner = Planner(comparators: comparators, passOver: .nothing, stepping: false)
    _ = planner.make(&plan, guest: &guest, requests: requests)
    return plan.words
  }
}

extension Plan {
  /// All of it.
  var words: [UInt64] {
    var words = [
      mdscr.rawValue, UInt64(unplaced.breakpoints.bits), UInt64(unplaced.watchpoints.bits),
    ]
    for n in 0..<16 {
      words += [
        bank.breakpoints[n].value, bank.breakpoints[n].control.rawValue,
        bank.watchpoints[n].value, bank.watchpoints[n].control.rawValue,
      ]
      for owner in [breakpointOwners[n], watchpointOwners[n]] {
        switch owner {
        case .nobody: words.append(0)
        case .guest: words.append(1)
        case .debugger(let ids): words.append(1 << 32 + UInt64(ids.bits))
        }
      }
    }
    return words
  }
}
