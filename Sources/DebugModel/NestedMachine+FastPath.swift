import ArmDebug
import NestedDebug

// The fast path, taken wherever the vectors of the hypervisor take it.
extension NestedMachine {
  /// Completes the exit and enters the guest again; or does nothing but, at most, what a second try
  /// repeats, and returns false.
  mutating func completeOnFastPath(_ exit: ModelCore.Exit) -> Bool {
    guard takesFastPath, let syndrome = exit.syndrome else { return false }
    var left = GuestContext(pc: core.pc, pstate: core.pstate)
    if debug.stepsForGuest {
      if syndrome.exceptionClass == .systemRegister {
        guard accessInStep(syndrome, &left) else { return false }
      } else {
        guard debug.fastStep(syndrome, context: &left, hardware: &core) else { return false }
        coverage.note(unseen: .stepLower, isPassedOver: false)
      }
    } else {
      guard debug.allowsFastPath else { return false }
      if syndrome.exceptionClass == .systemRegister {
        guard accessOnFastPath(syndrome, &left) else { return false }
      } else {
        guard
          debug.fastDeliver(
            syndrome, faultAddress: exit.far, context: &left, hardware: &core)
        else { return false }
        if let exceptionClass = syndrome.exceptionClass {
          coverage.note(unseen: exceptionClass, isPassedOver: false)
        }
      }
    }
    notePlan(since: core.transcript.count)
    context = left
    core.enter(pc: left.pc, pstate: left.pstate)
    return true
  }

  private mutating func accessOnFastPath(_ syndrome: Syndrome, _ left: inout GuestContext) -> Bool {
    if SystemRegisterAccess(iss: syndrome.iss).isRead {
      guard let value = debug.fastRead(syndrome) else { return false }
      core.transcript.append(.read(left.pc, value))
      complete(&left)
      return true
    }
    guard case .msr(_, let value) = core.program[left.pc] else { return false }
    let place = left.pc
    switch debug.fastWrite(syndrome, value) {
    case .notServed: return false
    case .done: complete(&left)
    case .planIsStale(let change): guard changePlan(change, &left) else { return false }
    }
    core.transcript.append(.executed(place))
    return true
  }

  private mutating func accessInStep(_ syndrome: Syndrome, _ left: inout GuestContext) -> Bool {
    guard let (register, change) = debug.accessedInStep(syndrome) else { return false }
    let place = left.pc
    if SystemRegisterAccess(iss: syndrome.iss).isRead {
      let value = debug.accessInStep(register, isRead: true, value: 0)
      guard stepOn(&left) else { return false }
      core.transcript.append(.read(place, value))
      return true
    }
    guard case .msr(_, let value) = core.program[left.pc] else { return false }
    _ = debug.accessInStep(register, isRead: false, value: value)
    guard changePlan(change, &left) else { return false }
    if !debug.stepsForGuest { left.pstate.ss = false }
    core.transcript.append(.executed(place))
    return true
  }

  private mutating func changePlan(_ change: GuestChange, _ left: inout GuestContext) -> Bool {
    if debug.guest.steps { return stepOn(&left) }
    guard debug.fastUpdate(after: change, hardware: &core, requests: &requests) else {
      return false
    }
    complete(&left)
    return true
  }

  private mutating func stepOn(_ left: inout GuestContext) -> Bool {
    var next = left
    complete(&next)
    guard debug.fastStepOn(context: &next, hardware: &core, requests: requests) else {
      return false
    }
    left = next
    return true
  }

  private func complete(_ context: inout GuestContext) {
    context.pc &+= 4
    context.pstate.btype = 0
  }
}
