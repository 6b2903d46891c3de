internal import ArmDebug
internal import NestedDebug
internal import RemoteProtocol

/// What the debugger is told, unasked, at the stop after the guest has taken comparators that its points
/// needed: one sentence for each point and vCPU.
enum MissedReport {
  static func write(
    _ vcpu: Fixed<VCPU>, _ requests: @autoclosure () -> DebugRequests,
    to output: inout some TextOutput & ~Copyable
  ) {
    let missed = vcpu.value.debug.missed
    if missed.isEmpty { return }
    let index = vcpu.value.index
    let requests = requests()
    let breakpoints = vcpu.value.debug.plan.unplacedBreakpoints
    let watchpoints = vcpu.value.debug.plan.unplacedWatchpoints
    for n in 0..<DebugRequests.capacity {
      let bit: UInt16 = 1 &<< UInt16(truncatingIfNeeded: n)
      // A point that has been taken away since is nobody's concern.
      if missed.breakpoints & bit != 0, let point = requests.breakpoint(n) {
        write(
          "breakpoint", at: point.address, vcpu: index, isMissing: breakpoints & bit != 0,
          to: &output)
      }
      if missed.watchpoints & bit != 0, let point = requests.watchpoint(n) {
        write(
          "watchpoint", at: point.range.first, vcpu: index, isMissing: watchpoints & bit != 0,
          to: &output)
      }
    }
  }

  /// - Parameter isMissing: it still is not in force.
  @inline(never)
  static func write(
    _ kind: StaticString, at address: UInt64, vcpu: Int, isMissing: Bool,
    to output: inout some TextOutput & ~Copyable
  ) {
    output.write("The ")
    output.write(kind)
    output.write(" at 0x")
    output.write(hex: address)
    output.write(isMissing ? " is not in force on vCPU " : " was not in force for a while on vCPU ")
    output.write(decimal: UInt64(vcpu))
    output.write(isMissing ? ": the guest uses the hardware " : ": the guest used the hardware ")
    output.write(kind)
    output.write("s itself.\n")
  }
}
