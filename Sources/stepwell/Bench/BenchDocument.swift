/// A document with a part that a command writes, between two marks. A person writes the rest.
enum BenchDocument {
  static let begin = "<!-- Written by `./stepwell bench`: begin -->"
  static let end = "<!-- Written by `./stepwell bench`: end -->"

  /// The document with the part between the marks replaced.
  ///
  /// - Throws: `Failure` if the marks are not there, once each and in this order.
  static func replacing(_ document: String, with part: String) throws -> String {
    guard document.ranges(of: begin).count == 1, document.ranges(of: end).count == 1,
      let first = document.firstRange(of: begin), let last = document.firstRange(of: end),
      first.upperBound <= last.lowerBound
    else { throw Failure("The document has no place for the figures: \(begin) and \(end).") }
    return document[..<first.upperBound] + "\n\n\(part)\n" + document[last.lowerBound...]
  }

  /// A new one.
  static func empty(title: String) -> String { "# \(title)\n\n\(begin)\n\(end)\n" }
}
