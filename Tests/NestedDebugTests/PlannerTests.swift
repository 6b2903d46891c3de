import ArmDebug
import DebugModel
import NestedDebug
import Testing

/// What the hardware is given for what the guest wrote and the debugger asks for.
@Suite("The plan")
struct PlannerTests {
  /// A vCPU whose guest has written `registers`, in shared mode with `requests`.
  private func plan(
    _ registers: [(DebugRegister, UInt64)],
    _ requests: borrowing DebugRequests = PlannerTests.oneBreakpoint,
    on capabilities: DebugCapabilities = .model
  ) throws -> Plan {
    var debug = VirtualDebug(capabilities: capabilities, features: .none)
    for (register, value) in [(.oslar, 0)] + registers {
      let encoding = register.encoding
      #expect(
        debug.access(
          SystemRegisterAccess(register: encoding, rt: 0, isRead: false), value: value) == .written)
    }
    var core = ModelCore()
    var context = GuestContext(pc: 0x1000, pstate: PState(rawValue: 0x3C5))
    debug.prepareToRun(context: &context, hardware: &core, requests: requests)
    return debug.plan
  }

  static var oneBreakpoint: DebugRequests {
    var requests = DebugRequests()
    try? requests.insertBreakpoint(at: 0xF000)
    return requests
  }

  /// A guest breakpoint at 0x2000 for EL1 and EL0, and one for EL0 alone.
  static let both: UInt64 = 0x1E7
  static let el0: UInt64 = 0x1E5
  static let el1: UInt64 = 0x1E3

  @Test("the guest's comparators keep their slots; the debugger's takes the highest free one")
  func slots() throws {
    let plan = try plan([
      (.mdscr, 0xA000), (.dbgbvr(0), 0x2000), (.dbgbcr(0), Self.both), (.dbgbvr(3), 0x3000),
      (.dbgbcr(3), Self.both),
    ])
    #expect(plan.breakpointOwners[0] == .guest)
    #expect(plan.breakpointOwners[1] == .nobody)
    #expect(plan.breakpointOwners[2] == .debugger(request: 0))
    #expect(plan.breakpointOwners[3] == .guest)
    #expect(plan.bank.breakpoints[0].value == 0x2000)
    #expect(plan.bank.breakpoints[0].control.rawValue == Self.both)
    // E, EL1 and EL0, BAS = 0b1111, unlinked.
    #expect(plan.bank.breakpoints[2].value == 0xF000)
    #expect(plan.bank.breakpoints[2].control.rawValue == 0x1E7)
    #expect(plan.bank.breakpoints[3].value == 0x3000)
    #expect(plan.isComplete)
  }

  @Test("every slot of the guest's is left to it, whichever they are", arguments: 0..<UInt16(64))
  func everyCombination(enabled: UInt16) throws {
    var registers: [(DebugRegister, UInt64)] = [(.mdscr, 0xA000)]
    for n in 0..<6 where enabled >> n & 1 == 1 {
      registers += [(.dbgbvr(n), 0x2000 + UInt64(n) * 4), (.dbgbcr(n), Self.both)]
    }
    var requests = DebugRequests()
    for n in 0..<3 { try requests.insertBreakpoint(at: 0xF000 + UInt64(n) * 4) }
    let plan = try plan(registers, requests)
    let free = [3, 2, 1, 0, 5, 4].filter { enabled >> UInt16($0) & 1 == 0 }
    for n in 0..<6 where enabled >> n & 1 == 1 {
      #expect(plan.breakpointOwners[n] == .guest)
      #expect(plan.bank.breakpoints[n].value == 0x2000 + UInt64(n) * 4)
    }
    for (request, n) in free.prefix(3).enumerated() {
      #expect(plan.breakpointOwners[n] == .debugger(request: request))
      #expect(plan.bank.breakpoints[n].value == 0xF000 + UInt64(request) * 4)
    }
    // Dropped, remembered and shown.
    let unplaced: UInt16 = 0b111 & ~((1 << UInt16(min(free.count, 3))) - 1)
    #expect(plan.unplaced.breakpoints.bits == unplaced)
    #expect(plan.isComplete == (unplaced == 0))
  }

  @Test(
    "the guest's masks decide where its breakpoint is armed",
    arguments: [
      // MDSCR_EL1, OSLAR_EL1, OSDLR_EL1, control, armed as
      (0xA000, 0, 0, both, both), (0xA000, 0, 0, el1, el1), (0xA000, 0, 0, el0, el0),
      // KDE = 0: not at EL1.
      (0x8000, 0, 0, both, el0), (0x8000, 0, 0, el1, nil), (0x8000, 0, 0, el0, el0),
      // MDE = 0, OS Lock, Double Lock: not at all.
      (0x2000, 0, 0, both, nil), (0xA000, 1, 0, both, nil), (0xA000, 0, 1, both, nil),
      // HMC would arm it at EL2 too, which the plan never does.
      (0xA000, 0, 0, both | 1 << 13, both),
      // Secure only.
      (0xA000, 0, 0, both | 0b10 << 14, nil),
    ] as [(UInt64, UInt64, UInt64, UInt64, UInt64?)])
  func masks(mdscr: UInt64, osLock: UInt64, doubleLock: UInt64, control: UInt64, armed: UInt64?)
    throws
  {
    let plan = try plan([
      (.dbgbvr(3), 0x2000), (.dbgbcr(3), control), (.mdscr, mdscr), (.osdlr, doubleLock),
      (.oslar, osLock),
    ])
    // Armed or not, the slot is the guest's.
    #expect(plan.breakpointOwners[3] == .guest)
    #expect(plan.bank.breakpoints[3].control.e == (armed != nil))
    if let armed { #expect(plan.bank.breakpoints[3].control.rawValue == armed) }
  }

  @Test(
    "and where its watchpoint is armed",
    arguments: [
      (0xA000, 0x1FFF, 0x1FFF), (0x8000, 0x1FFF, 0x1FFD), (0x8000, 0x1FFB, nil),
      (0x2000, 0x1FFF, nil), (0xA000, 0x001F, nil), (0xA000, 0x1FE7, nil),
    ] as [(UInt64, UInt64, UInt64?)])
  func watchpointMasks(mdscr: UInt64, control: UInt64, armed: UInt64?) throws {
    let plan = try plan([(.mdscr, mdscr), (.dbgwvr(1), 0x4000), (.dbgwcr(1), control)])
    #expect(plan.watchpointOwners[1] == .guest)
    #expect(plan.bank.watchpoints[1].control.e == (armed != nil))
    if let armed { #expect(plan.bank.watchpoints[1].control.rawValue == armed) }
  }

  @Test("a linked breakpoint stays linked to its partner; without one it is not armed")
  func links() throws {
    // Breakpoint 0 and watchpoint 0 linked to breakpoint 5, a context match.
    let registers: [(DebugRegister, UInt64)] = [
      (.mdscr, 0x8000), (.dbgbvr(0), 0x2000), (.dbgbcr(0), 0x15_01E5), (.dbgbvr(5), 0x77),
      (.dbgbcr(5), 0x30_01E3), (.dbgwvr(0), 0x4000), (.dbgwcr(0), 0x15_1FFD),
    ]
    let linked = try plan(registers)
    #expect(linked.bank.breakpoints[0].control.rawValue == 0x15_01E5)
    #expect(linked.bank.watchpoints[0].control.rawValue == 0x15_1FFD)
    // The hardware ignores the privilege of a partner: KDE = 0 does not take it away.
    #expect(linked.bank.breakpoints[5].value == 0x77)
    #expect(linked.bank.breakpoints[5].control.rawValue == 0x30_01E7)

    // Off; of a type that is not linked; an address.
    for partner in [0x30_01E2, 0x20_01E3, 0x10_01E3] as [UInt64] {
      let dangling = try plan(registers + [(.dbgbcr(5), partner)])
      #expect(dangling.breakpointOwners[0] == .guest)
      #expect(!dangling.bank.breakpoints[0].control.e)
      #expect(!dangling.bank.watchpoints[0].control.e)
    }
  }

  @Test("the debugger's takes context-aware breakpoints last")
  func contextAwareLast() throws {
    var requests = DebugRequests()
    for n in 0..<5 { try requests.insertBreakpoint(at: 0xF000 + UInt64(n) * 4) }
    let plan = try plan([], requests)
    #expect(plan.breakpointOwners[5] == .debugger(request: 4))
    #expect(plan.breakpointOwners[4] == .nobody)
  }

  @Test(
    "MDSCR_EL1: MDE while anything is armed, never KDE, the rest the guest's",
    arguments: [(0x1000, 0x9000), (0xB000, 0x9000), (0x0, 0x8000)] as [(UInt64, UInt64)])
  func mdscr(guest: UInt64, hardware: UInt64) throws {
    #expect(try plan([(.mdscr, guest)]).mdscr.rawValue == hardware)
  }

  @Test("the hardware steps while the guest does, unless a lock keeps it from stepping")
  func guestStep() throws {
    #expect(try plan([(.mdscr, 0x1)]).mdscr.rawValue == 0x8001)
    #expect(try plan([(.mdscr, 0x1), (.oslar, 1)]).mdscr.rawValue == 0x8000)
  }

  @Test(
    "a watchpoint of any length and alignment is watched exactly, by few comparators",
    arguments: [
      (0x4000, 1, 1), (0x4003, 5, 1), (0x4003, 8, 2), (0x4000, 16, 1), (0x4008, 16, 2),
      (0x4004, 32, 4), (0x4000, 24, 2), (0x4000, 0x1000, 1), (0, 0x8000_0000, 1),
      (0x4000, 17, 2), (0xFFFF_FFFF_FFFF_FFF0, 16, 1),
    ] as [(UInt64, UInt64, Int)])
  func watchpointPieces(address: UInt64, length: UInt64, count: Int) throws {
    var requests = DebugRequests()
    try requests.insertWatchpoint(at: address, length: length, kind: .load)
    let plan = try plan([], requests)
    let ranges = (0..<4).reversed().filter { plan.watchpointOwners[$0] == .debugger(request: 0) }
      .map {
        plan.bank.watchpoints[$0].range
      }
    #expect(ranges.count == count)
    var next = address
    for range in ranges {
      #expect(range?.first == next)
      next = (range?.last ?? 0) &+ 1
    }
    #expect(next == address &+ length)
    for n in (0..<4).suffix(count) { #expect(plan.bank.watchpoints[n].control.lsc == .load) }
  }

  @Test("half a watchpoint is none")
  func wholeWatchpoints() throws {
    var requests = DebugRequests()
    try requests.insertWatchpoint(at: 0x4004, length: 32, kind: .store)
    try requests.insertWatchpoint(at: 0x5000, length: 8, kind: .any)
    let plan = try plan([(.dbgwcr(2), 0x1FFF)], requests)
    #expect(plan.unplaced.watchpoints.bits == 0b01)
    #expect(plan.watchpointOwners[3] == .debugger(request: 1))
    #expect(plan.watchpointOwners[1] == .nobody)
  }

  @Test(
    "a request is refused only where the processor lacks the comparators, whatever the guest holds",
    arguments: 0...6, 0...8)
  func fits(guests: Int, debuggers: Int) throws {
    var debug = VirtualDebug(capabilities: .model, features: .none)
    for n in 0..<guests {
      _ = debug.access(
        .init(register: SystemRegister(2, 0, 0, UInt8(n), 5), rt: 0, isRead: false), value: 0x1E7)
    }
    var requests = DebugRequests()
    for n in 0..<debuggers { try requests.insertBreakpoint(at: 0xF000 + UInt64(n) * 4) }
    #expect(debug.fits(requests) == (debuggers <= 6))
    // Those that find no comparator now are known beforehand.
    let unplaced = debug.unplaced(of: requests)
    #expect(unplaced.breakpoints.count == max(0, guests + debuggers - 6))
    #expect(unplaced.watchpoints.bits == 0)
  }

  @Test("watchpoints count by the comparators that they take, all of them together")
  func fitsWatchpoints() throws {
    var debug = VirtualDebug(capabilities: .model, features: .none)
    var requests = DebugRequests()
    try requests.insertWatchpoint(at: 0x4004, length: 32, kind: .store)
    #expect(debug.fits(requests) == true)
    let atFirst = debug.unplaced(of: requests)
    #expect(atFirst.isEmpty)
    _ = debug.access(
      .init(register: SystemRegister(2, 0, 0, 3, 7), rt: 0, isRead: false), value: 0x1)
    #expect(debug.fits(requests) == true)
    let beside = debug.unplaced(of: requests)
    #expect(beside.watchpoints.bits == 0b1)
    try requests.insertWatchpoint(at: 0x5000, length: 1, kind: .store)
    #expect(debug.fits(requests) == false)
  }
}
