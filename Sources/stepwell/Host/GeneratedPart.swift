/// The part of a document that a command writes, between two marks. A person writes the rest.
struct GeneratedPart {
  /// The command, without `./stepwell`.
  let command: String

  var begin: String { "<!-- Written by `./stepwell \(command)`: begin -->" }
  var end: String { "<!-- Written by `./stepwell \(command)`: end -->" }

  /// The document with the part between the marks replaced.
  ///
  /// - Throws: `Failure` if the marks are not there, once each and in this order.
  func replacing(_ document: String, with part: String) throws -> String {
    guard document.ranges(of: begin).count == 1, document.ranges(of: end).count == 1,
      let first = document.firstRange(of: begin), let last = document.firstRange(of: end),
      first.upperBound <= last.lowerBound
    else { throw Failure("The document has no place for the figures: \(begin) and \(end).") }
    return document[..<first.upperBound] + "\n\n\(part)\n" + document[last.lowerBound...]
  }
}
