internal import Foundation

/// A mistake in one statement. It names what it changes by its role in the statement, so that a rename
/// elsewhere does not break it.
///
/// In code that comes in its place, `$0` stands for the code that was there.
indirect enum Mutation: Sendable {
  /// The statement is not there.
  case remove
  /// The statement and the one after it change their places.
  case swapWithNext
  /// Only under this condition.
  case onlyIf(String)
  /// Code after the statement.
  case append(String)
  /// The whole statement is another.
  case statement(String)
  /// The result is not stored.
  case discard
  /// Another condition, value or body: see `Statement.subject`.
  case become(String)
  /// The subject is only its terms with these numbers; or is without this one, or has another there.
  case onlyTerm(Int)
  case dropTerm(Int)
  case term(Int, String)
  /// The branches of a conditional expression change places; or one of them is all, or is another.
  case swapBranches
  case onlyBranch(Int)
  case branch(Int, String)
  /// The mistake is in the value of the argument with this label, or of this number.
  case argument(String, Mutation)
  case argumentNumber(Int, Mutation)
  /// One operator or literal, which stands once in the statement, is another.
  case token(String, String)
  /// `guard` ends in another way.
  case otherwise(String)
}

extension Mutation {
  /// Makes the mistake in the statement that `anchor` names.
  ///
  /// - Returns: nil if there is no such statement, or it has not the form that the mistake needs.
  func applied(at anchor: String, in source: String) -> String? {
    var lines = source.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let (place, statement) = Statement.named(anchor, in: lines) else { return nil }
    if case .swapWithNext = self {
      let end = Statement.end(of: place.upperBound, in: lines)
      guard place.upperBound < lines.count else { return nil }
      let next = lines[place.upperBound..<end]
      lines.replaceSubrange(place.lowerBound..<end, with: next + lines[place])
    } else {
      guard let text = applied(to: statement) else { return nil }
      lines.replaceSubrange(place, with: [text])
    }
    return lines.joined(separator: "\n")
  }

  /// The statement with the mistake.
  func applied(to statement: Statement) -> String? {
    let text = statement.text
    switch self {
    case .remove: return ""
    case .swapWithNext: return nil
    case .onlyIf(let condition): return "if \(condition) {\n\(text)\n}"
    case .append(let code): return "\(text)\n\(code)"
    case .statement(let code): return Self.fill(code, text)
    case .discard:
      guard let equals = statement.assignment(in: text.startIndex..<text.endIndex) else {
        return nil
      }
      // What stands before the place that is assigned to, as a label does, stays.
      let start = text[..<equals].range(of: ": ").map(\.upperBound) ?? text.startIndex
      return text[..<start] + "_ " + text[equals...]
    case .token(let old, let new):
      let places = text.ranges(of: old)
      guard places.count == 1 else { return nil }
      return text.replacingCharacters(in: places[0], with: new)
    case .otherwise(let code):
      guard let word = text.range(of: "else {"), text.hasSuffix("}") else { return nil }
      return text[..<word.upperBound] + " \(code) }"
    case .argument(let label, let mistake):
      guard let range = statement.argument(label) else { return nil }
      return mistake.replacing(range, in: statement)
    case .argumentNumber(let n, let mistake):
      guard let range = statement.argument(n) else { return nil }
      return mistake.replacing(range, in: statement)
    default: return replacing(statement.subject, in: statement)
    }
  }

  /// The statement with the mistake in the expression at `range`.
  private func replacing(_ range: Range<String.Index>, in statement: Statement) -> String? {
    guard let new = expression(range, of: statement) else { return nil }
    return statement.text.replacingCharacters(in: range, with: new)
  }

  private func expression(_ range: Range<String.Index>, of statement: Statement) -> String? {
    let text = statement.text
    func within(_ part: Range<String.Index>, _ new: String) -> String {
      text[range.lowerBound..<part.lowerBound] + new + text[part.upperBound..<range.upperBound]
    }
    switch self {
    case .become(let code): return Self.fill(code, String(text[range]))
    case .onlyTerm(let n):
      let terms = statement.terms(in: range)
      guard terms.count > 1, terms.indices.contains(n) else { return nil }
      return String(text[terms[n]])
    case .dropTerm(let n):
      let terms = statement.terms(in: range)
      guard terms.count > 1, terms.indices.contains(n) else { return nil }
      let dropped =
        n + 1 < terms.count
        ? terms[n].lowerBound..<terms[n + 1].lowerBound
        : terms[n - 1].upperBound..<terms[n].upperBound
      return within(dropped, "")
    case .term(let n, let code):
      let terms = statement.terms(in: range)
      guard terms.indices.contains(n) else { return nil }
      return within(terms[n], Self.fill(code, String(text[terms[n]])))
    case .swapBranches:
      guard let (first, second) = statement.branches(in: range) else { return nil }
      let swapped = [
        text[range.lowerBound..<first.lowerBound], text[second],
        text[first.upperBound..<second.lowerBound], text[first],
      ]
      return swapped.joined()
    case .onlyBranch(let n):
      guard let (first, second) = statement.branches(in: range) else { return nil }
      return String(text[n == 0 ? first : second])
    case .branch(let n, let code):
      guard let (first, second) = statement.branches(in: range) else { return nil }
      let part = n == 0 ? first : second
      return within(part, Self.fill(code, String(text[part])))
    default: return nil
    }
  }

  private static func fill(_ code: String, _ old: String) -> String {
    code.replacing("$0", with: old)
  }
}
