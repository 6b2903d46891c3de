/// A run of the benchmark, as text, as Markdown and as comma-separated values.
struct BenchReport {
  let results: BenchResults
  let scales: [BenchScale]

  /// The tables, in the order of the terminal.
  private var grids: [BenchGrid] {
    results.cpus.map { results.table(of: $0) }.filter { !$0.rows.isEmpty }
      + results.cpus.compactMap { results.debuggerTable(of: $0) }
      + [results.bootTable].compactMap { $0 } + [BenchBound.table(results)]
      + scales.map(\.grid)
  }

  private var peer: String? { results.kvm.map { "KVM is that of \($0)." } }

  /// For a terminal.
  var text: String {
    (grids.map(\.text) + [scales.map { "\($0.summary)\n" }.joined(), peer.map { "\($0)\n" } ?? ""])
      .filter { !$0.isEmpty }.joined(separator: "\n")
  }

  /// The part of docs/performance.md that is not written by hand.
  var markdown: String {
    var parts = ["### Bounds\n", BenchBound.table(results).markdown]
    for cpu in results.cpus {
      parts += ["### \(cpu)\n", results.table(of: cpu).markdown]
      if let table = results.debuggerTable(of: cpu) { parts.append(table.markdown) }
    }
    if let table = results.bootTable { parts += ["### A real guest\n", table.markdown] }
    if !scales.isEmpty {
      parts.append("### Scale\n")
      for scale in scales { parts += [scale.grid.markdown, "\(scale.summary)\n"] }
    }
    if let peer { parts.append("\(peer)\n") }
    return parts.joined(separator: "\n")
  }

  /// Every figure: where it was counted, the mean over all rounds, and the fastest batch's.
  var csv: String {
    var lines = ["cpu,vcpus,memory,breakpoints,watchpoints,column,operation,mean,lowest"]
    func add(
      _ machine: BenchMachine, _ held: BenchHeld?, _ column: String, _ operation: String,
      _ cost: BenchTranscript.Cost?
    ) {
      guard let cost else { return }
      lines.append(
        "\(machine.cpu),\(machine.vcpus),\(machine.memory),"
          + "\(held.map { "\($0.breakpoints),\($0.watchpoints)" } ?? ","),"
          + "\(column),\(operation),\(Self.decimal(cost.mean)),\(Self.decimal(cost.lowest))")
    }
    func add(
      _ transcript: BenchTranscript, _ machine: BenchMachine, _ held: BenchHeld?, _ column: String
    ) {
      for row in BenchRow.all {
        add(machine, held, column, row.name, row.cost(in: transcript))
      }
      for name in BenchRow.debugger.map(\.name) + ["ptrace_step"] {
        add(
          machine, held, column, "debugger_\(name)", transcript.debuggerCost(of: name))
      }
      add(
        machine, held, column, "start",
        transcript.start.map { BenchTranscript.Cost(mean: $0, lowest: $0) })
    }
    for machine in results.machines {
      for column in BenchColumn.allCases {
        guard let transcript = results[machine, column] else { continue }
        add(transcript, machine, column == .debugger ? BenchHeld() : nil, column.rawValue)
      }
    }
    let held = results.held.sorted {
      ($0.key.watchpoints, $0.key.breakpoints) < ($1.key.watchpoints, $1.key.breakpoints)
    }
    for (held, transcript) in held {
      add(
        transcript, BenchMachine(cpu: results.cpus[0]), held, BenchColumn.debugger.rawValue)
    }
    for (cpu, boots) in results.boots.sorted(by: { $0.key < $1.key }) {
      for boot in BenchBoot.allCases {
        guard let transcript = boots[boot] else { continue }
        add(transcript, BenchMachine(cpu: cpu), nil, "linux-\(boot.rawValue)")
      }
    }
    return lines.map { "\($0)\n" }.joined()
  }

  /// With two decimals.
  static func decimal(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    let decimals = hundredths.magnitude % 100
    return "\(hundredths < 0 ? "-" : "")\(hundredths.magnitude / 100)"
      + ".\(decimals < 10 ? "0" : "")\(decimals)"
  }
}
