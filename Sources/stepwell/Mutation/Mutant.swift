/// A deliberate mistake, which the proof or a test has to notice.
struct Mutant: Sendable {
  /// What has to notice a mistake.
  enum Killer: Equatable, Sendable {
    /// The comparison with the model.
    case trials
    /// The engine's tests that this selects, as `swift test --filter` takes it: for what the comparison
    /// cannot notice, because the model's hardware acts at once and costs nothing.
    case engineTests(String)
    /// Tests of the hypervisor or of the protocol, selected in the same way.
    case machineTests(String)
    /// This executable target of the machine part, which has to end with an error.
    case program(String)
  }

  /// What is wrong, in a few words with hyphens.
  var name: String
  /// Of `Sources`.
  var file: String
  /// Names the statement in the file: the comment `// mutant: ANCHOR` stands at its first line, or in the
  /// line before. Several mutants may have one anchor.
  var anchor: String
  /// What is done to the statement.
  var mutation: Mutation
  var killer: Killer

  init(
    _ name: String, in file: String, at anchor: String, _ mutation: Mutation,
    killedBy killer: Killer = .trials
  ) {
    self.name = name
    self.file = file
    self.anchor = anchor
    self.mutation = mutation
    self.killer = killer
  }

  /// All of them.
  static let all =
    planner + routing + stepping + modes + registers + comparators + exclusives
    + requests + machine

  /// Those that the comparison with the model has to notice.
  static var compared: [Mutant] { all.filter { $0.killer == .trials } }

  /// `source` with the mistake.
  ///
  /// - Throws: `Failure` if its anchor is not there once, or the statement has another form.
  func applied(to source: String) throws -> String {
    guard let mutated = mutation.applied(at: anchor, in: source), mutated != source else {
      throw Failure(
        """
        The mutant \(name) no longer applies: Sources/\(file) has no statement named by \
        "// mutant: \(anchor)" of the form that it changes. Put the comment back to the code that it \
        is about, or adapt the mutant in Sources/stepwell/Mutation.
        """)
    }
    return mutated
  }
}
