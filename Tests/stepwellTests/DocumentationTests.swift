import ArgumentParser
import Foundation
import Testing

@testable import stepwell

/// What the documents name exists: tests, source files, links.
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

  /// The text of the files of each test suite.
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

  /// The tests that a cell names and that do not exist: "`Suite.test`", or "`.test`" of the suite before.
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

  /// Every document that is written for people.
  private static let documents: [String] = {
    let files = FileManager.default.enumerator(atPath: Project.root.appending(path: "docs").path)
    let docs = (files?.allObjects as? [String] ?? []).filter { $0.hasSuffix(".md") }
    return ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"] + docs.sorted().map { "docs/\($0)" }
  }()

  /// The folders of the project in which a document may name a file.
  private static let folders = [
    "Sources", "Guests", "Tests", "Benchmarks", "Support", "SDK", "docs",
  ]

  /// The names of all files in those folders.
  private static let fileNames: Set<String> = {
    var names: Set<String> = []
    for folder in folders {
      let files = FileManager.default.enumerator(
        at: Project.root.appending(path: folder), includingPropertiesForKeys: nil)
      for case let file as URL in files ?? .init() { names.insert(file.lastPathComponent) }
    }
    return names
  }()

  /// What a text names and does not exist: files by path, files by name, and links.
  static func missing(in text: String, of document: String) -> [String] {
    func exists(_ path: String, in folder: URL = Project.root) -> Bool {
      FileManager.default.fileExists(atPath: folder.appending(path: path).path)
    }
    var missing: [String] = []
    for match in text.matches(of: /`(([A-Za-z]+)\/[A-Za-z0-9_+.\/-]+)`/)
    where folders.contains(String(match.2)) && !exists(String(match.1)) {
      missing.append(String(match.1))
    }
    for match in text.matches(of: /`([A-Za-z0-9_+-]+\.(?:swift|S|c|h|ld|py|md))`/)
    where !fileNames.contains(String(match.1)) && !exists(String(match.1)) {
      missing.append(String(match.1))
    }
    let folder = Project.root.appending(path: document).deletingLastPathComponent()
    for match in text.matches(of: /\]\(([^)#:\s]+)(?:#[^)]*)?\)/)
    where !exists(String(match.1), in: folder) {
      missing.append(String(match.1))
    }
    return missing
  }

  @Test(arguments: documents)
  func `names files that exist`(document: String) throws {
    let text = try String(
      contentsOf: Project.root.appending(path: document), encoding: .utf8)
    #expect(Self.missing(in: text, of: document).isEmpty)
  }

  @Test(arguments: [
    ("in `Sources/Nowhere/File.swift`", "Sources/Nowhere/File.swift"),
    ("`Nowhere.swift`", "Nowhere.swift"), ("`Nowhere+Else.S`", "Nowhere+Else.S"),
    ("[link](nowhere.md)", "nowhere.md"), ("![picture](nowhere.svg)", "nowhere.svg"),
    ("`Guests/nowhere`", "Guests/nowhere"),
  ])
  func `notices a file that is not there`(text: String, name: String) {
    #expect(Self.missing(in: text, of: "docs/architecture.md") == [name])
  }

  @Test func `says where to look for each behaviour`() throws {
    let rows = try Self.rows(of: "architecture.md", under: "## Where to look")
    #expect(rows.count >= 30)
    for row in rows {
      let files = row[1].matches(of: /`([A-Za-z0-9_+.\/-]+)`/)
      #expect(!files.isEmpty, "\(row[0])")
    }
  }

  @Test func `has one writer for each state`() throws {
    let rows = try Self.rows(of: "architecture.md", under: "## State")
    #expect(rows.count >= 12)
    #expect(rows.allSatisfy { $0.count == 3 && $0.allSatisfy { !$0.isEmpty } })
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

  @Test func `gives README's two commands to a public forge, with everything pinned`() throws {
    func lines(_ file: String) throws -> [Substring] {
      try String(contentsOf: Project.root.appending(path: file), encoding: .utf8)
        .split(separator: "\n")
    }
    let commands = try lines("README.md").filter { $0.hasPrefix("$ ./stepwell ") }
      .prefix(2).map { $0.dropFirst(2) }
    let workflow = try lines(".github/workflows/test.yml")
    let steps = workflow.compactMap { $0.firstMatch(of: /- run: (.+)/)?.1 }
    #expect(steps == commands)
    for line in workflow {
      if let action = line.firstMatch(of: /uses: (.+)/)?.1 {
        #expect(action.contains(/@v\d+\.\d+\.\d+$/), "\(action)")
      }
      if let container = line.firstMatch(of: /container: (.+)/)?.1 {
        #expect(container.contains(/:\d+\.\d+\.\d+-/), "\(container)")
      }
    }
  }
}
