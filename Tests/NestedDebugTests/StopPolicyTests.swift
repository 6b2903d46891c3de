import ArmDebug
import DebugModel
import NestedDebug
import Testing

@Suite("What stops the guest")
struct StopPolicyTests {
  private static func machine() -> NestedMachine {
    StepTests.machine(
      [.nop, .store(0x4000, size: 8), .nop, .branch(0x1000)], StepTests.el1)
  }

  @Test("a request that the policy declines stops nobody, and is asked about each time it is met")
  func declined() throws {
    var machine = Self.machine()
    let place = try machine.requests.insert(DebugRequest(.breakpoint, at: 0x1008, length: 4))
    let word = try machine.requests.insert(
      DebugRequest(.watchpoint(.store), at: 0x4000, length: 8))
    machine.policy.declined = [place, word]
    #expect(machine.run(ticks: 30) == nil)
    let asked = machine.policy.asked
    #expect(asked.count > 6)
    #expect(asked == (0..<asked.count).map { $0 % 2 == 0 ? word : place })
    machine.policy.declined = [word]
    #expect(machine.run() == .breakpoint(address: 0x1008))
  }

  @Test("a stop names the requests for which it is, and no others")
  func narrowed() throws {
    var machine = Self.machine()
    let ids = try (UInt8(0)..<3).map {
      try machine.requests.insert(DebugRequest(.breakpoint, at: 0x1008, length: 4, label: $0))
    }
    var candidate = RequestIDs()
    for id in ids { candidate.append(id) }
    var policy = DecliningPolicy()
    policy.declined = [ids[1]]
    let reason = machine.debug.decide(
      .breakpoint(candidate, address: 0x1008), in: machine.context, by: &policy)
    #expect(policy.asked == ids)
    var expected = RequestIDs()
    expected.append(ids[0])
    expected.append(ids[2])
    #expect(reason == .breakpoint(expected, address: 0x1008))

    // What the debugger removes before it hears of the stop is no cause of it.
    machine.requests.remove(DebugRequest(.breakpoint, at: 0x1008, length: 4, label: 0))
    var left = RequestIDs()
    left.append(ids[2])
    #expect(
      reason?.stillAsked(in: machine.requests) == .breakpoint(left, address: 0x1008))
    machine.requests.remove(DebugRequest(.breakpoint, at: 0x1008, length: 4, label: 2))
    #expect(reason?.stillAsked(in: machine.requests) == nil)
    #expect(StopReason.step.stillAsked(in: machine.requests) == .step)
  }

  @Test("a step goes on over a watchpoint that the policy declines, and is told")
  func step() throws {
    var machine = Self.machine()
    let word = try machine.requests.insert(
      DebugRequest(.watchpoint(.store), at: 0x4000, length: 8))
    machine.policy.declined = [word]
    #expect(machine.step() == .step)
    #expect(machine.step() == .step)
    #expect(machine.policy.asked == [word])
    #expect(machine.context.pc == 0x1008)
    // One that stops ends the step.
    machine.policy.declined = []
    #expect(machine.run() == .watchpoint(address: 0x4000, kind: .store))
    #expect(machine.debug.debuggerStep == .none)
  }

  @Test("two requests for one place share a comparator, and the stop names both")
  func shared() throws {
    var machine = Self.machine()
    let one = try machine.requests.insert(DebugRequest(.breakpoint, at: 0x1008, length: 4))
    let two = try machine.requests.insert(
      DebugRequest(.breakpoint, at: 0x1008, length: 2, label: 1))
    #expect(machine.run() == .breakpoint(address: 0x1008))
    #expect(machine.policy.asked == [one, two])
    let plan = machine.debug.plan
    var count = 0
    for n in 0..<16 { if case .debugger = plan.breakpointOwners[n] { count += 1 } }
    #expect(count == 1)
    // Taken back, it leaves the other.
    machine.requests.remove(DebugRequest(.breakpoint, at: 0x1008, length: 4))
    #expect(machine.run() == .breakpoint(address: 0x1008))
    #expect(machine.policy.asked == [one, two, two])
  }
}
