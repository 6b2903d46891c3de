/// The output of the benchmark's payload (Guests/benchmark/main.c).
struct BenchTranscript: Equatable {
  /// The cost of one operation, in instructions.
  struct Cost: Equatable {
    /// The mean over all rounds, including anything else that the machine did meanwhile.
    var mean: Double
    /// The mean over the fastest batch of rounds.
    var lowest: Double
  }

  /// The counts of a row: ticks for all rounds, and for the fastest batch of rounds.
  private struct Ticks: Equatable {
    var operations: Int
    var total: Int
    var lowest: Int
  }

  /// The counts of an operation of a debugger.
  private struct DebuggerTicks: Equatable {
    var rounds: Int
    var total: Int
    var batch: Int
    var lowest: Int
  }

  private var frequency = 0
  private var rounds = 0
  private var batch = 0
  private(set) var vcpus = 0
  private var startTicks = 0
  /// nil for a row whose exceptions do not come.
  private var rows: [String: Ticks?] = [:]
  private var debuggerTicks: [String: DebuggerTicks] = [:]
  /// The version of the kernel whose KVM was measured.
  private(set) var kvm: String?
  /// Bytes of RAM in the device tree that the guest got.
  private(set) var guestMemory: Int?
  private(set) var isComplete = false
  /// The payload's message about what went wrong.
  private(set) var failure: String?

  /// Reads a line, if it is a report of the payload.
  mutating func read(_ line: String) {
    guard let marker = line.firstRange(of: "benchmark: ") else { return }
    // A serial console ends its lines with a carriage return too.
    let report = line[marker.upperBound...].split(whereSeparator: \.isNewline).first ?? ""
    let words = report.split(separator: " ")
    let numbers = words.compactMap { Int($0) }
    switch (words.first, numbers.count) {
    case ("begin", 5):
      (frequency, rounds, batch) = (numbers[0], numbers[1], numbers[2])
      (vcpus, startTicks) = (numbers[3], numbers[4])
    case ("boot", 2): (frequency, startTicks) = (numbers[0], numbers[1])
    case ("row", 3) where words.count == 5:
      rows[String(words[1])] = Ticks(
        operations: numbers[0], total: numbers[1], lowest: numbers[2])
    case ("row", 0) where words.count == 3 && words[2] == "none":
      rows[String(words[1])] = .some(nil)
    case ("debugger", 4):
      debuggerTicks[String(words[1])] = DebuggerTicks(
        rounds: numbers[0], total: numbers[1], batch: numbers[2], lowest: numbers[3])
    case ("kvm", _): kvm = words.dropFirst().joined(separator: " ")
    case ("end", 0): isComplete = true
    default: failure = String(report)
    }
  }

  /// The names of the operations that were tried.
  var names: Set<String> { Set(rows.keys) }

  /// With `-icount shift=0` an instruction takes a nanosecond. nil: the payload has not said how fast its
  /// counter is, and no count of ticks means anything.
  private var instructionsPerTick: Double? { frequency > 0 ? 1e9 / Double(frequency) : nil }

  /// Instructions from power-on to the payload's first instruction, or to the first process of a Linux.
  var start: Double? {
    guard let instructionsPerTick, startTicks > 0 else { return nil }
    return Double(startTicks) * instructionsPerTick
  }

  /// The cost of an operation, less the cost of its loop; nil if it was not measured.
  func cost(of name: String) -> Cost? {
    guard let ticks = rows[name] ?? nil, let loop = rows["empty"] ?? nil, rounds > 0, batch > 0,
      let instructionsPerTick
    else { return nil }
    func instructions(_ ticks: Int, _ loop: Int, _ rounds: Int, _ operations: Int) -> Double {
      Double(ticks - loop) * instructionsPerTick / Double(rounds * operations)
    }
    return Cost(
      mean: instructions(ticks.total, loop.total, rounds, ticks.operations),
      lowest: instructions(ticks.lowest, loop.lowest, batch, ticks.operations))
  }

  /// Notes the ticks of a debugger's operation, which was done a number of times.
  mutating func note(debugger name: String, rounds: Int, ticks: Int) {
    debuggerTicks[name] = DebuggerTicks(
      rounds: rounds, total: ticks, batch: rounds, lowest: ticks)
  }

  /// Notes how many bytes of RAM the guest's device tree has.
  mutating func note(guestMemory bytes: Int) { guestMemory = bytes }

  /// Takes over what a debugger did and saw on the same machine.
  mutating func takeDebugger(from other: BenchTranscript) {
    debuggerTicks.merge(other.debuggerTicks) { $1 }
    guestMemory = other.guestMemory
  }

  /// The cost of a debugger's operation; nil if it was not measured.
  func debuggerCost(of name: String) -> Cost? {
    guard let ticks = debuggerTicks[name], ticks.rounds > 0, ticks.batch > 0,
      let instructionsPerTick
    else { return nil }
    return Cost(
      mean: Double(ticks.total) * instructionsPerTick / Double(ticks.rounds),
      lowest: Double(ticks.lowest) * instructionsPerTick / Double(ticks.batch))
  }

  /// Whether the exceptions of an operation did not come.
  func isSilent(_ name: String) -> Bool { rows[name] == .some(nil) }
}
