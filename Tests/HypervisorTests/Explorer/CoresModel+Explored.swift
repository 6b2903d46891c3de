import RemoteProtocol

@testable import Hypervisor

// What the explorer asks of the model, and what must be true where nothing can go on.
extension CoresModel: Explored {
  func run(core: Int) {
    current = core
    live(core)
  }

  func enabled() -> [Actor] {
    var actors: [Actor] = []
    var polls = false
    for core in states.indices {
      switch states[core] {
      case .off: break
      case .ready: actors.append(.core(core))
      case .waiting: if !pending[core].isEmpty { actors.append(.core(core)) }
      case .polling(let since):
        polls = true
        if changes != since { actors.append(.core(core)) }
      }
    }
    if link.canAct { actors.append(.debugger) }
    if polls, start.isSlow && timeouts == 0 || actors.isEmpty { actors.append(.clock) }
    return actors
  }

  func act(_ actor: Actor) {
    switch actor {
    case .debugger: if link.act() { raise(.link, linkCore) }
    case .clock:
      timeouts += 1
      changes += 1
      time += counterFrequency
      if timeouts > 20 { fail("polls for ever") }
    case .core: break
    }
    if let surprise = link.surprise { fail("the debugger reads \(surprise)") }
  }

  func fingerprint() -> UInt64 {
    var hash = History()
    for history in histories { hash.add(history.value) }
    for row in words { for word in row { hash.add(UInt64(word)) } }
    for list in pending { hash.add(list.reduce(1) { $0 << 2 | ($1.rawValue + 1) }) }
    for state in states {
      switch state {
      case .off: hash.add(1)
      case .ready: hash.add(2)
      case .waiting: hash.add(3)
      case .polling(let since): hash.add(since == changes ? 4 : 5)
      }
    }
    hash.add(UInt64(link.position) << 32 | UInt64(link.events.count))
    hash.add(UInt64(current) << 8 | UInt64(timeouts))
    return hash.value
  }

  func settled() {
    if !link.isDone { return fail("the debugger waits for ever: \(link.wish)") }
    if link.hasUnexpected { return fail("the debugger is told more than there is to tell") }
    for core in states.indices {
      let power = word(.power, core)
      if power == PSCI.Power.onPending.rawValue || power == PSCI.Power.turningOff.rawValue {
        return fail("vCPU \(core) stays on its way")
      }
      if accepted[core].sorted() != begun[core].sorted() {
        return fail("vCPU \(core) began with \(begun[core]), and CPU_ON took \(accepted[core])")
      }
      let runs = power == PSCI.Power.on.rawValue && vcpus[core].value.thread == .running
      if runs, next[core] < start.programs[core].count {
        return fail("vCPU \(core) runs, and never comes to its instruction \(next[core])")
      }
      if runs, word(.mayRun, core) != 1 || word(.standstill, 0) != 0 {
        return fail("vCPU \(core) is let go, and does not run")
      }
    }
    if !start.makesSense(link.packets) { fail("the debugger reads \(link.packets)") }
    if let stops = start.stops, link.stopReplies != stops {
      fail("\(link.stopReplies) stops were told, of \(stops)")
    }
  }
}
