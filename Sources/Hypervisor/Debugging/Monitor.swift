internal import ArmDebug
internal import NestedDebug
internal import RemoteProtocol

/// The `monitor` commands: what a person asks of Stepwell itself.
enum Monitor {
  /// - Returns: false if there is no such command.
  static func run(_ command: Span<UInt8>, output: inout some TextOutput & ~Copyable) -> Bool {
    let word = Word(command)
    if word.isEmpty || word == "help" {
      help(&output)
    } else if word == "debug" {
      for vcpu in 0..<EL2.shared.value.machine.vcpuCount { DebugReport.write(vcpu, to: &output) }
      DebugReport.writeRequests(to: &output)
    } else if word == "exits" {
      exits(&output)
    } else {
      output.write("There is no monitor command \"")
      output.write(command)
      output.write("\". These are the commands:\n")
      help(&output)
      return false
    }
    return true
  }

  private static func help(_ output: inout some TextOutput & ~Copyable) {
    output.write(
      """
      monitor help   this list
      monitor debug  every vCPU's debug registers as the guest sees them, what the debugger
                     asks for, and who has which comparator of the hardware
      monitor exits  how often each vCPU came to EL2, by reason

      """)
  }

  /// One row a reason, one column a vCPU; reasons that never occurred are left out.
  private static func exits(_ output: inout some TextOutput & ~Copyable) {
    let count = EL2.shared.value.machine.vcpuCount
    output.write(padded: "exits to EL2", to: 40)
    for vcpu in 0..<count {
      output.write("     vCPU ")
      output.write(decimal: UInt64(vcpu))
    }
    output.write("\n")
    for raw in 0..<UInt8(ExitReason.count) {
      guard let reason = ExitReason(rawValue: raw) else { continue }
      var sum: UInt64 = 0
      for vcpu in 0..<count { sum &+= EL2.vcpu(vcpu).value.exits[reason] }
      guard sum > 0 else { continue }
      output.write(padded: reason.name, to: 40)
      for vcpu in 0..<count {
        output.write(decimal: EL2.vcpu(vcpu).value.exits[reason], width: 11)
      }
      output.write("\n")
    }
  }

  /// The command's word, without the spaces around it.
  private struct Word {
    private var letters = InlineArray<16, UInt8>(repeating: 0)
    private var count = 0

    init(_ command: Span<UInt8>) {
      var end = command.count
      while end > 0 && command[end &- 1] == UInt8(ascii: " ") { end &-= 1 }
      var start = 0
      while start < end && command[start] == UInt8(ascii: " ") { start &+= 1 }
      // A longer word is no command; one letter too many says so.
      while start < end && count < 16 {
        letters[count] = command[start]
        count &+= 1
        start &+= 1
      }
    }

    var isEmpty: Bool { count == 0 }

    static func == (word: Word, literal: StaticString) -> Bool {
      guard word.count == literal.utf8CodeUnitCount else { return false }
      for index in 0..<word.count {
        // Within the literal, which lives as long as the program.
        guard unsafe word.letters[index] == literal.utf8Start[index] else { return false }
      }
      return true
    }
  }
}

extension TextOutput where Self: ~Copyable {
  /// Writes `text`, and spaces up to `width` columns.
  mutating func write(padded text: StaticString, to width: Int) {
    write(text)
    var column = text.utf8CodeUnitCount
    while column < width {
      write(" ")
      column &+= 1
    }
  }

  /// Writes `value` right-aligned in `width` columns.
  mutating func write(decimal value: UInt64, width: Int) {
    var digits = 1
    var rest = value / 10
    while rest > 0 {
      digits &+= 1
      rest /= 10
    }
    while digits < width {
      write(" ")
      digits &+= 1
    }
    write(decimal: value)
  }
}
