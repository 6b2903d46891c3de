import ArmDebug
import NestedDebug

// The short ways, taken wherever they can be, as the hypervisor's vectors take them.
extension NestedMachine {
  /// Completes the exit and enters the guest again; or does nothing but, at most, what a second try
  /// repeats, and returns false.
  mutating func completeQuickly(_ exit: ModelCore.Exit) -> Bool {
    guard takesShortWays, let syndrome = exit.syndrome else { return false }
    var left = GuestContext(pc: core.pc, pstate: core.pstate)
    if debug.stepsForGuest {
      if syndrome.exceptionClass == .systemRegister {
        guard accessInStep(syndrome, &left) else { return false }
      } else {
        guard debug.stepQuickly(syndrome, context: &left, hardware: &core) else { return false }
        coverage.note(unseen: .stepLower, isPassedOver: false)
      }
    } else {
      guard debug.isSettled else { return false }
      if syndrome.exceptionClass == .systemRegister {
        guard accessQuickly(syndrome, &left) else { return false }
      } else {
        guard
          debug.deliverQuickly(
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

  private mutating func accessQuickly(_ syndrome: Syndrome, _ left: inout GuestContext) -> Bool {
    if SystemRegisterAccess(iss: syndrome.iss).isRead {
      guard let value = debug.quickRead(syndrome) else { return false }
      core.transcript.append(.read(left.pc, value))
      complete(&left)
      return true
    }
    guard case .msr(_, let value) = core.program[left.pc] else { return false }
    let place = left.pc
    switch debug.quickWrite(syndrome, value) {
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
    guard debug.updateQuickly(after: change, hardware: &core, inPlace: &requests) else {
      return false
    }
    complete(&left)
    return true
  }

  private mutating func stepOn(_ left: inout GuestContext) -> Bool {
    var next = left
    complete(&next)
    guard debug.stepOnQuickly(context: &next, hardware: &core, inPlace: &requests) else {
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
