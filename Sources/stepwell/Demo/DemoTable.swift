/// The result of the demo: expected and seen events.
struct DemoTable {
  struct Row: Equatable {
    var title: String
    var expected: String
    var seen: String
    var agrees: Bool { expected == seen }
  }

  let rows: [Row]

  var agrees: Bool { rows.allSatisfy(\.agrees) }

  init(plan: DemoPlan, guest: DemoReport, debugger: DemoReport, poweredOff: Bool) {
    func row(_ title: String, _ expected: Int, _ seen: Int?) -> Row {
      Row(title: title, expected: "\(expected)", seen: seen.map(String.init) ?? "-")
    }
    var rows = [
      row("guest: its CPUs", plan.cpus, guest["cpus"]),
      row("guest: its hardware breakpoints, four at once", plan.breakpoints, guest["breakpoints"]),
      row("guest: its watchpoints, every length and place", plan.watchpoints, guest["watchpoints"]),
      row("guest: its single-steps", plan.steps, guest["steps"]),
      row("guest: its BRK instructions", plan.brks, guest["brks"]),
      row("guest: stops for any other reason", 0, guest["strays"]),
      row("guest: children with the right result", plan.correctChildren, guest["correct"]),
    ]
    for cpu in 0..<plan.cpus {
      rows.append(
        row(
          "debugger: its breakpoint in the kernel, vCPU \(cpu)", plan.debuggerBreakpoints(on: cpu),
          debugger["debugger.breakpoints.\(cpu)"]))
    }
    rows += [
      row(
        "debugger: its watchpoint in the kernel", plan.debuggerWatchpoints,
        debugger["debugger.watchpoints"]),
      row("debugger: its steps in the kernel", plan.debuggerSteps, debugger["debugger.steps"]),
      row(
        "debugger: stops with the guest's registers right", plan.debuggerBreakpoints,
        debugger["debugger.registers"]),
      row("debugger: stops for any other reason", 0, debugger["debugger.strays"]),
      Row(
        title: "the guest switched its machine off by itself", expected: "yes",
        seen: poweredOff ? "yes" : "no"),
    ]
    self.rows = rows
  }

  /// The table as text, with a mark on each row that disagrees.
  var description: String {
    let header = Row(title: "", expected: "expected", seen: "seen")
    let titleWidth = rows.map(\.title.count).max() ?? 0
    return ([header] + rows).map { row in
      Self.padded(row.title, to: titleWidth) + Self.aligned(row.expected) + Self.aligned(row.seen)
        + (row.agrees || row == header ? "" : "  <-- differs") + "\n"
    }.joined()
  }

  private static func padded(_ text: String, to width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private static func aligned(_ text: String) -> String {
    String(repeating: " ", count: max(2, 10 - text.count)) + text
  }
}
