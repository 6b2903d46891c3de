/// The reports of the guest or the debugger of the demo: lines "STEPWELL <what> <value>" anywhere in the
/// output.
struct DemoReport {
  private(set) var counts: [Substring: Int] = [:]
  /// The output of `monitor debug` while the guest ran.
  private(set) var monitor: [String] = []
  /// Why the guest program could not go on.
  private(set) var failure: String?

  /// Reads a line, if it is a report.
  mutating func read(_ line: String) {
    guard let marker = line.firstRange(of: "STEPWELL ") else { return }
    // A serial console ends its lines with a carriage return too.
    let report = line[marker.upperBound...].split(separator: "\r").first ?? ""
    let words = report.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
    guard words.count == 2 else { return }
    switch words[0] {
    case "monitor": monitor.append(String(words[1]))
    case "failed": failure = String(words[1])
    default: counts[words[0]] = Int(words[1])
    }
  }

  subscript(what: String) -> Int? { counts[what[...]] }
}
