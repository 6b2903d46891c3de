/// Everything that a run of the benchmark has counted.
struct BenchResults {
  private(set) var transcripts: [BenchMachine: [BenchColumn: BenchTranscript]] = [:]

  subscript(machine: BenchMachine, column: BenchColumn) -> BenchTranscript? {
    get { transcripts[machine]?[column] }
    set { transcripts[machine, default: [:]][column] = newValue }
  }

  /// Those that were measured, in order.
  var machines: [BenchMachine] {
    transcripts.keys.sorted { ($0.cpu, $0.vcpus, $0.memory) < ($1.cpu, $1.vcpus, $1.memory) }
  }

  /// One machine's operations, in instructions: those of the fastest batch of each.
  func table(of machine: BenchMachine) -> BenchGrid {
    let columns = BenchColumn.allCases.filter { self[machine, $0] != nil }
    var grid = BenchGrid(header: ["instructions an operation"] + columns.map(\.title))
    let hasPeer = columns.contains(.debugger) && columns.contains(.kvmDebugger)
    let hasBare = columns.contains(.debugger) && columns.contains(.bare)
    if hasPeer { grid.header.append("to KVM") }
    if hasBare { grid.header.append("to bare") }
    for row in BenchRow.all
    where transcripts[machine]?.values.contains(where: { $0.names.contains(row.name) }) == true {
      var cells = [row.title] + columns.map { cell(row, machine, $0) }
      if hasPeer { cells.append(ratio(row, machine, to: .kvmDebugger)) }
      if hasBare { cells.append(ratio(row, machine, to: .bare)) }
      grid.rows.append(cells)
    }
    return grid
  }

  /// What a debugger does costs, on one machine.
  func debuggerTable(of machine: BenchMachine) -> BenchGrid? {
    let columns = [BenchColumn.debugger, .kvmDebugger].filter { self[machine, $0] != nil }
    guard !columns.isEmpty else { return nil }
    var grid = BenchGrid(header: ["instructions at EL2, a debugger's"] + columns.map(\.title))
    for row in BenchRow.debugger {
      grid.rows.append(
        [row.title]
          + columns.map { column in
            guard let cost = self[machine, column]?.debuggerCost(of: row.name) else {
              return column == .debugger ? "not yet" : "-"
            }
            return "\(Int(cost.lowest.rounded()))"
          })
    }
    return grid
  }

  private func cell(_ row: BenchRow, _ machine: BenchMachine, _ column: BenchColumn) -> String {
    guard let transcript = self[machine, column] else { return "" }
    if transcript.isSilent(row.name) { return "does not fire" }
    guard let cost = row.cost(in: transcript) else { return "" }
    return "\(Int(cost.lowest.rounded()))"
  }

  /// How many times as much an operation costs under Stepwell with a debugger as in another column.
  private func ratio(_ row: BenchRow, _ machine: BenchMachine, to other: BenchColumn) -> String {
    guard let cost = self[machine, .debugger].flatMap({ row.cost(in: $0) })?.lowest.rounded(),
      let base = self[machine, other].flatMap({ row.cost(in: $0) })?.lowest.rounded(), base > 0
    else { return "-" }
    return Self.ratio(cost / base)
  }

  /// With two significant digits.
  static func ratio(_ value: Double) -> String {
    if value >= 10 { return "\(Int(value.rounded()))" }
    let digits = value >= 1 ? 10.0 : value >= 0.1 ? 100 : 1000
    return "\((value * digits).rounded() / digits)"
  }
}
