/// What EL2 would make of many device trees: a row for each, and how often each answer is given.
struct TreeTable {
  let reports: [TreeReport]

  /// A row for each tree, in columns.
  var text: String {
    let head = [
      "tree", "starts", "CPUs", "started by", "memory", "interrupt controller", "console",
      "missing",
    ]
    let rows =
      [head]
      + reports.map { report in
        [
          report.name, report.starts ? "yes" : "no", "\(report.cpus)", report.start, report.memory,
          report.interruptController, report.console,
          report.starts ? "-" : report.lacks.map(\.subject).joined(separator: ", "),
        ]
      }
    let widths = head.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    let lines = rows.map { row in
      zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
        .joined(separator: "  ").trimmingSuffix
    }
    return lines.joined(separator: "\n") + "\n\n" + summary
  }

  /// The counts, as sentences.
  var summary: String {
    let started = reports.count { $0.starts }
    var lines = ["\(reports.count) trees, \(started) of which would start."]
    for (sentence, count) in counts(of: { $0.lacks.map { "\($0.subject): \($0.sentence)" } }) {
      lines.append("\(count) lack the \(sentence)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The counts, in Markdown.
  var markdown: String {
    let started = reports.count { $0.starts }
    var text = """
      Of \(reports.count) trees \(started) would start, as far as the tree says.

      | what is missing | trees |
      |---|---|

      """
    for (sentence, count) in counts(of: { $0.lacks.map { "\($0.subject): \($0.sentence)" } }) {
      text += "| \(sentence) | \(count) |\n"
    }
    text += "\n"
    text += table("interrupt controller") { [$0.interruptController] }
    text += table("console (`stdout-path`)") { [$0.console] }
    text += table("further CPUs started by") { [$0.start] }
    text += table("memory") {
      [$0.memory == "from the loader" ? "from the loader" : "in the tree"]
    }
    text += table("CPUs") { [$0.cpus > 8 ? "more than 8" : "\($0.cpus)"] }
    return text
  }

  private func table(_ title: String, _ keys: (TreeReport) -> [String]) -> String {
    let rows = counts(of: keys).map { "| \($0.0) | \($0.1) |\n" }.joined()
    return "| \(title) | trees |\n|---|---|\n\(rows)\n"
  }

  /// How many trees have each of the keys, the most frequent first.
  private func counts(of keys: (TreeReport) -> [String]) -> [(String, Int)] {
    var counts: [String: Int] = [:]
    for report in reports { for key in Set(keys(report)) { counts[key, default: 0] += 1 } }
    return counts.map { ($0.key, $0.value) }.sorted { ($1.1, $0.0) < ($0.1, $1.0) }
  }
}

extension String {
  /// Without the blanks at its end.
  fileprivate var trimmingSuffix: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
