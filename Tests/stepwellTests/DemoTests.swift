import Testing

@testable import stepwell

@Suite struct `The demo` {
  /// The reports of guest and debugger when each has seen all of its events.
  func reports(of plan: DemoPlan) -> (guest: DemoReport, debugger: DemoReport) {
    var guest = DemoReport()
    var debugger = DemoReport()
    for line in [
      "cpus \(plan.cpus)", "breakpoints \(plan.breakpoints)", "watchpoints \(plan.watchpoints)",
      "steps \(plan.steps)",
      "brks \(plan.brks)", "strays 0", "correct \(plan.correctChildren)", "end 0",
    ] {
      guest.read("STEPWELL \(line)\r")
    }
    for cpu in 0..<plan.cpus {
      debugger.read("STEPWELL debugger.breakpoints.\(cpu) \(plan.debuggerBreakpoints(on: cpu))")
    }
    for line in [
      "watchpoints \(plan.debuggerWatchpoints)", "steps \(plan.debuggerSteps)",
      "registers \(plan.debuggerBreakpoints)", "strays 0",
    ] {
      debugger.read("STEPWELL debugger.\(line)")
    }
    return (guest, debugger)
  }

  @Test func `makes thousands of events`() {
    let plan = DemoPlan()
    #expect(plan.breakpoints == 2000)
    #expect(plan.watchpoints == 2640)
    #expect(plan.steps == 4840)
    #expect(plan.brks == 440)
    #expect(plan.debuggerBreakpoints == 249)
    #expect(plan.debuggerSteps == 96)
  }

  @Test func `succeeds when each has seen all of its own`() {
    let plan = DemoPlan()
    let (guest, debugger) = reports(of: plan)
    let table = DemoTable(plan: plan, guest: guest, debugger: debugger, poweredOff: true)
    #expect(table.agrees)
    #expect(!table.description.contains("differs"))
  }

  @Test func `fails for any single number that differs, and marks it`() {
    let plan = DemoPlan()
    let (guest, debugger) = reports(of: plan)
    for what in guest.counts.keys where what != "end" {
      var wrong = guest
      wrong.read("STEPWELL \(what) 1")
      let table = DemoTable(plan: plan, guest: wrong, debugger: debugger, poweredOff: true)
      #expect(table.rows.count { !$0.agrees } == 1, "\(what)")
    }
    for what in debugger.counts.keys {
      var wrong = debugger
      wrong.read("STEPWELL \(what) 1")
      let table = DemoTable(plan: plan, guest: guest, debugger: wrong, poweredOff: true)
      #expect(table.rows.count { !$0.agrees } == 1, "\(what)")
      #expect(table.description.contains("1  <-- differs"))
    }
  }

  @Test func `fails when nothing was reported`() {
    let table = DemoTable(
      plan: DemoPlan(), guest: DemoReport(), debugger: DemoReport(), poweredOff: true)
    #expect(table.rows.count(where: \.agrees) == 1, "only the power-off")
  }

  @Test func `fails when the guest did not switch itself off`() {
    let plan = DemoPlan()
    let (guest, debugger) = reports(of: plan)
    #expect(!DemoTable(plan: plan, guest: guest, debugger: debugger, poweredOff: false).agrees)
  }
}

@Suite struct `A report` {
  @Test func `is found wherever it stands in a line of the console`() {
    var report = DemoReport()
    report.read("[    2.519744] noise STEPWELL steps 12\r")
    #expect(report["steps"] == 12)
  }

  @Test func `keeps the debugger's view of the comparators as it was`() {
    var report = DemoReport()
    report.read("STEPWELL monitor vCPU 0:  breakpoint 1  guest")
    #expect(report.monitor == ["vCPU 0:  breakpoint 1  guest"])
  }

  @Test func `says why the guest's program could not go on`() {
    var report = DemoReport()
    report.read("STEPWELL failed mounting /proc: Device or resource busy")
    #expect(report.failure == "mounting /proc: Device or resource busy")
  }

  @Test(arguments: ["", "STEPWELL", "STEPWELL ", "STEPWELL steps", "STEPWELL steps many"])
  func `ignores what is none`(line: String) {
    var report = DemoReport()
    report.read(line)
    #expect(report["steps"] == nil)
  }
}
