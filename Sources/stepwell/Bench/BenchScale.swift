/// How costs grow with the size of a machine, or with the number of the debugger's points.
struct BenchScale {
  typealias Points = [(label: String, transcript: BenchTranscript)]

  /// The quantity that grows.
  let axis: String
  /// Its values, with the transcript for each.
  let points: Points
  /// Values that cannot be measured yet.
  var notYet: [String] = []

  /// The operations in the table.
  static let rows = BenchRow.all.filter {
    [
      "mrs_dbgbvr", "msr_dbgbvr", "msr_plan", "five_other", "hvc", "breakpoint", "step_over",
      "watchpoint", "step", "timer", "sgi",
    ].contains($0.name)
  }

  /// One row an operation, one column a value.
  var grid: BenchGrid {
    var grid = BenchGrid(header: [axis] + points.map(\.label) + notYet)
    for row in Self.rows {
      let costs = points.map { row.cost(in: $0.transcript)?.lowest }
      guard costs.contains(where: { $0 != nil }) else { continue }
      grid.rows.append(
        [row.title] + costs.map { $0.map { BenchResults.count($0) } ?? "-" }
          + notYet.map { _ in "not yet" })
    }
    grid.rows.append(
      ["from power-on to the guest's first instruction"]
        + points.map { $0.transcript.start.map { BenchResults.count($0) } ?? "-" }
        + notYet.map { _ in "not yet" })
    return grid
  }

  /// One line that names the costs that change.
  var summary: String {
    var growth: [(title: String, from: Double, to: Double)] = []
    for row in Self.rows {
      let costs = points.compactMap { row.cost(in: $0.transcript)?.lowest.rounded() }
      guard let first = costs.first, let last = costs.last, costs.count > 1 else { continue }
      // A batch is counted in ticks: two of its counts may differ by one.
      if (last - first).magnitude > max(0.01 * first, 1) { growth.append((row.title, first, last)) }
    }
    guard let first = points.first, let last = points.last else { return "\(axis): not measured." }
    let range = "\(axis), from \(first.label) to \(last.label)"
    if growth.isEmpty { return "\(range): no cost changes." }
    let changes = growth.map {
      "\($0.title): \(BenchResults.count($0.from)) to \(BenchResults.count($0.to))"
    }
    return "\(range): these costs change, and no others: \(changes.joined(separator: "; "))."
  }
}
