/// The document with the figures of `bench`, of which a person writes the rest.
enum BenchDocument {
  private static let part = GeneratedPart(command: "bench")
  static var begin: String { part.begin }
  static var end: String { part.end }

  /// The document with the part between the marks replaced.
  ///
  /// - Throws: `Failure` if the marks are not there, once each and in this order.
  static func replacing(_ document: String, with figures: String) throws -> String {
    try part.replacing(document, with: figures)
  }

  /// A new one.
  static func empty(title: String) -> String { "# \(title)\n\n\(begin)\n\(end)\n" }
}
