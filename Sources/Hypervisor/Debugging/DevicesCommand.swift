internal import RemoteProtocol

/// `monitor devices`: whether the debugger's memory packets reach device registers.
enum DevicesCommand {
  static let help: StaticString = """
    monitor devices on|off  whether memory packets reach device registers (off: they are refused);
                            alone, it says what became of the last that was refused

    """

  /// `words` are at what follows "devices".
  static func run(
    _ command: Span<UInt8>, _ words: inout CommandWords,
    output: inout some TextOutput & ~Copyable
  ) {
    let shared = EL2.shared
    let action = command.extracting(words.next(in: command))
    guard words.next(in: command).isEmpty,
      action.isEmpty || action.spells("on") || action.spells("off")
    else {
      output.write("error: this is not what \"monitor devices\" takes.\n")
      output.write(help)
      return
    }
    if !action.isEmpty {
      shared.value.devices.isOn = action.spells("on")
      shared.value.devices.watchIsExplained = false
      shared.value.devices.forgetRefusal()
    }
    report(to: &output)
  }

  private static func report(to output: inout some TextOutput & ~Copyable) {
    let shared = EL2.shared
    guard shared.value.devices.isOn else {
      output.write("Memory packets do not reach device registers.\n")
      return
    }
    output.write(
      """
      Memory packets reach the device registers that the vCPU has mapped: 1, 2, 4 or 8 bytes are one \
      access of that size. Reading some registers changes them.

      """)
    guard let refusal = shared.value.devices.lastRefusal else { return }
    output.write("The last access that was refused, of ")
    output.write(decimal: UInt64(refusal.count))
    output.write(" bytes at 0x")
    output.write(hex: refusal.address)
    output.write(": ")
    output.write(refusal.reason.explanation)
    output.write(".\n")
  }
}
