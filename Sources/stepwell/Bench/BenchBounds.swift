/// A limit that a figure of the benchmark must not exceed.
struct BenchBound: Sendable {
  /// What a figure can be, if it was counted.
  enum Kind: Sendable {
    /// A cost or a size. It is never 0: 0 means that something was not counted.
    case amount
    /// The difference between two costs, which may be 0.
    case difference
    /// The cost of something that Stepwell cannot do yet.
    case planned
  }

  let title: String
  let limit: Double
  var unit = ""
  var kind = Kind.amount
  /// The figure on a CPU model; nil if something that it is made of was not counted.
  let figure: @Sendable (BenchResults, String) -> Double?

  private static func row(_ name: String) -> BenchRow? { BenchRow.all.first { $0.name == name } }

  /// The bound of the dearest of some operations with a debugger active.
  private static func debugged(_ title: String, _ limit: Double, _ names: String...) -> BenchBound {
    BenchBound(title: title, limit: limit) { results, cpu in
      let costs = names.compactMap { row($0).flatMap { results.cost($0, on: cpu, .debugger) } }
      return costs.count == names.count ? costs.max() : nil
    }
  }

  /// The bound of what native mode adds to an operation that costs nothing at EL2 bare.
  private static let native = BenchBound(
    title: "native mode: added to any debug-register access, SVC, own exception", limit: 0,
    kind: .difference
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

  /// The bound of something that Stepwell cannot do yet.
  private static func planned(_ title: String, _ limit: Double) -> BenchBound {
    BenchBound(title: title, limit: limit, kind: .planned) { _, _ in nil }
  }

  /// All bounds, in the order of the table.
  static let all = [
    debugged(
      "trapped read of a debug register, Rt up to x18", 64, "mrs_dbgbvr", "mrs_dbgbcr",
      "mrs_dbgwvr", "mrs_dbgwcr", "mrs_mdscr", "mrs_mdccint", "mrs_oslsr", "mrs_osdlr"),
    debugged(
      "the same write, changing nothing in hardware", 72, "msr_dbgbvr", "msr_dbgbcr",
      "msr_dbgwvr", "msr_dbgwcr", "msr_mdscr", "msr_mdccint", "msr_oslar", "msr_osdlr"),
    debugged("either, any other Rt", 80, "mrs_dbgbvr_x20", "msr_dbgbvr_x20"),
    planned("history recording, each event", 20),
    debugged("write that changes the plan", 250, "msr_plan"),
    debugged("five writes in a row", 700, "five_other"),
    debugged("HVC (PSCI_VERSION)", 64, "hvc"),
    debugged(
      "guest's own BRK, breakpoint or watchpoint delivered to the guest", 250, "brk",
      "breakpoint", "watchpoint"),
    debugged("guest's own breakpoint stepped over and re-armed", 1400, "step_over"),
    planned("breakpoint, condition false, evaluated at EL2", 500),
    debugged("one step, exception to re-entry", 250, "silent"),
    BenchBound(
      title: "virtual timer interrupt, added to bare", limit: 250, kind: .difference
    ) { results, cpu in
      guard let timer = row("timer"), let bare = results.cost(timer, on: cpu, .bare) else {
        return nil
      }
      return results.cost(timer, on: cpu, .debugger).map { $0 - bare }
    },
    native,
    BenchBound(
      title: "boot of Debian's kernel, idle debugger attached, over bare", limit: 0.5, unit: " %",
      kind: .difference
    ) { results, cpu in
      guard let boots = results.boots[cpu], let bare = boots[.bare]?.start else { return nil }
      return boots[.idle]?.start.map { ($0 - bare) / bare * 100 }
    },
    BenchBound(title: "image", limit: 1024, unit: " KiB") { results, _ in
      results.imageSize.map { (Double($0) / 1024).rounded(.up) }
    },
    BenchBound(
      title: "memory that the guest does not get, with 1 vCPU (4 MiB and 128 KiB a vCPU)",
      limit: 4096 + 128, unit: " KiB"
    ) { results, cpu in
      results.reservedMemory(on: cpu).map { (Double($0) / 1024).rounded(.up) }
    },
  ]

  /// The figure, and whether it is within the bound: "not measured" if there is no figure, or one that
  /// cannot be.
  func verdict(_ results: BenchResults, on cpu: String) -> String {
    if kind == .planned { return "not yet" }
    guard let figure = figure(results, cpu), kind == .difference || figure > 0 else {
      return "not measured"
    }
    let value =
      unit == " %" ? BenchResults.percent(figure / 100) : BenchResults.count(figure) + unit
    // Rounded as the tables show it: a batch of a hundred is counted in ticks of 16 instructions.
    return "\(value), \((unit == " %" ? figure : figure.rounded()) <= limit ? "reached" : "missed")"
  }

  /// The table of all bounds, with the figures of each CPU model.
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
