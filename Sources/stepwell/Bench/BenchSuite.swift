internal import Foundation

/// The machines that the benchmark runs, one after the other.
struct BenchSuite {
  var cpus: [String]
  var columns: [BenchColumn]
  /// Whether Debian's kernel is booted.
  var boots: Bool
  /// Whether machines of other sizes are measured.
  var scale: Bool

  /// The numbers of vCPUs and the sizes of memory that are measured.
  static let vcpus = [1, 2, 8, 16, 64]
  static let memory = ["128M", "1G", "4G", "16G"]
  /// The numbers of the debugger's breakpoints, and of watchpoints beside two breakpoints. The guest takes one
  /// comparator of each kind itself.
  static let breakpoints = (1...5).map { BenchHeld(breakpoints: $0) }
  static let watchpoints = (1...3).map { BenchHeld(watchpoints: $0) }
  /// Numbers of points for which there are no comparators.
  static let unplaced = ["10", "100", "1,000", "10,000"]

  /// - Throws: `Failure` if a machine does not come to its end.
  func run(_ parts: BenchParts) async throws -> BenchResults {
    var results = BenchResults()
    results.imageSize = parts.hypervisor.count
    for cpu in cpus {
      for vcpus in [1, 2] {
        try await measure(
          BenchMachine(cpu: cpu, vcpus: vcpus), columns, parts, into: &results)
      }
      guard boots else { continue }
      let run = BenchRun(parts: parts, machine: BenchMachine(cpu: cpu))
      for boot in BenchBoot.allCases {
        results.boots[cpu, default: [:]][boot] = try await Progress.during(
          "\(cpu): a boot of Debian's kernel, \(boot.title)"
        ) { try await run.transcript(of: boot) }
      }
    }
    if scale, let cpu = cpus.first { try await measureScale(cpu, parts, into: &results) }
    return results
  }

  private func measure(
    _ machine: BenchMachine, _ columns: [BenchColumn], _ parts: BenchParts,
    into results: inout BenchResults
  ) async throws {
    let run = BenchRun(parts: parts, machine: machine)
    for column in columns where results[machine, column] == nil {
      results[machine, column] = try await Progress.during(
        "\(machine.description): \(column.title)"
      ) { try await run.transcript(of: column) }
    }
    if machine == BenchMachine(cpu: machine.cpu), columns.contains(.debugger) {
      let debugger = try await Progress.during("\(machine.description): a debugger at work") {
        try await run.debuggerTranscript()
      }
      results[machine, .debugger]?.takeDebugger(from: debugger)
    }
  }

  private func measureScale(
    _ cpu: String, _ parts: BenchParts, into results: inout BenchResults
  ) async throws {
    for vcpus in Self.vcpus where results[BenchMachine(cpu: cpu, vcpus: vcpus), .debugger] == nil {
      try await measure(BenchMachine(cpu: cpu, vcpus: vcpus), [.debugger], parts, into: &results)
    }
    for memory in Self.memory
    where results[BenchMachine(cpu: cpu, memory: memory), .debugger] == nil {
      try await measure(BenchMachine(cpu: cpu, memory: memory), [.debugger], parts, into: &results)
    }
    let run = BenchRun(parts: parts, machine: BenchMachine(cpu: cpu))
    for held in Self.breakpoints + Self.watchpoints {
      results.held[held] = try await Progress.during(
        "\(cpu): debugger with \(held.breakpoints) breakpoints, \(held.watchpoints) watchpoints"
      ) { try await run.transcript(of: .debugger, holding: held) }
    }
  }

  /// The measured axes.
  func scales(_ results: BenchResults) -> [BenchScale] {
    guard scale, let cpu = cpus.first else { return [] }
    func points(_ labels: [String], _ machine: (Int) -> BenchMachine) -> BenchScale.Points {
      labels.indices.compactMap { n in
        results[machine(n), .debugger].map { (labels[n], $0) }
      }
    }
    return [
      BenchScale(
        axis: "vCPUs",
        points: points(Self.vcpus.map(String.init)) {
          BenchMachine(cpu: cpu, vcpus: Self.vcpus[$0])
        }),
      BenchScale(
        axis: "memory",
        points: points(Self.memory) { BenchMachine(cpu: cpu, memory: Self.memory[$0]) }),
      BenchScale(
        axis: "the debugger's breakpoints",
        points: Self.breakpoints.compactMap { held in
          results.held[held].map { ("\(held.breakpoints)", $0) }
        }, notYet: Self.unplaced),
      BenchScale(
        axis: "the debugger's watchpoints",
        points: Self.watchpoints.compactMap { held in
          results.held[held].map { ("\(held.watchpoints)", $0) }
        }, notYet: Self.unplaced),
    ]
  }
}
