import Foundation
import Testing

@testable import stepwell

@Suite struct `A report on device trees` {
  @Test func `of what is none says so`() {
    let report = TreeReport(
      name: "x.dtb", contents: Data("not a tree, but long enough for one".utf8) + Data(count: 40))
    #expect(!report.starts)
    #expect(report.lacks.map(\.subject) == ["device tree"])
    #expect(report.text.contains("x.dtb\n  starts                no\n"))
    #expect(report.text.contains("magic number"))
    #expect(report.text.contains("none named, which EL2 does not know"))
  }

  @Test func `counts each answer, the most frequent first`() {
    var reports = (0..<5).map { TreeReport(name: "\($0).dtb", contents: Data()) }
    for index in reports.indices {
      reports[index].lacks =
        index == 0
        ? []
        : [.init(subject: "console", sentence: "none.")]
          + (index > 2 ? [.init(subject: "debug link", sentence: "none.")] : [])
      reports[index].interruptController = index < 3 ? "arm,gic-v3" : "arm,gic-400"
      reports[index].cpus = 4 * index
    }
    let table = TreeTable(reports: reports)
    #expect(
      table.summary == """
        5 trees, 1 of which would start.
        4 lack the console: none.
        2 lack the debug link: none.

        """)
    #expect(table.text.split(separator: "\n")[1].hasSuffix("none named  -"))
    #expect(table.markdown.contains("| console: none. | 4 |\n| debug link: none. | 2 |\n"))
    #expect(table.markdown.contains("| arm,gic-v3 | 3 |\n| arm,gic-400 | 2 |\n"))
    #expect(table.markdown.contains("| more than 8 | 2 |\n"))
  }

  @Test func `has its place in the document`() throws {
    let document = try String(
      contentsOf: Project.root.appending(path: "docs/machines.md"), encoding: .utf8)
    let part = TreeCommand.part
    let written = try part.replacing(document, with: "(figures)")
    #expect(written.contains("\(part.begin)\n\n(figures)\n\(part.end)"))
    #expect(throws: Failure.self) { try part.replacing("", with: "") }
  }
}
