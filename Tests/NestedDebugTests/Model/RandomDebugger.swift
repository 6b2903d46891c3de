import ArmDebug
import NestedDebug

/// A debugger that does anything at any time, and notices what it should have been told and was not.
struct RandomDebugger {
  var random: SplitMix64
  /// What it did and was told.
  var log: [String] = []
  /// What it was not told.
  var missed: [String] = []

  private var breakpoints: Set<UInt64> = []
  private var watchpoints: [UInt64: UInt64] = [:]

  init(random: SplitMix64) { self.random = random }

  mutating func run(_ machine: inout NestedMachine, observations: Int) {
    // What was reported at the instruction that runs next.
    var reported = false
    for _ in 0..<3000 where machine.core.transcript.count < observations {
      change(&machine)
      let steps = Bool.random(using: &random)
      let start = machine.core.transcript.count
      let from = machine.context.pc
      if steps { machine.debug.requestStep() }
      let stop = machine.run(
        ticks: .random(in: 1..<60, using: &random), observations: observations)
      log.append("\(steps ? "s" : "c") \(String(from, radix: 16)) -> \(String(describing: stop))")
      check(
        machine.core.transcript[start...], machine, steps: steps, reported: reported, from: from)
      check(stop, machine)
      if stop == .step, machine.core.transcript.count - start > 1 {
        missed.append("step ran \(machine.core.transcript[start...])")
      }
      // An interrupt in between takes nothing back.
      if stop != nil || machine.context.pc != from || machine.core.transcript.count > start {
        reported = stop != nil && stop != .step
      }
      if stop == nil { machine.debug.cancelStep() }
    }
  }

  private mutating func change(_ machine: inout NestedMachine) {
    switch Int.random(in: 0..<8, using: &random) {
    case 0:
      let address = RandomProgram.code(&random)
      var requests = machine.requests
      try? requests.insertBreakpoint(at: address)
      accept(requests, &machine)
      if breakpoints.insert(address).inserted, machine.requests.generation != requests.generation {
        breakpoints.remove(address)
      }
    case 1:
      let address = RandomProgram.address(&random)
      let length = UInt64.random(in: 1..<10, using: &random)
      guard watchpoints[address] == nil else { return }
      var requests = machine.requests
      try? requests.insertWatchpoint(at: address, length: length, kind: .store)
      accept(requests, &machine)
      if machine.requests.generation == requests.generation { watchpoints[address] = length }
    case 2:
      if let address = breakpoints.min() {
        breakpoints.remove(address)
        machine.requests.removeBreakpoint(at: address)
      }
    case 3:
      if let (address, length) = watchpoints.min(by: { $0.key < $1.key }) {
        watchpoints[address] = nil
        machine.requests.removeWatchpoint(at: address, length: length, kind: .store)
      }
    default: break
    }
  }

  private mutating func accept(_ requests: DebugRequests, _ machine: inout NestedMachine) {
    machine.debug.captureGuestState(hardware: &machine.core)
    if machine.debug.fits(requests) { machine.requests = requests }
  }

  /// Everything that ran must have been unwatched, or reported before it ran.
  private mutating func check(
    _ ran: ArraySlice<ModelCore.Observation>, _ machine: borrowing NestedMachine, steps: Bool,
    reported: Bool, from: UInt64
  ) {
    // What the guest has taken away is no longer the debugger's.
    guard machine.debug.plan.isComplete else { return }
    for (n, observation) in ran.enumerated() {
      guard case .executed(let pc) = observation else { continue }
      let isFirst = n == 0 && pc == from
      if breakpoints.contains(pc), !(isFirst && (steps || reported)) {
        missed.append("breakpoint \(String(pc, radix: 16))")
      }
      guard let access = machine.core.program[pc]?.isAccess, access.kind == .store,
        watchpoints.contains(where: { access.range.overlaps($0.key..<$0.key + $0.value) }),
        !(isFirst && reported)
      else { continue }
      missed.append("watchpoint \(String(pc, radix: 16))")
    }
  }

  private mutating func check(_ stop: StopReason?, _ machine: borrowing NestedMachine) {
    switch stop {
    case .breakpoint(let address):
      if !breakpoints.contains(address) || machine.context.pc != address {
        missed.append("stop at no breakpoint \(String(address, radix: 16))")
      }
    case .watchpoint(let address, let kind):
      if kind != .store
        || !watchpoints.contains(where: { $0.key..<$0.key + $0.value ~= address })
      {
        missed.append("stop at no watchpoint \(String(address, radix: 16))")
      }
    case .step, nil: break
    }
  }
}
