internal import ArgumentParser
internal import Foundation

struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Count what operations cost: bare, under Stepwell, under KVM.",
    discussion: """
      Runs one bare-metal program, which uses its debug registers, breakpoints and interrupts, in \
      QEMU: bare, under Stepwell and under Linux KVM, without and with a debugger. Then it boots \
      Debian's kernel, and machines of other sizes. The figures are instructions of guest and \
      hypervisor together, and are the same in every run. A whole run takes less than half an hour \
      and rewrites the figures of docs/performance.md. A part of a run prints its figures, and \
      writes them only where --output says.

      EXAMPLES:
        ./stepwell bench --quick
        ./stepwell bench --quick --columns bare,debugger
        ./stepwell bench --cpu max --output /tmp/figures
      """)

  @Flag(help: "One CPU model and no other sizes, in less than 5 minutes.")
  var quick = false

  @Option(
    help: ArgumentHelp(
      "Only these columns, separated by commas: "
        + "\(BenchColumn.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "columns"))
  var columns: String?

  @Option(help: ArgumentHelp("One CPU model, as QEMU's -cpu takes it.", valueName: "model"))
  var cpu: String?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "The folder for performance.md, performance.csv and performance.svg.", valueName: "folder"))
  var output: String?

  func validate() throws { _ = try chosenColumns }

  private var chosenColumns: [BenchColumn] {
    get throws {
      guard let columns else { return BenchColumn.allCases }
      return try columns.split(separator: ",").map { word in
        guard let column = BenchColumn(rawValue: String(word)) else {
          throw ValidationError(
            "--columns \(columns): there is no column \(word); the columns are "
              + "\(BenchColumn.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        return column
      }
    }
  }

  /// The runs that these options ask for.
  var suite: BenchSuite {
    get throws {
      let isWhole = columns == nil
      return BenchSuite(
        cpus: cpu.map { [$0] } ?? (quick ? ["cortex-a72"] : ["cortex-a72", "max"]),
        columns: try chosenColumns, boots: isWhole, scale: isWhole && !quick)
    }
  }

  func run() async throws {
    let suite = try suite
    try await HostPackage.install([.qemu])
    let results = try await Project.withTemporaryFolder { folder in
      try await suite.run(try await BenchParts.build(in: folder))
    }
    let report = BenchReport(results: results, scales: suite.scales(results))
    print(report.text)
    let isWhole = !quick && columns == nil && cpu == nil
    if let output {
      try write(report, to: URL(filePath: output))
    } else if isWhole {
      try write(report, to: Project.root.appending(path: "docs"))
    }
  }

  private func write(_ report: BenchReport, to folder: URL) throws {
    let document = folder.appending(path: "performance.md")
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let text =
        (try? String(contentsOf: document, encoding: .utf8))
        ?? BenchDocument.empty(title: "What it costs")
      try Data(BenchDocument.replacing(text, with: report.markdown).utf8).write(to: document)
      try Data(report.csv.utf8).write(to: folder.appending(path: "performance.csv"))
      if let cpu = report.results.cpus.first {
        try Data(BenchChart(results: report.results, cpu: cpu).svg.utf8)
          .write(to: folder.appending(path: "performance.svg"))
      }
    } catch let failure as Failure {
      throw failure
    } catch {
      throw Failure("\(folder.path) cannot be written: \(error.localizedDescription)")
    }
  }
}
