import ArgumentParser
import Foundation
import Testing

@testable import stepwell

/// What the documents name is there: tests, and source files.
@Suite struct `The documentation` {
  private static func rows(of document: String, under heading: String) throws -> [[String]] {
    let text = try String(
      contentsOf: Project.root.appending(path: "docs/\(document)"), encoding: .utf8)
    let section = try #require(
      "\n\(text)".components(separatedBy: "\n\(heading)\n").dropFirst().first)
    return section.split(separator: "\n")
      .prefix { !$0.hasPrefix("## ") }
      .filter { $0.hasPrefix("|") && !$0.hasPrefix("|---") }
      .dropFirst()
      .map {
        $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      }
  }

  /// Where suites are, and what is in their files.
  private static let suites: [String: String] = {
    var suites: [String: String] = [:]
    let tests = Project.root.appending(path: "Tests")
    let files = FileManager.default.enumerator(at: tests, includingPropertiesForKeys: nil)
    for case let file as URL in files ?? .init() where file.pathExtension == "swift" {
      guard let text = try? String(contentsOf: file, encoding: .utf8) else { continue }
      for match in text.matches(
        of: /(?:struct|extension)\s(?:MachineTests\.)?([A-Za-z0-9]+Tests)\s/)
      {
        suites[String(match.1), default: ""] += text
      }
    }
    return suites
  }()

  /// The tests that a cell names, "`Suite.test`" or "`.test`" of the suite before, without those that
  /// are there.
  private static func missingTests(in cell: String) -> [String] {
    var suite = ""
    return cell.matches(of: /`([A-Za-z0-9]*)\.([A-Za-z0-9]+)`/).compactMap { match in
      if !match.1.isEmpty { suite = String(match.1) }
      let text = suites[suite] ?? ""
      return text.contains("func \(match.2)(") ? nil : "\(suite).\(match.2)"
    }
  }

  @Test func `has one version, in the command, beneath the guest and in the list of changes`()
    throws
  {
    let version = Stepwell.configuration.version
    let monitor = try String(
      contentsOf: Project.root.appending(
        path: "Sources/Hypervisor/Debugging/Monitor.swift"), encoding: .utf8)
    #expect(monitor.contains("\"Stepwell \(version), \""))
    let changes = try String(
      contentsOf: Project.root.appending(path: "CHANGELOG.md"), encoding: .utf8)
    #expect(changes.contains("\n## \(version),"))
  }

  @Test func `names a test that exists for each of KVM's limitations`() throws {
    let rows = try Self.rows(
      of: "nested-debugging.md",
      under: "## KVM's limitations, and what shows that they are not Stepwell's")
    let numbers = rows.compactMap { Int($0[0].prefix { $0.isNumber }) }
    #expect(numbers == Array(1...10) + [13, 14, 16, 17, 18, 19])
    for row in rows {
      #expect(Self.missingTests(in: row[2]).isEmpty, "\(row)")
      #expect(row[2].contains("Tests."), "\(row)")
    }
  }

  @Test func `names a test, or reading, for what no hardware has shown`() throws {
    let rows = try Self.rows(of: "not-seen-on-hardware.md", under: "# Not seen on hardware")
    #expect(rows.count >= 15)
    for row in rows {
      #expect(Self.missingTests(in: row[2]).isEmpty, "\(row)")
      #expect(row[2].contains("Tests.") || row[2].contains("reading"), "\(row)")
    }
  }

  @Test func `names source files that exist`() throws {
    let sources = Project.root.appending(path: "Sources")
    var names: Set<String> = []
    let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
    for case let file as URL in files ?? .init() { names.insert(file.lastPathComponent) }
    for row in try Self.rows(of: "not-seen-on-hardware.md", under: "# Not seen on hardware") {
      for match in row[1].matches(of: /`([A-Z][A-Za-z0-9+]*)(\+[A-Za-z]+)?\.([a-zA-Z]+)`/) {
        let name = "\(match.1)\(match.2 ?? "").\(match.3)"
        #expect(names.contains(name), "\(name)")
      }
    }
  }

  @Test func `names the tests that show what the emulator does otherwise`() throws {
    let file = Project.root.appending(path: "Tests/MachineTests/ProbeDepartures.swift")
    let text = try String(contentsOf: file, encoding: .utf8)
    let names = text.matches(of: /shownBy: "([^"]+)"/).flatMap {
      $0.1.components(separatedBy: ", ")
    }
    #expect(names.count >= 7)
    for name in names {
      let words = name.split(separator: ".")
      let suite = try #require(Self.suites[String(words[0])], "\(name)")
      #expect(words.count == 1 || suite.contains("func \(words[1])("), "\(name)")
    }
  }
}
