import DebugModel

/// `Trials COUNT SEED`: looks for a trial that differs. Prints the number of the first that does and who
/// can tell, "17 guest" or "17 debugger", or nothing if none does.
@main
struct Trials {
  static func main() async throws {
    let arguments = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
    guard arguments.count == 2, let count = Int(exactly: arguments[0]) else {
      print("usage: Trials COUNT SEED")
      return
    }
    let report = try await Proof(first: arguments[1], count: count).run(
      progress: { @Sendable _ in })
    guard let finding = report.finding else { return }
    switch finding.trial.difference() {
    case .guest, .memory: print(finding.number, "guest")
    case .debugger: print(finding.number, "debugger")
    case nil: print(finding.number, "nobody, the second time")
    }
  }
}
