import ArmDebug
import NestedDebug

// The short ways, taken wherever they can be, as the hypervisor's vectors take them.
extension NestedMachine {
  /// Completes the exit and enters the guest again; or does nothing but, at most, what a second try
  /// repeats, and returns false.
  mutating func completeQuickly(_ exit: ModelCore.Exit) -> Bool {
    guard takesShortWays, let syndrome = exit.syndrome else { return false }
    var left = GuestContext(pc: core.pc, pstate: core.pstate)
    if debug.stepsSilently {
      guard debug.stepQuickly(syndrome, context: &left, hardware: &core) else { return false }
      coverage.note(unseen: .stepLower, isPassedOver: false)
      context = left
      core.enter(pc: left.pc, pstate: left.pstate)
      return true
    }
    guard debug.isSettled else { return false }
    if syndrome.exceptionClass == .systemRegister {
      guard accessQuickly(syndrome, at: left.pc) else { return false }
      left.pc &+= 4
      left.pstate.btype = 0
    } else {
      guard
        debug.deliverQuickly(
          syndrome, faultAddress: exit.far, context: &left, hardware: &core)
      else { return false }
      if let exceptionClass = syndrome.exceptionClass {
        coverage.note(unseen: exceptionClass, isPassedOver: false)
      }
    }
    notePlan()
    context = left
    core.enter(pc: left.pc, pstate: left.pstate)
    return true
  }

  private mutating func accessQuickly(_ syndrome: Syndrome, at pc: UInt64) -> Bool {
    if SystemRegisterAccess(iss: syndrome.iss).isRead {
      guard let value = debug.quickRead(syndrome) else { return false }
      core.transcript.append(.read(pc, value))
      return true
    }
    guard case .msr(_, let value) = core.program[pc] else { return false }
    switch debug.quickWrite(syndrome, value) {
    case .notServed: return false
    case .done: break
    case .planIsStale(let change):
      guard debug.updateQuickly(after: change, hardware: &core, inPlace: &requests) else {
        return false
      }
    }
    core.transcript.append(.executed(pc))
    return true
  }
}
