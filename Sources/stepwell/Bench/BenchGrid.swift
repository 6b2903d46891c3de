/// A table of words. The first column is aligned to the left, the others to the right.
struct BenchGrid: Equatable {
  var header: [String]
  var rows: [[String]] = []

  /// With aligned columns, for a terminal.
  var text: String {
    let lines = [header] + rows
    let widths = header.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { line in
      line.indices.map { column in
        let padding = String(repeating: " ", count: widths[column] - line[column].count)
        return column == 0 ? line[column] + padding : "  " + padding + line[column]
      }.joined() + "\n"
    }.joined()
  }

  /// In Markdown.
  var markdown: String {
    let rule = header.indices.map { $0 == 0 ? "---" : "---:" }
    return ([header, rule] + rows).map { "| " + $0.joined(separator: " | ") + " |\n" }.joined()
  }
}
