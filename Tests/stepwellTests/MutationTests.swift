import Foundation
import Testing

@testable import stepwell

/// What a mutation makes of a statement. Each row is a form that mutants change.
@Suite struct `A mutation` {
  typealias Row = (code: String, mutation: Mutation, result: String?)

  private static let rows: [Row] = [
    ("a()", .remove, ""),
    ("a()", .onlyIf("b"), "if b {\na()\n}"),
    ("a()", .append("b()"), "a()\nb()"),
    ("var a: Int?", .statement("$0 = 1"), "var a: Int? = 1"),
    ("a &+= f(b == c)", .discard, "_ = f(b == c)"),
    ("case .a: a &+= f(b)", .discard, "case .a: _ = f(b)"),
    ("a()", .discard, nil),
    // The subject.
    ("guard a, b else { return c }", .become("d"), "guard d else { return c }"),
    ("if a == b { c() }", .become("!($0)"), "if !(a == b) { c() }"),
    ("while a { b() }", .become("false"), "while false { b() }"),
    ("return a", .become("$0 &+ 1"), "return a &+ 1"),
    ("let a = b != c", .become("d"), "let a = d"),
    ("a |= b", .become("c"), "a |= c"),
    ("case .a: return b", .become("c"), "case .a: return c"),
    ("case .a, .b:", .dropTerm(0), "case .b:"),
    ("var a: Bool { b && c }", .become("d"), "var a: Bool { d }"),
    ("func a() { b = c }", .become(""), "func a() {  }"),
    ("a.b == c", .become("d"), "d"),
    // Its terms.
    ("a || b && !c", .dropTerm(0), "b && !c"),
    ("a || b && !c", .dropTerm(1), "a || !c"),
    ("a || b && !c", .dropTerm(2), "a || b"),
    ("a || b && !c", .onlyTerm(0), "a"),
    ("guard a(b, c), d else { return }", .dropTerm(1), "guard a(b, c) else { return }"),
    ("if a, b {", .term(1, "$0 == c"), "if a, b == c {"),
    ("&& (a || b) && c", .dropTerm(0), "&& c"),
    ("|| a && (b || c)", .term(1, "d"), "|| a && d"),
    ("a", .dropTerm(0), nil),
    ("a && b", .dropTerm(2), nil),
    // Branches.
    ("return a ? b : c(d: e)", .swapBranches, "return a ? c(d: e) : b"),
    ("let a = b ? c : d", .onlyBranch(1), "let a = d"),
    ("a ? b : c", .branch(0, "!$0"), "a ? !b : c"),
    ("a?.b ?? c", .swapBranches, nil),
    // Arguments.
    ("f(a: b || c, d: e)", .argument("a", .dropTerm(0)), "f(a: c, d: e)"),
    ("f(g(a: h(b, c)))", .argument("a", .become("d")), "f(g(a: d))"),
    ("f(.a, b.c)", .argumentNumber(1, .become("d")), "f(.a, d)"),
    ("f(a)", .argumentNumber(1, .become("d")), nil),
    ("f(a)", .argument("b", .become("d")), nil),
    // Tokens.
    ("a < b", .token("<", ">"), "a > b"),
    ("a < b < c", .token("<", ">"), nil),
    ("guard a else { return b }", .otherwise("return"), "guard a else { return }"),
    ("a", .otherwise("return"), nil),
  ]

  @Test(arguments: rows.indices)
  func `changes what it names`(index: Int) {
    let row = Self.rows[index]
    #expect(row.mutation.applied(to: Statement(text: row.code)) == row.result, "\(row.code)")
  }

  @Test func `finds the statement by its comment, on its first line or before it`() {
    let source = """
      a()
      let b = c(  // mutant: one
        d,
        e)
      // mutant: two
      f =
        g && h
        && i
      guard j,  // mutant: three
        k
      else {
        return
      }
      case .l:  // mutant: four
        .m
      if let r = s(  // mutant: seven
        t)
      {
        u()
      }
      guard o
        && p  // mutant: six
      else { return q }
      n()
      """
    let mutation = Mutation.remove
    #expect(
      mutation.applied(at: "one", in: source)?.contains("let b") == false
        && mutation.applied(at: "one", in: source)?.contains("d,") == false)
    #expect(mutation.applied(at: "two", in: source)?.contains("&& i") == false)
    #expect(mutation.applied(at: "two", in: source)?.contains("guard j") == true)
    #expect(mutation.applied(at: "three", in: source)?.contains("return\n") == false)
    #expect(mutation.applied(at: "four", in: source)?.contains(".m") == true)
    #expect(mutation.applied(at: "five", in: source) == nil)
    #expect(mutation.applied(at: "seven", in: source)?.contains("u()") == false)
    #expect(mutation.applied(at: "six", in: source)?.contains("&& p") == false)
    #expect(mutation.applied(at: "six", in: source)?.contains("else { return q }") == true)
    #expect(mutation.applied(at: "one", in: source + source) == nil)
    let swapped = Mutation.swapWithNext.applied(at: "two", in: source)
    #expect(swapped?.contains("k\nelse {") == true)
    #expect(
      swapped?.range(of: "guard j").map(\.lowerBound) ?? source.endIndex
        < swapped?.range(of: "&& i").map(\.lowerBound) ?? source.startIndex)
  }

  /// A rename must not break a mutant, so what it changes is found by its role, or is no name at all.
  @Test(arguments: Mutant.all.map(\.name))
  func `replaces no name by its text`(name: String) throws {
    let mutant = try #require(Mutant.all.first { $0.name == name })
    guard case .token(let old, _) = mutant.mutation else { return }
    // A word that begins with a digit is a literal.
    let words = old.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
    #expect(words.allSatisfy { $0.first?.isNumber == true }, "\(old)")
  }
}
