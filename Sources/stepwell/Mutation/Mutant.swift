/// A deliberate mistake in the engine, which the proof or a test has to notice.
struct Mutant: Sendable {
  /// What is wrong, in a few words with hyphens.
  var name: String
  /// Of `Sources`.
  var file: String
  /// Stands once in that file.
  var text: String
  /// Stands there instead.
  var replacement: String
  /// The tests that notice it, as `swift test --filter` takes them, where the comparison with the model
  /// cannot: the model's hardware acts at once, and costs nothing.
  var test: String?

  init(
    _ name: String, in file: String, _ text: String, becomes replacement: String,
    caughtBy test: String? = nil
  ) {
    self.name = name
    self.file = file
    self.text = text
    self.replacement = replacement
    self.test = test
  }

  /// All of them.
  static let all = planner + routing + stepping + modes + registers + comparators + exclusives

  /// Those that the comparison with the model has to notice.
  static var compared: [Mutant] { all.filter { $0.test == nil } }

  /// `source` with the mistake.
  ///
  /// - Throws: `Failure` if the text is not there, or more than once.
  func applied(to source: String) throws -> String {
    let parts = source.split(separator: text, omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      throw Failure(
        """
        The mutant \(name) no longer applies: its text stands in Sources/\(file) \
        \(parts.count - 1) times. Adapt it in Sources/stepwell/Mutation.
        """)
    }
    return parts.joined(separator: replacement)
  }
}
