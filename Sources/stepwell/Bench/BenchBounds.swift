/// What the benchmark's figures must not be above.
struct BenchBound: Sendable {
  let title: String
  let limit: Double
  var unit = ""
  /// The figure on a CPU model, as far as what it takes was counted.
  let figure: @Sendable (BenchResults, String) -> Double?

  private static func row(_ name: String) -> BenchRow? { BenchRow.all.first { $0.name == name } }

  /// Of an operation, with a debugger active.
  private static func debugged(_ title: String, _ limit: Double, _ names: String...) -> BenchBound {
    BenchBound(title: title, limit: limit) { results, cpu in
      let costs = names.compactMap { row($0).flatMap { results.cost($0, on: cpu, .debugger) } }
      return costs.count == names.count ? costs.max() : nil
    }
  }

  /// What native mode adds to an operation that costs nothing at EL2 bare.
  private static let native = BenchBound(
    title: "native mode: added to any debug-register access, SVC, own exception", limit: 0
  ) { results, cpu in
    let free = BenchRow.all.filter { !["hvc", "five_after_hvc", "timer", "sgi"].contains($0.name) }
    let added = free.compactMap { row -> Double? in
      guard let native = results.cost(row, on: cpu, .native),
        let bare = results.cost(row, on: cpu, .bare)
      else { return nil }
      return (native - bare).rounded()
    }
    return added.count == free.count ? added.max() : nil
  }

  /// In their order.
  static let all = [
    debugged(
      "trapped read of a debug register, Rt up to x18", 64, "mrs_dbgbvr", "mrs_dbgbcr",
      "mrs_dbgwvr", "mrs_dbgwcr", "mrs_mdscr", "mrs_mdccint", "mrs_oslsr", "mrs_osdlr"),
    debugged(
      "the same write, changing nothing in hardware", 72, "msr_dbgbvr", "msr_dbgbcr",
      "msr_dbgwvr", "msr_dbgwcr", "msr_mdscr", "msr_mdccint", "msr_oslar", "msr_osdlr"),
    debugged("either, any other Rt", 80, "mrs_dbgbvr_x20", "msr_dbgbvr_x20"),
    BenchBound(title: "history recording, each event", limit: 20) { _, _ in nil },
    debugged("write that changes the plan", 250, "msr_plan"),
    debugged("five writes in a row", 700, "five_other"),
    debugged("HVC (PSCI_VERSION)", 64, "hvc"),
    debugged(
      "guest's own BRK, breakpoint or watchpoint delivered to the guest", 250, "brk",
      "breakpoint", "watchpoint"),
    debugged("guest's own breakpoint stepped over and re-armed", 1400, "step_over"),
    BenchBound(title: "breakpoint, condition false, evaluated at EL2", limit: 500) { _, _ in nil },
    debugged("one step, exception to re-entry", 250, "silent"),
    BenchBound(title: "virtual timer interrupt, added to bare", limit: 250) { results, cpu in
      guard let timer = row("timer"), let bare = results.cost(timer, on: cpu, .bare) else {
        return nil
      }
      return results.cost(timer, on: cpu, .debugger).map { $0 - bare }
    },
    native,
    BenchBound(
      title: "boot of Debian's kernel, idle debugger attached, over bare", limit: 0.5, unit: " %"
    ) { results, cpu in
      guard let boots = results.boots[cpu], let bare = boots[.bare]?.start else { return nil }
      return boots[.idle].map { ($0.start - bare) / bare * 100 }
    },
    BenchBound(title: "image", limit: 1024, unit: " KiB") { results, _ in
      results.size.map { (Double($0.file) / 1024).rounded(.up) }
    },
    BenchBound(title: "EL2's memory, besides a pool for hidden pages", limit: 4, unit: " MiB") {
      results, _ in results.size.map { Double($0.memory) / 1_048_576 }
    },
  ]

  /// What the figure is, and whether it is within the bound.
  func verdict(_ results: BenchResults, on cpu: String) -> String {
    guard let figure = figure(results, cpu) else { return "not yet" }
    let value =
      unit == " %" ? BenchResults.percent(figure / 100) : BenchResults.count(figure) + unit
    // As the tables show it: a batch of a hundred is counted in ticks.
    return "\(value), \((unit == " %" ? figure : figure.rounded()) <= limit ? "reached" : "missed")"
  }

  /// All bounds, with the figures of each CPU model.
  static func table(_ results: BenchResults) -> BenchGrid {
    let cpus = results.cpus
    return BenchGrid(
      header: ["with a debugger active, in instructions", "bound"] + cpus,
      rows: all.map { bound in
        let limit = bound.limit == 0.5 ? "0.5" : BenchResults.count(bound.limit)
        return [bound.title, limit + bound.unit] + cpus.map { bound.verdict(results, on: $0) }
      })
  }
}
