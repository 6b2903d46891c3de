/// An operation of the benchmark's payload, with its title in the tables.
struct BenchRow: Equatable {
  /// The name of the operation in the payload's output.
  let name: String
  let title: String
  /// The number of vCPUs that the operation needs.
  var vcpus = 1
  /// Another row, whose cost is part of what is counted and is taken off.
  var less: String?
  /// Whether Stepwell cannot do it yet.
  var isPlanned = false

  /// All operations, in the order of the tables.
  static let all = [
    BenchRow(name: "nop", title: "NOP"),
    BenchRow(name: "mrs_dbgbvr", title: "MRS DBGBVR0_EL1"),
    BenchRow(name: "msr_dbgbvr", title: "MSR DBGBVR0_EL1, the value it has"),
    BenchRow(name: "msr_dbgbvr_other", title: "MSR DBGBVR0_EL1, another value, breakpoint off"),
    BenchRow(name: "mrs_dbgbvr_x20", title: "MRS DBGBVR0_EL1 to X20"),
    BenchRow(name: "msr_dbgbvr_x20", title: "MSR DBGBVR0_EL1 from X20, the value it has"),
    BenchRow(name: "mrs_dbgbcr", title: "MRS DBGBCR0_EL1"),
    BenchRow(name: "msr_dbgbcr", title: "MSR DBGBCR0_EL1, the value it has"),
    BenchRow(name: "msr_plan", title: "MSR DBGBCR0_EL1, breakpoint on or off"),
    BenchRow(name: "mrs_dbgwvr", title: "MRS DBGWVR0_EL1"),
    BenchRow(name: "msr_dbgwvr", title: "MSR DBGWVR0_EL1, the value it has"),
    BenchRow(name: "mrs_dbgwcr", title: "MRS DBGWCR0_EL1"),
    BenchRow(name: "msr_dbgwcr", title: "MSR DBGWCR0_EL1, the value it has"),
    BenchRow(name: "mrs_mdscr", title: "MRS MDSCR_EL1"),
    BenchRow(name: "msr_mdscr", title: "MSR MDSCR_EL1, the value it has"),
    BenchRow(name: "mrs_mdccint", title: "MRS MDCCINT_EL1"),
    BenchRow(name: "msr_mdccint", title: "MSR MDCCINT_EL1, the value it has"),
    BenchRow(name: "mrs_osdlr", title: "MRS OSDLR_EL1"),
    BenchRow(name: "msr_osdlr", title: "MSR OSDLR_EL1, the value it has"),
    BenchRow(name: "mrs_oslsr", title: "MRS OSLSR_EL1"),
    BenchRow(name: "msr_oslar", title: "MSR OSLAR_EL1, the lock it has"),
    BenchRow(name: "five", title: "MSR of BVR, BCR, WVR, WCR and MDSCR, the values they have"),
    BenchRow(
      name: "five_other", title: "the same five, other addresses each time (7 instructions)"),
    BenchRow(
      name: "five_after_hvc",
      title: "the same five right after an HVC, which is taken off (11 instructions)",
      less: "hvc"),
    BenchRow(name: "hvc", title: "HVC, PSCI_VERSION (2 instructions)"),
    BenchRow(name: "svc", title: "own SVC"),
    BenchRow(name: "brk", title: "own BRK, skipped"),
    BenchRow(name: "breakpoint", title: "own breakpoint, its instruction skipped"),
    BenchRow(name: "step_over", title: "own breakpoint, stepped over and armed again"),
    BenchRow(name: "watchpoint", title: "own watchpoint, its instruction skipped"),
    BenchRow(name: "step", title: "own single-step"),
    BenchRow(name: "silent", title: "one instruction while own single-step is armed, but masked"),
    BenchRow(name: "timer", title: "virtual timer: set, interrupt, acknowledge, end"),
    BenchRow(
      name: "sgi", title: "SGI to a vCPU that waits: send, wake, acknowledge, end", vcpus: 2),
  ]

  /// The operations of a debugger: with packets under Stepwell, with system calls under KVM.
  static let debugger = [
    BenchRow(name: "attach", title: "attach, as GDB does"),
    BenchRow(name: "false_breakpoint", title: "breakpoint, condition false, one register read"),
    BenchRow(name: "false_watchpoint", title: "watchpoint, condition false, one word read"),
    BenchRow(name: "step", title: "one step"),
    BenchRow(name: "range_step", title: "range step of 1,000 instructions", isPlanned: true),
    BenchRow(name: "read", title: "read of 4 KiB"),
  ]

  /// The machine that the operation is measured on.
  func machine(_ cpu: String) -> BenchMachine { BenchMachine(cpu: cpu, vcpus: vcpus) }

  /// The cost in instructions that a payload reports.
  func cost(in transcript: BenchTranscript) -> BenchTranscript.Cost? {
    guard var cost = transcript.cost(of: name) else { return nil }
    if let less {
      guard let other = transcript.cost(of: less) else { return nil }
      cost.mean -= other.mean
      cost.lowest -= other.lowest
    }
    return cost
  }
}
