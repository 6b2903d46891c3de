internal import Foundation

/// A statement of Swift source, as far as mutations have to understand it: where it ends, which expression
/// it is about, and of which terms that consists.
struct Statement {
  /// Its lines, without the comment that names it.
  var text: String

  /// The statement that `anchor` names in `source`: the code of the line that ends with the comment
  /// `// mutant: ANCHOR`, or that follows such a line, and the lines that belong to it.
  ///
  /// - Returns: its lines, and itself; nil unless exactly one comment has the name.
  static func named(_ anchor: String, in lines: [String]) -> (lines: Range<Int>, Statement)? {
    let comment = "// mutant: \(anchor)"
    let places = lines.indices.filter { lines[$0].hasSuffix(comment) }
    guard places.count == 1, var first = places.first else { return nil }
    var code = Self.code(of: lines[first])
    if code.allSatisfy(\.isWhitespace) {
      first += 1
      guard first < lines.count else { return nil }
      code = Self.code(of: lines[first])
    }
    let end = end(of: first, in: lines)
    let text = ([code] + lines[(first + 1)..<end].map(Self.code)).joined(separator: "\n")
    return (first..<end, Statement(text: text))
  }

  /// One past the last line of the statement that begins in line `first`.
  static func end(of first: Int, in lines: [String]) -> Int {
    let start = code(of: lines[first]).drop(while: \.isWhitespace)
    let isGuard = start.hasPrefix("guard")
    let isIf = start.hasPrefix("if ")
    var depth = 0
    var line = first
    while line < lines.count {
      let code = Self.code(of: lines[line])
      depth += code.reduce(0) { $0 + ("([{".contains($1) ? 1 : ")]}".contains($1) ? -1 : 0) }
      line += 1
      if depth > 0 { continue }
      let next = line < lines.count ? Self.code(of: lines[line]).drop(while: \.isWhitespace) : ""
      let last = code.last { !$0.isWhitespace } ?? " "
      let goesOn =
        "=,&|?:".contains(last)
        || ["&&", "||", "? ", ": ", "."].contains { next.hasPrefix($0) }
        || isGuard && next.hasPrefix("else ") || isIf && next.hasPrefix("{")
      if !goesOn || depth < 0 || isLabel(code) { break }
    }
    return line
  }

  /// `case …:`, after which statements follow.
  private static func isLabel(_ code: String) -> Bool {
    let code = code.drop(while: \.isWhitespace)
    return code.hasPrefix("case ") || code.hasPrefix("default:")
  }

  /// A line without the comment at its end.
  private static func code(of line: String) -> String {
    guard let comment = line.range(of: "//") else { return line }
    var code = String(line[..<comment.lowerBound])
    while code.last == " " { code.removeLast() }
    return code
  }
}

extension Statement {
  /// The expression that the statement is about: the condition of `guard`, `if` and `while`; what `return`
  /// returns; what is assigned; what stands behind `case …:`, or its patterns where nothing does; the
  /// body of a declaration in one line; or else all of it.
  var subject: Range<String.Index> { subject(of: trimmed(text.startIndex..<text.endIndex)) }

  private func subject(of range: Range<String.Index>) -> Range<String.Index> {
    let code = text[range]
    for word in ["guard ", "if ", "while "] where code.hasPrefix(word) {
      let start = code.index(code.startIndex, offsetBy: word.count)
      let end = topLevel(in: start..<range.upperBound) { index in
        text[index] == "{" || word == "guard " && isWord("else", at: index)
      }
      return trimmed(start..<(end ?? range.upperBound))
    }
    if code.hasPrefix("return ") {
      return trimmed(code.index(code.startIndex, offsetBy: 7)..<range.upperBound)
    }
    if code.hasPrefix("case "), let colon = topLevel(in: range, { text[$0] == ":" }) {
      let rest = trimmed(text.index(after: colon)..<range.upperBound)
      if !rest.isEmpty { return subject(of: rest) }
      return trimmed(code.index(code.startIndex, offsetBy: 5)..<colon)
    }
    if let equals = assignment(in: range) {
      return trimmed(text.index(after: equals)..<range.upperBound)
    }
    if code.hasSuffix("}"), let open = topLevel(in: range, { text[$0] == "{" }) {
      return trimmed(text.index(after: open)..<text.index(before: range.upperBound))
    }
    return range
  }

  /// The `=` of an assignment or initial value, outside of all brackets.
  func assignment(in range: Range<String.Index>) -> String.Index? {
    topLevel(in: range) { index in
      guard text[index] == "=", index > range.lowerBound else { return false }
      let after = text.index(after: index)
      let before = text[text.index(before: index)]
      return !"=!<>~".contains(before) && (after == range.upperBound || text[after] != "=")
    }
  }

  /// The terms of `range`, which `,`, `&&` and `||` separate.
  func terms(in range: Range<String.Index>) -> [Range<String.Index>] {
    var terms: [Range<String.Index>] = []
    var start = range.lowerBound
    var index = start
    while let separator = topLevel(
      in: index..<range.upperBound,
      { text[$0] == "," || isOperator("&&", $0) || isOperator("||", $0) })
    {
      let length = text[separator] == "," ? 1 : 2
      let next = text.index(separator, offsetBy: length)
      // One at the beginning continues the line before.
      if !trimmed(start..<separator).isEmpty { terms.append(trimmed(start..<separator)) }
      start = next
      index = next
    }
    return terms + [trimmed(start..<range.upperBound)]
  }

  /// The two branches of the conditional expression that `range` is.
  func branches(in range: Range<String.Index>) -> (Range<String.Index>, Range<String.Index>)? {
    guard let question = topLevel(in: range, { text[$0] == "?" && isSpace(after: $0) }),
      let colon = topLevel(
        in: question..<range.upperBound, { text[$0] == ":" && isSpace(after: $0) })
    else { return nil }
    return (
      trimmed(text.index(after: question)..<colon),
      trimmed(text.index(after: colon)..<range.upperBound)
    )
  }

  /// What is given for the argument `label`.
  func argument(_ label: String) -> Range<String.Index>? {
    guard let place = text.ranges(of: "\(label): ").first else { return nil }
    return upToSeparator(from: place.upperBound)
  }

  /// Argument number `n` of the first call.
  func argument(_ n: Int) -> Range<String.Index>? {
    guard var start = text.firstIndex(of: "(").map({ text.index(after: $0) }) else { return nil }
    for _ in 0..<n {
      let argument = upToSeparator(from: start)
      guard argument.upperBound < text.endIndex, text[argument.upperBound] == "," else {
        return nil
      }
      start = text.index(after: argument.upperBound)
    }
    return trimmed(upToSeparator(from: start))
  }

  private func upToSeparator(from start: String.Index) -> Range<String.Index> {
    let end = topLevel(in: start..<text.endIndex) { ",)]}".contains(text[$0]) }
    return start..<(end ?? text.endIndex)
  }

  private func isOperator(_ word: String, _ index: String.Index) -> Bool {
    text[index...].hasPrefix(word)
  }

  private func isSpace(after index: String.Index) -> Bool {
    let next = text.index(after: index)
    return next < text.endIndex && text[next].isWhitespace
  }

  private func isWord(_ word: String, at index: String.Index) -> Bool {
    text[index...].hasPrefix(word) && index > text.startIndex
      && text[text.index(before: index)].isWhitespace
  }

  /// The first place outside of all brackets of which `predicate` holds.
  private func topLevel(
    in range: Range<String.Index>, _ predicate: (String.Index) -> Bool
  ) -> String.Index? {
    var depth = 0
    var index = range.lowerBound
    while index < range.upperBound {
      if depth == 0, predicate(index) { return index }
      if "([{".contains(text[index]) { depth += 1 }
      if ")]}".contains(text[index]) { depth -= 1 }
      index = text.index(after: index)
    }
    return nil
  }

  private func trimmed(_ range: Range<String.Index>) -> Range<String.Index> {
    var (start, end) = (range.lowerBound, range.upperBound)
    while start < end, text[start].isWhitespace { start = text.index(after: start) }
    while start < end, text[text.index(before: end)].isWhitespace { end = text.index(before: end) }
    return start..<end
  }
}
