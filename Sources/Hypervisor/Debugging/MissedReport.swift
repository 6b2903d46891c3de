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
    let index = vcpu.value.index
    let unplaced = vcpu.value.debug.plan.unplaced
    // A point that has been taken away since is nobody's concern.
    for n in 0..<missed.breakpoints.count {
      let id = missed.breakpoints[n]
      guard let request = requests.value[id] else { continue }
      write(
        "breakpoint", at: request.range.first, vcpu: index,
        isMissing: unplaced.breakpoints.contains(id), to: &output)
    }
    for n in 0..<missed.watchpoints.count {
      let id = missed.watchpoints[n]
      guard let request = requests.value[id] else { continue }
      write(
        "watchpoint", at: request.range.first, vcpu: index,
        isMissing: unplaced.watchpoints.contains(id), to: &output)
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
