internal import Foundation

/// A bar chart of the operations on a CPU model, as SVG: one bar for each column, on a logarithmic axis.
struct BenchChart {
  let results: BenchResults
  let cpu: String

  /// The operations in the chart.
  static let rows = BenchRow.all.filter {
    [
      "mrs_dbgbvr", "msr_dbgbvr", "msr_plan", "five_other", "hvc", "brk", "breakpoint", "step_over",
      "watchpoint", "step", "timer", "sgi",
    ].contains($0.name)
  }

  private static let colors: [BenchColumn: String] = [
    .bare: "#9a9a9a", .native: "#7fb3d5", .debugger: "#1f618d", .kvm: "#f5b041",
    .kvmDebugger: "#ca6f1e",
  ]
  private static let left = 420.0
  private static let width = 560.0
  private static let barHeight = 9.0
  private static let gap = 12.0
  /// Decades on the axis.
  private static let decades = 5

  private var columns: [BenchColumn] {
    BenchColumn.allCases.filter { results[BenchMachine(cpu: cpu), $0] != nil }
  }

  var svg: String {
    let group = Double(columns.count) * Self.barHeight + Self.gap
    let top = 64.0
    let bottom = top + group * Double(Self.rows.count)
    var lines = [
      """
      <svg xmlns="http://www.w3.org/2000/svg" width="1060" height="\(Int(bottom) + 24)" \
      font-family="sans-serif" font-size="12">
      """,
      #"<rect width="100%" height="100%" fill="white"/>"#,
      text(16, 24, "\(cpu): instructions an operation, logarithmic", size: 15),
    ]
    for (index, column) in columns.enumerated() {
      let x = 16 + Double(index) * 170
      lines.append(rectangle(x, 36, 12, 12, column))
      lines.append(text(x + 18, 46, column.title))
    }
    for decade in 0...Self.decades {
      let x = Self.left + Self.width * Double(decade) / Double(Self.decades)
      lines.append(
        #"<line x1="\#(Int(x))" y1="\#(Int(top))" x2="\#(Int(x))" y2="\#(Int(bottom))" stroke="gainsboro"/>"#
      )
      let label = "1" + String(repeating: "0", count: decade)
      lines.append(text(x, bottom + 16, label, anchor: "middle"))
    }
    for (index, row) in Self.rows.enumerated() {
      let y = top + group * Double(index) + Self.gap / 2
      lines.append(
        text(
          Self.left - 8, y + (group - Self.gap) / 2 + 4, Self.short(row.title), anchor: "end"))
      for (position, column) in columns.enumerated() {
        let barTop = y + Double(position) * Self.barHeight
        let label = results.cell(row, on: cpu, column)
        var length = 0.0
        if let cost = results.cost(row, on: cpu, column) {
          length = Self.length(cost)
          lines.append(rectangle(Self.left, barTop, length, Self.barHeight - 1, column))
        }
        lines.append(text(Self.left + length + 4, barTop + Self.barHeight - 1, label, size: 9))
      }
    }
    return (lines + ["</svg>"]).map { "\($0)\n" }.joined()
  }

  /// The length of the bar of a cost. One instruction has no bar, and no bar is longer than the axis.
  private static func length(_ cost: Double) -> Double {
    min(width, width * log10(max(cost, 1)) / Double(decades))
  }

  /// A title without its parentheses.
  private static func short(_ title: String) -> String {
    title.split(separator: " (").first.map(String.init) ?? title
  }

  private func rectangle(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ column: BenchColumn
  ) -> String {
    #"<rect x="\#(Int(x))" y="\#(Int(y))" width="\#(Int(width.rounded()))" height="\#(Int(height))" fill="\#(Self.colors[column] ?? "black")"/>"#
  }

  private func text(
    _ x: Double, _ y: Double, _ words: String, size: Int = 12, anchor: String = "start"
  ) -> String {
    let escaped = words.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
    return
      #"<text x="\#(Int(x))" y="\#(Int(y))" font-size="\#(size)" text-anchor="\#(anchor)">\#(escaped)</text>"#
  }
}
