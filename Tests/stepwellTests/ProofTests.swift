import DebugModel
import Foundation
import Testing

@testable import stepwell

@Suite struct `The proof` {
  @Test(arguments: [1, 250, 251, 600])
  func `runs as many programs as it was asked for`(count: Int) async throws {
    var counts: [Int] = []
    let report = try await Proof(first: .max - 100, count: count).run { counts.append($0) }
    #expect(report.finding == nil)
    #expect(counts == counts.sorted())
    #expect(counts.count == (count + 249) / 250)
    #expect(counts.last == count)
  }

  @Test(arguments: Mutant.all.map(\.name))
  func `has no mistake left to notice whose place is gone`(name: String) throws {
    let mutant = try #require(Mutant.all.first { $0.name == name })
    let file = Project.root.appending(path: "Sources/\(mutant.file)")
    let source = try String(contentsOf: file, encoding: .utf8)
    #expect(try mutant.applied(to: source) != source)
  }

  @Test func `has an anchor in the code for each mistake, and a mistake for each anchor`() throws {
    let sources = Project.root.appending(path: "Sources")
    let files = try #require(FileManager.default.enumerator(atPath: sources.path))
    var anchors: Set<String> = []
    for case let name as String in files where name.hasSuffix(".swift") {
      // Where the mutants themselves are, the comment is spoken of.
      if name.hasPrefix("stepwell/") { continue }
      let text = try String(contentsOf: sources.appending(path: name), encoding: .utf8)
      for line in text.split(separator: "\n") {
        guard let comment = line.range(of: "// mutant: ") else { continue }
        let anchor = String(line[comment.upperBound...])
        #expect(anchors.insert("\(name) \(anchor)").inserted, "\(anchor) is there twice")
      }
    }
    #expect(anchors == Set(Mutant.all.map { "\($0.file) \($0.anchor)" }))
    #expect(Set(Mutant.all.map(\.name)).count == Mutant.all.count)
  }

  @Test func `says how long it will take`() {
    #expect(
      ProofProgress.line(done: 50_000, of: 200_000, after: .seconds(20))
        == "50000 of 200000 programs, 2500 a second, 60 s remain")
    #expect(
      ProofProgress.line(done: 200_000, of: 200_000, after: .seconds(80))
        == "200000 of 200000 programs, 2500 a second, 80 s")
    #expect(
      ProofProgress.line(done: 0, of: 10, after: .zero) == "0 of 10 programs, 0 a second, 0 s")
  }
}
