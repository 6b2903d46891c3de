/// A machine that the payload of the benchmark runs on, the same in every column.
struct BenchMachine: Hashable {
  /// As QEMU's -cpu takes it.
  var cpu = "cortex-a72"
  /// Processors, 1 to 64; 1 to 8 where Stepwell does not run beneath.
  var vcpus = 1
  /// As QEMU's -m takes it.
  var memory = "1G"

  /// Bytes of RAM: ``memory`` as a number.
  var memoryBytes: Int {
    let units: [Character: Int] = ["K": 10, "M": 20, "G": 30]
    guard let unit = memory.last.flatMap({ units[$0] }) else { return (Int(memory) ?? 0) << 20 }
    return (Int(memory.dropLast()) ?? 0) << unit
  }

  var description: String {
    "\(cpu), \(vcpus == 1 ? "1 vCPU" : "\(vcpus) vCPUs"), \(memory)"
  }

  /// QEMU's arguments that make every run of a program the same, to the instruction. The clock counts
  /// instructions, one nanosecond each. No time passes while all processors wait. The random seed in the
  /// device tree and the calendar clock are fixed. (A Linux without entropy waits for it, and each of its
  /// system calls takes longer meanwhile.)
  static let repeatable = [
    "-icount", "shift=0,sleep=off", "-seed", "1", "-rtc", "base=2020-01-01,clock=vm", "-no-reboot",
  ]
}
