internal import ArmDebug
internal import NestedDebug
internal import RemoteProtocol

/// What the debugger is told, unasked, at the stop after the guest has taken comparators that its points
/// needed: one sentence for each point and vCPU.
enum MissedReport {
  static func write(
    _ vcpu: Fixed<VCPU>, _ requests: Fixed<DebugRequests>,
    to output: inout some TextOutput & ~Copyable
  ) {
    let missed = vcpu.value.debug.missed
    if missed.isEmpty { return }
    let unplaced = vcpu.value.debug.plan.unplaced
    for n in 0..<missed.breakpoints.count {
      write(
        "breakpoint", missed.breakpoints[n], requests, vcpu: vcpu.value.index,
        isMissing: unplaced.breakpoints.contains(missed.breakpoints[n]), to: &output)
    }
    for n in 0..<missed.watchpoints.count {
      write(
        "watchpoint", missed.watchpoints[n], requests, vcpu: vcpu.value.index,
        isMissing: unplaced.watchpoints.contains(missed.watchpoints[n]), to: &output)
    }
  }

  /// - Parameter isMissing: it still is not in force.
  private static func write(
    _ kind: StaticString, _ id: RequestID, _ requests: Fixed<DebugRequests>, vcpu: Int,
    isMissing: Bool, to output: inout some TextOutput & ~Copyable
  ) {
    // A point that has been taken away since is nobody's concern.
    guard let request = requests.value[id] else { return }
    output.write("The ")
    output.write(kind)
    output.write(" at 0x")
    output.write(hex: request.range.first)
    output.write(isMissing ? " is not in force on vCPU " : " was not in force for a while on vCPU ")
    output.write(decimal: UInt64(vcpu))
    output.write(isMissing ? ": the guest uses the hardware " : ": the guest used the hardware ")
    output.write(kind)
    output.write("s itself.\n")
  }
}
