internal import ArgumentParser
internal import Foundation

struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Count what it costs, beside KVM and beside nothing.",
    discussion: """
      Runs one bare-metal program, which uses its debug registers, breakpoints and interrupts, in \
      QEMU: bare, under Stepwell without and with a debugger, and under Linux KVM without and with \
      one. What is counted are instructions, of guest and hypervisor together, and they are the same \
      in every run.
      """)

  @Flag(help: "One CPU model and one machine, in under 5 minutes.")
  var quick = false

  @Option(
    help: ArgumentHelp(
      "What to run, separated by commas: \(BenchColumn.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "columns"))
  var columns: String?

  @Option(help: ArgumentHelp("CPU model, as QEMU's -cpu takes it.", valueName: "model"))
  var cpu: String?

  func validate() throws { _ = try chosenColumns }

  private var chosenColumns: [BenchColumn] {
    get throws {
      guard let columns else { return BenchColumn.allCases }
      return try columns.split(separator: ",").map { word in
        guard let column = BenchColumn(rawValue: String(word)) else {
          throw ValidationError("--columns \(columns): there is no column \(word).")
        }
        return column
      }
    }
  }

  func run() async throws {
    let columns = try chosenColumns
    try await HostPackage.install([.qemu])
    let guest = try await BenchmarkGuest.build()
    let results = try await Project.withTemporaryFolder { folder in
      var results = BenchResults()
      for cpu in cpu.map({ [$0] }) ?? (quick ? ["cortex-a72"] : ["cortex-a72", "max"]) {
        for vcpus in [1, 2] {
          let machine = BenchMachine(cpu: cpu, vcpus: vcpus)
          let run = BenchRun(machine: machine, guest: guest, folder: folder)
          for column in columns {
            results[machine, column] = try await Progress.during(
              "\(machine.description): \(column.title)"
            ) { try await run.transcript(of: column) }
            if column == .debugger, vcpus == 1 {
              let debugger = try await Progress.during("\(machine.description): the debugger") {
                try await run.debuggerTranscript()
              }
              results[machine, column]?.takeDebugger(from: debugger)
            }
          }
        }
      }
      return results
    }
    for machine in results.machines {
      print("\(machine.description)\n\n\(results.table(of: machine).text)")
      if let table = results.debuggerTable(of: machine) { print(table.text) }
    }
  }
}
