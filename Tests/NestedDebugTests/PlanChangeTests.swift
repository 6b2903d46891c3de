import ArmDebug
import SeededRandom
import Testing

@testable import DebugModel
@testable import NestedDebug

/// A write of the guest's that changes the plan, with only that remade which depends on it.
@Suite("A change of the plan")
struct PlanChangeTests {
  /// A vCPU in shared mode whose fast path is allowed, with `requests`.
  private static func prepared(
    _ capabilities: DebugCapabilities, _ requests: borrowing DebugRequests,
    _ hardware: inout RecordingHardware
  ) -> VirtualDebug {
    var debug = VirtualDebug(capabilities: capabilities, features: .none)
    var context = GuestContext(pc: 0x1000, pstate: .el1Reset)
    debug.prepareToRun(context: &context, hardware: &hardware, requests: requests)
    #expect(debug.mode == .shared)
    #expect(debug.allowsFastPath == true)
    return debug
  }

  /// One to three points of the debugger's; none at all would be native mode.
  private static func requests(_ random: inout SplitMix64) -> DebugRequests {
    var requests = DebugRequests()
    for n in 0...(random.next() % 3) {
      let address = 0xF000 + n * 0x100
      if random.next() % 3 == 0 {
        try? requests.insertWatchpoint(at: address + 4, length: 1 + random.next() % 24, kind: .any)
      } else {
        try? requests.insertBreakpoint(at: address)
      }
    }
    return requests
  }

  /// A write to one of the registers that plans depend on, mostly of a setting that means something.
  private static func write(
    _ random: inout SplitMix64, on capabilities: DebugCapabilities
  ) -> (DebugRegister, UInt64) {
    let wild = random.next() % 8 == 0 ? random.next() : 0
    let n = Int(random.next() % 4 == 0 ? random.next() % 16 : random.next() % 4)
    switch random.next() % 12 {
    case 0:
      return (.dbgbvr(n % capabilities.breakpointCount), 0x1000 + random.next() % 64 * 4 ^ wild)
    case 1...4:
      let type: UInt64 = [0, 0, 0, 1, 2, 3][Int(random.next() % 6)]
      return (
        .dbgbcr(n % capabilities.breakpointCount),
        0x1E0 | random.next() & 0b111 | type << 20 | (random.next() & 0xF) << 16 ^ wild
      )
    case 5:
      return (.dbgwvr(n % capabilities.watchpointCount), 0x4000 + random.next() % 64 * 4 ^ wild)
    case 6...9:
      let bas = [0xFF, 0x0F, 0x01, 0xC0, 0x3C, 0xF1, 0][Int(random.next() % 7)] as UInt64
      let mask = random.next() % 6 == 0 ? random.next() % 32 : 0
      let linked = random.next() % 8 == 0 ? 0x10_0000 | (random.next() & 0xF) << 16 : 0
      return (
        .dbgwcr(n % capabilities.watchpointCount),
        random.next() & 0b1_1111 | bas << 5 | mask << 24 | linked ^ wild
      )
    case 10:
      // Not SS: the fast path is closed to a guest that steps.
      return (.mdscr, [0x8000, 0xA000, 0xA000, 0x2000, 0x9000][Int(random.next() % 5)])
    default: return (random.next() % 2 == 0 ? .oslar : .osdlr, random.next() % 4 == 0 ? 1 : 0)
    }
  }

  @Test(
    "is what the whole plan made anew would be, and the hardware holds it",
    arguments: FastAccessTests.processors, UInt64(1)...8)
  func remade(capabilities: DebugCapabilities, seed: UInt64) throws {
    var random = SplitMix64(state: seed)
    var changes: Set<String> = []
    var moves = 0
    for _ in 0..<40 {
      var requests = Self.requests(&random)
      var hardware = RecordingHardware()
      var debug = Self.prepared(capabilities, requests, &hardware)
      for _ in 0..<60 {
        let (register, value) = Self.write(&random, on: capabilities)
        let encoding = register.encoding
        let iss = FastAccessTests.syndrome(
          UInt64(encoding.op2) << 11 | UInt64(encoding.op1) << 8 | UInt64(encoding.crn) << 4
            | UInt64(encoding.crm), isRead: false)
        let owners = debug.plan.breakpointOwners
        hardware.events = []
        guard
          case .planIsStale(let change) = debug.fastWrite(
            Syndrome(.systemRegister, iss: iss), value)
        else { continue }
        changes.insert("\(change)")
        let isDone = debug.fastUpdate(
          after: change, hardware: &hardware, requests: &requests)
        #expect(isDone)
        #expect(debug.plan.words == debug.planAfterAll(requests), "\(register) = \(value)")
        for n in 0..<capabilities.breakpointCount where owners[n] != debug.plan.breakpointOwners[n]
        {
          if case .debugger = owners[n] { moves += 1 }
        }
        for n in 0..<capabilities.breakpointCount {
          let breakpoint = debug.plan.bank.breakpoints[n]
          #expect(hardware.values[.dbgbvr(n), default: 0] == breakpoint.value)
          #expect(hardware.values[.dbgbcr(n), default: 0] == breakpoint.control.rawValue)
          #expect(debug.plan.armedBreakpoints.contains(n) == breakpoint.control.e)
        }
        for n in 0..<capabilities.watchpointCount {
          let watchpoint = debug.plan.bank.watchpoints[n]
          #expect(hardware.values[.dbgwvr(n), default: 0] == watchpoint.value)
          #expect(hardware.values[.dbgwcr(n), default: 0] == watchpoint.control.rawValue)
          #expect(debug.plan.armedWatchpoints.contains(n) == watchpoint.control.e)
        }
        #expect(hardware.values[.mdscr] == debug.plan.mdscr.rawValue)
        // Nothing of it is in force before a context synchronisation event.
        #expect(hardware.events.last == .synchronize)
        // And it stays so: the guest is entered without anything left to do.
        #expect(debug.hasNothingToPrepare(for: requests.generation) == true)
      }
    }
    // Each comparator's change, the masks', and some that moved what the debugger asks for.
    let comparators = min(4, capabilities.breakpointCount) + min(4, capabilities.watchpointCount)
    #expect(changes.count > comparators)
    #expect(moves > 0)
  }
}
