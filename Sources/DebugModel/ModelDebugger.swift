import ArmDebug
import NestedDebug

/// One thing that a debugger does. Breakpoints are hardware ones; watchpoints are for stores.
package enum DebuggerAction: Equatable, Sendable {
  case insertBreakpoint(UInt64)
  case insertWatchpoint(UInt64, length: UInt64)
  /// Of those that it holds.
  case removeLowestBreakpoint
  case removeLowestWatchpoint
  /// Lets the guest go on for at most so many events of the model.
  case run(ticks: Int)
  /// Steps it, and gives up after so many.
  case step(ticks: Int)
}

/// A debugger that does what it is told at any time, and notices what it should have been told and
/// was not.
struct ModelDebugger {
  /// What it was not told, or told wrongly.
  private(set) var missed: [String] = []

  private var breakpoints: Set<UInt64> = []
  private var watchpoints: [UInt64: UInt64] = [:]
  /// A stop was reported at the instruction that runs next.
  private var reported = false

  init() {}

  /// Does one thing; a guest that runs is held when its transcript has `observations` entries.
  mutating func perform(
    _ action: DebuggerAction, on machine: inout NestedMachine, observations: Int
  ) {
    switch action {
    case .insertBreakpoint(let address):
      guard !breakpoints.contains(address) else { return }
      var requests = machine.requests
      try? requests.insertBreakpoint(at: address)
      if accept(requests, &machine) { breakpoints.insert(address) }
    case .insertWatchpoint(let address, let length):
      guard watchpoints[address] == nil else { return }
      var requests = machine.requests
      try? requests.insertWatchpoint(at: address, length: length, kind: .store)
      if accept(requests, &machine) { watchpoints[address] = length }
    case .removeLowestBreakpoint:
      guard let address = breakpoints.min() else { return }
      breakpoints.remove(address)
      machine.requests.removeBreakpoint(at: address)
    case .removeLowestWatchpoint:
      guard let (address, length) = watchpoints.min(by: { $0.key < $1.key }) else { return }
      watchpoints[address] = nil
      machine.requests.removeWatchpoint(at: address, length: length, kind: .store)
    case .run(let ticks): run(&machine, ticks, observations, steps: false)
    case .step(let ticks): run(&machine, ticks, observations, steps: true)
    }
  }

  /// The protocol server's part: requests are the debugger's only if there is room for them.
  private func accept(_ requests: DebugRequests, _ machine: inout NestedMachine) -> Bool {
    machine.debug.captureGuestState(hardware: &machine.core)
    guard requests.generation != machine.requests.generation, machine.debug.fits(requests) else {
      return false
    }
    machine.requests = requests
    return true
  }

  private mutating func run(
    _ machine: inout NestedMachine, _ ticks: Int, _ observations: Int, steps: Bool
  ) {
    let start = machine.core.transcript.count
    let from = machine.context.pc
    if steps { machine.debug.requestStep() }
    let stop = machine.run(ticks: ticks, observations: observations)
    check(machine.core.transcript[start...], machine, steps: steps, from: from)
    check(stop, machine, steps: steps)
    if stop == .step, machine.core.transcript.count - start > 1 {
      missed.append("the step ran \(machine.core.transcript[start...])")
    }
    // An interrupt in between takes nothing back.
    if stop != nil || machine.context.pc != from || machine.core.transcript.count > start {
      reported = stop != nil && stop != .step
    }
    if stop == nil { machine.debug.cancelStep() }
  }

  /// Everything that ran must have been unwatched, or reported before it ran.
  private mutating func check(
    _ ran: ArraySlice<ModelCore.Observation>, _ machine: borrowing NestedMachine, steps: Bool,
    from: UInt64
  ) {
    for (n, observation) in zip(ran.indices, ran) {
      // What the guest has taken away is not the debugger's, for as long as it has it.
      guard case .executed(let pc) = observation, n >= machine.incompleteUntil else { continue }
      let isFirst = n == ran.startIndex && pc == from
      if breakpoints.contains(pc), !(isFirst && (steps || reported)) {
        missed.append("no stop at the breakpoint \(String(pc, radix: 16))")
      }
      guard let access = machine.core.program[pc]?.isAccess, access.kind == .store,
        watchpoints.contains(where: { access.range.overlaps($0.key..<$0.key + $0.value) }),
        !(isFirst && reported)
      else { continue }
      missed.append("no stop for the watchpoint at \(String(pc, radix: 16))")
    }
  }

  private mutating func check(
    _ stop: StopReason?, _ machine: borrowing NestedMachine, steps: Bool
  ) {
    switch stop {
    case .breakpoint(let address):
      if !breakpoints.contains(address) || machine.context.pc != address {
        missed.append("a stop at no breakpoint \(String(address, radix: 16))")
      }
    case .watchpoint(let address, let kind):
      if kind != .store
        || !watchpoints.contains(where: { $0.key..<$0.key + $0.value ~= address })
      {
        missed.append("a stop at no watchpoint \(String(address, radix: 16))")
      }
    case .step:
      if !steps { missed.append("a step that was not asked for") }
    case nil: break
    }
  }
}
