/// Everything that a run of the benchmark has counted.
struct BenchResults {
  /// The operations of the payload.
  private(set) var transcripts: [BenchMachine: [BenchColumn: BenchTranscript]] = [:]
  /// The boots of a Linux, by CPU model.
  var boots: [String: [BenchBoot: BenchTranscript]] = [:]
  /// The operations of the payload on the first machine, by the points that the debugger holds.
  var held: [BenchHeld: BenchTranscript] = [:]
  /// Bytes of the hypervisor's image.
  var imageSize: Int?

  subscript(machine: BenchMachine, column: BenchColumn) -> BenchTranscript? {
    get { transcripts[machine]?[column] }
    set { transcripts[machine, default: [:]][column] = newValue }
  }

  /// The version of the kernel whose KVM was measured.
  var kvm: String? {
    transcripts.values.lazy.flatMap(\.values).compactMap(\.kvm).first
  }

  /// Bytes of RAM that the guest does not get on the first machine with a CPU model.
  func reservedMemory(on cpu: String) -> Int? {
    let machine = BenchMachine(cpu: cpu)
    return self[machine, .debugger]?.guestMemory.map { machine.memoryBytes - $0 }
  }

  // MARK: Costs

  /// The cost of an operation on a CPU model, in instructions, in the fastest batch. An operation that needs
  /// two vCPUs is measured on two, all others on one.
  func cost(_ row: BenchRow, on cpu: String, _ column: BenchColumn) -> Double? {
    self[row.machine(cpu), column].flatMap { row.cost(in: $0) }?.lowest
  }

  /// The cost as a table shows it.
  func cell(_ row: BenchRow, on cpu: String, _ column: BenchColumn) -> String {
    guard let transcript = self[row.machine(cpu), column] else { return "" }
    if transcript.isSilent(row.name) { return "does not fire" }
    return row.cost(in: transcript).map { Self.count($0.lowest) } ?? ""
  }

  /// The ratio of the cost under Stepwell with a debugger to the cost in another column.
  func ratio(_ row: BenchRow, on cpu: String, to other: BenchColumn) -> String {
    guard let cost = cost(row, on: cpu, .debugger)?.rounded(),
      let base = self.cost(row, on: cpu, other)?.rounded(), base > 0
    else { return "-" }
    return Self.ratio(cost / base)
  }

  /// With a comma before each three digits.
  static func count(_ value: Double) -> String {
    let digits = String(Int(value.rounded().magnitude))
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text += "," }
      text.append(digit)
    }
    return value.rounded() < 0 ? "-\(text)" : text
  }

  /// With two significant digits.
  static func ratio(_ value: Double) -> String {
    if value >= 10 { return count(value) }
    let digits = value >= 1 ? 10.0 : value >= 0.1 ? 100 : 1000
    return "\((value * digits).rounded() / digits)"
  }

  // MARK: Tables

  /// The machines that were measured, in order.
  var machines: [BenchMachine] {
    transcripts.keys.sorted { ($0.cpu, $0.vcpus, $0.memory) < ($1.cpu, $1.vcpus, $1.memory) }
  }

  /// The CPU models, in their order.
  var cpus: [String] { Set(transcripts.keys.map(\.cpu)).union(boots.keys).sorted() }

  /// The table of the operations on a CPU model.
  func table(of cpu: String) -> BenchGrid {
    let columns = BenchColumn.allCases.filter { self[BenchMachine(cpu: cpu), $0] != nil }
    var grid = BenchGrid(header: ["\(cpu): instructions an operation"] + columns.map(\.title))
    let hasPeer = columns.contains(.debugger) && columns.contains(.kvmDebugger)
    let hasBare = columns.contains(.debugger) && columns.contains(.bare)
    if hasPeer { grid.header.append("to KVM") }
    if hasBare { grid.header.append("to bare") }
    for row in BenchRow.all {
      let cells = columns.map { cell(row, on: cpu, $0) }
      guard cells.contains(where: { !$0.isEmpty }) else { continue }
      grid.rows.append(
        [row.title] + cells + (hasPeer ? [ratio(row, on: cpu, to: .kvmDebugger)] : [])
          + (hasBare ? [ratio(row, on: cpu, to: .bare)] : []))
    }
    return grid
  }

  /// The table of a debugger's operations on a CPU model; nil if they were not measured.
  func debuggerTable(of cpu: String) -> BenchGrid? {
    let columns = [BenchColumn.debugger, .kvmDebugger].filter {
      self[BenchMachine(cpu: cpu), $0] != nil
    }
    guard !columns.isEmpty else { return nil }
    var grid = BenchGrid(header: ["\(cpu): a debugger's operations"] + columns.map(\.title))
    for row in BenchRow.debugger {
      grid.rows.append(
        [row.title]
          + columns.map { column in
            let transcript = self[BenchMachine(cpu: cpu), column]
            return transcript?.debuggerCost(of: row.name).map { Self.count($0.lowest) }
              ?? (column == .debugger && row.isPlanned ? "not yet" : "-")
          })
    }
    return grid
  }

  /// The table of the boots of Debian's kernel; nil if none was counted.
  var bootTable: BenchGrid? {
    guard !boots.isEmpty else { return nil }
    var grid = BenchGrid(header: ["Debian's kernel"] + BenchBoot.allCases.map(\.title))
    for cpu in boots.keys.sorted() {
      let counted = BenchBoot.allCases.map { boots[cpu]?[$0] }
      let bare = counted[0]?.start
      grid.rows.append(
        ["\(cpu): instructions from power-on to the first process"]
          + counted.map { $0?.start.map { Self.count($0) } ?? "" })
      grid.rows.append(
        ["\(cpu): added to bare"]
          + counted.map { transcript in
            guard let start = transcript?.start, let bare else { return "" }
            return Self.percent((start - bare) / bare)
          })
      grid.rows.append(
        ["\(cpu): one step by ptrace, of an EL0 instruction"]
          + counted.map {
            $0?.debuggerCost(of: "ptrace_step").map { Self.count($0.lowest) } ?? ""
          })
    }
    return grid
  }

  /// As a percentage with two decimals.
  static func percent(_ value: Double) -> String {
    let hundredths = Int((value * 10_000).rounded())
    let decimals = hundredths.magnitude % 100
    return "\(hundredths < 0 ? "-" : "")\(hundredths.magnitude / 100)"
      + ".\(decimals < 10 ? "0" : "")\(decimals) %"
  }
}
