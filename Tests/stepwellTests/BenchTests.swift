import ArgumentParser
import Foundation
import FoundationXML
import Testing

@testable import stepwell

@Suite struct `The benchmark` {
  private func transcript(_ lines: [String]) -> BenchTranscript {
    var transcript = BenchTranscript()
    for line in lines { transcript.read(line) }
    return transcript
  }

  private let begin = "benchmark: begin 62500000 2000 100 2 835\r"

  @Test func `counts instructions, less the loop that an operation stands in`() {
    let transcript = transcript([
      "Stepwell: EL2 at 0x40200000, 2 vCPUs", begin, "benchmark: row empty 1 267 13\r",
      "benchmark: row hvc 1 1517 63\r", "benchmark: row step 3 3767 188\r", "benchmark: end\r",
    ])
    #expect(transcript.isComplete)
    #expect(transcript.failure == nil)
    #expect(transcript.vcpus == 2)
    #expect(transcript.start == 835.0 * 16)
    // Sixteen instructions a tick: 1250 ticks for 2000, and 50 for the fastest 100.
    #expect(transcript.cost(of: "hvc") == BenchTranscript.Cost(mean: 10, lowest: 8))
    #expect(transcript.cost(of: "step")?.mean == 3500 * 16 / 6000.0)
    #expect(transcript.cost(of: "svc") == nil)
  }

  @Test func `tells what does not fire from what was not tried`() {
    let transcript = transcript([begin, "benchmark: row empty 1 267 13", "benchmark: row brk none"])
    #expect(transcript.isSilent("brk"))
    #expect(!transcript.isSilent("svc"))
    #expect(!transcript.isSilent("empty"))
    #expect(transcript.cost(of: "brk") == nil)
    #expect(transcript.names == ["empty", "brk"])
    #expect(!transcript.isComplete)
  }

  @Test(arguments: [
    "benchmark: unexpected 2516582400 1174405120 0", "benchmark: row brk 1 2",
    "benchmark: row brk 1 2 x", "benchmark: begin 62500000 2000 100 2", "benchmark: ",
  ])
  func `takes what it does not know for a failure`(line: String) {
    #expect(transcript([begin, line, "benchmark: end"]).failure != nil)
  }

  @Test func `takes another row off where one row has two operations`() throws {
    let transcript = transcript([
      begin, "benchmark: row empty 1 0 0", "benchmark: row hvc 1 1000 50",
      "benchmark: row five_after_hvc 1 3000 150",
    ])
    let row = try #require(BenchRow.all.first { $0.name == "five_after_hvc" })
    #expect(row.cost(in: transcript) == BenchTranscript.Cost(mean: 16, lowest: 16))
    #expect(row.cost(in: self.transcript([begin, "benchmark: row empty 1 0 0"])) == nil)
  }

  @Test func `has a table of even columns, and the same as Markdown`() {
    let grid = BenchGrid(
      header: ["operation", "bare"], rows: [["HVC", "2"], ["own BRK", "1097"]])
    #expect(
      grid.text == """
        operation  bare
        HVC           2
        own BRK    1097

        """)
    #expect(
      grid.markdown == """
        | operation | bare |
        | --- | ---: |
        | HVC | 2 |
        | own BRK | 1097 |

        """)
  }

  private let machine = BenchMachine()

  private func lines(_ hvc: Int, _ brk: String) -> BenchTranscript {
    transcript([
      begin, "benchmark: row empty 1 0 0", "benchmark: row hvc 1 \(20 * hvc) \(hvc)",
      "benchmark: row brk \(brk)",
    ])
  }

  private var results: BenchResults {
    var results = BenchResults()
    results[machine, .bare] = lines(25, "1 1000 50")
    results[machine, .debugger] = lines(500, "1 2500 125")
    results[machine, .debugger]?.note(debugger: "read", rounds: 100, ticks: 1_000_000)
    results[machine, .kvmDebugger] = lines(12500, "none")
    for line in ["kvm Linux 6.1.0 #1 SMP", "debugger step 2000 40000 100 1500"] {
      results[machine, .kvmDebugger]?.read("benchmark: \(line)")
    }
    for (boot, ticks) in [(BenchBoot.bare, 1_000_000), (.idle, 1_004_000)] {
      results.boots[machine.cpu, default: [:]][boot] = transcript([
        "benchmark: boot 62500000 \(ticks)", "benchmark: debugger ptrace_step 2000 200000 100 9000",
        "benchmark: end",
      ])
    }
    results.imageSize = 1024 << 10 | 1
    results[machine, .debugger]?.note(guestMemory: (1 << 30) - (4 << 20))
    return results
  }

  @Test func `puts each column beside bare and beside KVM`() {
    #expect(
      results.table(of: machine.cpu)
        == BenchGrid(
          header: [
            "cortex-a72: instructions an operation", "bare", "Stepwell, debugger", "KVM, debugger",
            "to KVM", "to bare",
          ],
          rows: [
            ["HVC, PSCI_VERSION (2 instructions)", "4", "80", "2,000", "0.04", "20"],
            ["own BRK, skipped", "8", "20", "does not fire", "-", "2.5"],
          ]))
  }

  @Test func `says what a debugger does, and what it cannot do yet`() throws {
    let table = try #require(results.debuggerTable(of: machine.cpu))
    #expect(table.header.dropFirst() == ["Stepwell, debugger", "KVM, debugger"])
    let cells = Dictionary(uniqueKeysWithValues: table.rows.map { ($0[0], Array($0[1...])) })
    #expect(cells["read of 4 KiB"] == ["160,000", "-"])
    #expect(cells["one step"] == ["-", "240"])
    #expect(cells["range step of 1,000 instructions"] == ["not yet", "-"])
    #expect(results.debuggerTable(of: "max") == nil)
    #expect(results.kvm == "Linux 6.1.0 #1 SMP")
  }

  @Test func `counts the boot of a real guest`() throws {
    let table = try #require(results.bootTable)
    #expect(
      table.rows.map { Array($0[1...]) } == [
        ["16,000,000", "", "16,064,000", ""], ["0.00 %", "", "0.40 %", ""],
        ["1,440", "", "1,440", ""],
      ])
    #expect(BenchResults().bootTable == nil)
  }

  @Test(arguments: [
    ("HVC (PSCI_VERSION)", "80, missed"), ("five writes in a row", "not measured"),
    ("history recording, each event", "not yet"),
    ("boot of Debian's kernel, idle debugger attached, over bare", "0.40 %, reached"),
    ("image", "1,025 KiB, missed"),
    (
      "memory that the guest does not get, with 1 vCPU (4 MiB and 128 KiB a vCPU)",
      "4,096 KiB, reached"
    ),
    ("native mode: added to any debug-register access, SVC, own exception", "not measured"),
    ("virtual timer interrupt, added to bare", "not measured"),
  ])
  func `holds figures against their bounds`(title: String, verdict: String) throws {
    let bound = try #require(BenchBound.all.first { $0.title == title })
    #expect(bound.verdict(results, on: machine.cpu) == verdict)
  }

  /// Nothing that was counted, or zeros in place of it: no bound is reached by that.
  @Test func `calls no bound reached that has no figure`() {
    var zeros = BenchResults()
    zeros.imageSize = 0
    for column in BenchColumn.allCases {
      // As a payload would whose counter does not run, or that does not say how fast it does.
      zeros[machine, column] = transcript(
        ["benchmark: begin 0 2000 100 1 0"]
          + (BenchRow.all.map(\.name) + ["empty"]).map { "benchmark: row \($0) 1 0 0" })
      zeros[machine, column]?.note(guestMemory: 1 << 30)
    }
    for boot in BenchBoot.allCases {
      zeros.boots[machine.cpu, default: [:]][boot] = transcript(["benchmark: boot 62500000 0"])
    }
    for results in [BenchResults(), zeros] {
      for bound in BenchBound.all {
        let verdict = bound.verdict(results, on: machine.cpu)
        #expect(["not measured", "not yet"].contains(verdict), "\(bound.title): \(verdict)")
      }
    }
  }

  @Test func `takes the memory that the guest does not get from the guest's own tree`() throws {
    // Of 1 GiB the guest has all but the last 4 MiB and a page in the middle.
    func cell(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(value >> (24 - 8 * $0) & 0xff) } }
    func text(_ text: String) -> [UInt8] {
      let bytes = Array(text.utf8) + [0]
      return bytes + Array(repeating: 0, count: (4 - bytes.count % 4) % 4)
    }
    let names = "#address-cells\0#size-cells\0device_type\0reg\0"
    func property(_ offset: Int, _ value: [UInt8], count: Int) -> [UInt8] {
      cell(3) + cell(UInt32(count)) + cell(UInt32(offset)) + value
    }
    let reg: [UInt32] = [0, 0x4000_0000, 0, 0x2000_0000, 0, 0x6000_1000, 0, 0x1fbf_f000]
    let structure =
      cell(1) + text("") + property(0, cell(2), count: 4) + property(15, cell(2), count: 4)
      + cell(1) + text("memory@40000000") + property(27, text("memory"), count: 7)
      + property(39, reg.flatMap(cell), count: 32) + cell(2) + cell(2) + cell(9)
    func header(_ totalSize: Int) -> [UInt8] {
      let fields = [
        0xd00d_feed, totalSize, 56, 56 + structure.count, 40, 17, 16, 0, names.utf8.count,
        structure.count,
      ]
      return fields.flatMap { cell(UInt32($0)) }
    }
    let size = 56 + structure.count + names.utf8.count
    let tree = header(size) + Array(repeating: 0, count: 16) + structure + Array(names.utf8)
    #expect(try BenchDebugger.memory(in: tree) == (1 << 30) - (4 << 20) - 4096)
    #expect(throws: Failure.self) { try BenchDebugger.memory(in: Array(tree.dropLast())) }
    #expect(BenchMachine(memory: "128M").memoryBytes == 128 << 20)
    #expect(BenchMachine(memory: "16G").memoryBytes == 16 << 30)
    #expect(BenchMachine(memory: "512").memoryBytes == 512 << 20)
  }

  @Test func `takes the dearest of the operations that a bound is about`() throws {
    let bound = try #require(BenchBound.all.first { $0.limit == 80 })
    var results = BenchResults()
    func measure(_ write: Int) {
      results[machine, .debugger] = transcript([
        begin, "benchmark: row empty 1 0 0", "benchmark: row mrs_dbgbvr_x20 1 10000 500",
        "benchmark: row msr_dbgbvr_x20 1 10000 \(write)",
      ])
    }
    measure(500)
    #expect(bound.verdict(results, on: machine.cpu) == "80, reached")
    measure(507)
    #expect(bound.verdict(results, on: machine.cpu) == "81, missed")
  }

  @Test func `says how a cost grows`() {
    let flat = BenchScale(
      axis: "memory", points: [("128M", lines(500, "none")), ("16G", lines(504, "none"))])
    #expect(flat.summary == "memory, from 128M to 16G: no cost changes.")
    let steep = BenchScale(
      axis: "vCPUs", points: [("1", lines(500, "none")), ("8", lines(5000, "none"))],
      notYet: ["16"])
    #expect(
      steep.summary == "vCPUs, from 1 to 8: these costs change, and no others: "
        + "HVC, PSCI_VERSION (2 instructions): 80 to 800.")
    #expect(
      steep.grid.rows.first == ["HVC, PSCI_VERSION (2 instructions)", "80", "800", "not yet"])
  }

  @Test func `lists every figure for other programs`() {
    let csv = BenchReport(results: results, scales: []).csv.split(separator: "\n")
    #expect(csv.first == "cpu,vcpus,memory,breakpoints,watchpoints,column,operation,mean,lowest")
    #expect(csv.contains("cortex-a72,1,1G,2,0,debugger,hvc,80.00,80.00"))
    #expect(csv.contains("cortex-a72,1,1G,2,0,debugger,debugger_read,160000.00,160000.00"))
    #expect(csv.contains("cortex-a72,1,1G,,,linux-idle,start,16064000.00,16064000.00"))
    #expect(
      csv.allSatisfy { $0.split(separator: ",", omittingEmptySubsequences: false).count == 9 })
  }

  @Test func `draws a chart that is well-formed`() throws {
    let svg = BenchChart(results: results, cpu: machine.cpu).svg
    let document = try XMLDocument(xmlString: svg)
    #expect(document.rootElement()?.name == "svg")
    // A bar for each cost and one of each colour in the legend, and the ground.
    let bars = try document.nodes(forXPath: "//*[local-name()='rect']")
    #expect(bars.count == 1 + 3 + 5)
    #expect(svg.contains(">does not fire<"))
  }

  @Test func `rewrites its own part of a document and nothing else`() throws {
    let document = "# Title\n\n\(BenchDocument.begin)\nold\n\(BenchDocument.end)\n\nBy hand.\n"
    let rewritten = try BenchDocument.replacing(document, with: "| new |\n")
    #expect(
      rewritten
        == "# Title\n\n\(BenchDocument.begin)\n\n| new |\n\n\(BenchDocument.end)\n\nBy hand.\n")
    #expect(try BenchDocument.replacing(rewritten, with: "| new |\n") == rewritten)
    #expect(try BenchDocument.replacing(BenchDocument.empty(title: "T"), with: "x").contains("x"))
  }

  @Test(arguments: [
    "no marks", BenchDocument.begin, "\(BenchDocument.end) \(BenchDocument.begin)",
    "\(BenchDocument.begin) \(BenchDocument.begin) \(BenchDocument.end)",
  ])
  func `leaves a document alone that has no place for it`(document: String) {
    #expect(throws: Failure.self) { try BenchDocument.replacing(document, with: "x") }
  }

  @Test(arguments: [
    (0.0333, "0.033"), (0.256, "0.26"), (1, "1.0"), (2.46, "2.5"), (9.96, "10.0"), (884.4, "884"),
    (4381, "4,381"),
  ])
  func `rounds ratios`(value: Double, text: String) {
    #expect(BenchResults.ratio(value) == text)
  }

  @Test(arguments: [
    (0, "0"), (999.4, "999"), (999.5, "1,000"), (1_234_567, "1,234,567"), (-12, "-12"),
  ])
  func `groups digits`(value: Double, text: String) {
    #expect(BenchResults.count(value) == text)
  }

  @Test(arguments: [(0.0163, "1.63 %"), (0, "0.00 %"), (-0.0005, "-0.05 %"), (1.5, "150.00 %")])
  func `writes shares in hundredths`(value: Double, text: String) {
    #expect(BenchResults.percent(value) == text)
  }

  @Test func `is quoted in README as it is in the document`() throws {
    func rows(_ file: String) throws -> [[String]] {
      try String(contentsOf: Project.root.appending(path: file), encoding: .utf8)
        .split(separator: "\n").filter { $0.hasPrefix("| ") }
        .map { $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) } }
    }
    let titles = Set(BenchRow.all.map(\.title))
    let quoted = try rows("README.md").filter { titles.contains($0[0]) }
    #expect(quoted.count == 5)
    let document = try rows("docs/performance.md").map { Array($0.prefix(6)) }
    for row in quoted { #expect(document.contains(row), "\(row)") }
  }

  @Test func `is quick, whole, or of chosen columns`() throws {
    func suite(_ arguments: String...) throws -> BenchSuite {
      try #require(try Stepwell.parseAsRoot(["bench"] + arguments) as? BenchCommand).suite
    }
    let whole = try suite()
    #expect(whole.cpus == ["cortex-a72", "max"])
    #expect(whole.columns == BenchColumn.allCases)
    #expect(whole.boots && whole.scale)
    let quick = try suite("--quick")
    #expect(quick.cpus == ["cortex-a72"])
    #expect(quick.boots && !quick.scale)
    let chosen = try suite("--columns", "kvm-debugger,bare", "--cpu", "max")
    #expect(chosen.cpus == ["max"])
    #expect(chosen.columns == [.kvmDebugger, .bare])
    #expect(!chosen.boots && !chosen.scale)
    #expect(throws: (any Error).self) { try suite("--columns", "bare,none") }
  }
}
