internal import RemoteProtocol

/// What `monitor help` says of `monitor devices`.
let devicesCommandHelp: StaticString = """
  monitor devices on|off  whether memory packets reach device registers (off: they are refused);
                          alone, it says what became of the last that was refused

  """

/// `monitor devices`: whether the debugger's memory packets reach device registers.
struct DevicesCommand<Machine: Platform> {
  private let cores: Machine

  init(_ cores: Machine) { self.cores = cores }

  /// `words` are at what follows "devices".
  func run(
    _ command: Span<UInt8>, _ words: inout CommandWords,
    output: inout some TextOutput & ~Copyable
  ) {
    let action = command.extracting(words.next(in: command))
    guard words.next(in: command).isEmpty,
      action.isEmpty || action.spells("on") || action.spells("off")
    else {
      output.write("error: this is not what \"monitor devices\" takes.\n")
      output.write(devicesCommandHelp)
      return
    }
    if !action.isEmpty {
      cores.devices.isOn = action.spells("on")
      cores.devices.watchIsExplained = false
      cores.devices.forgetRefusal()
    }
    report(to: &output)
  }

  private func report(to output: inout some TextOutput & ~Copyable) {
    guard cores.devices.isOn else {
      output.write("Memory packets do not reach device registers.\n")
      return
    }
    output.write(
      """
      Memory packets reach the device registers that the vCPU has mapped: 1, 2, 4 or 8 bytes are one \
      access of that size. Reading some registers changes them.

      """)
    guard let refusal = cores.devices.lastRefusal else { return }
    output.write("The last access that was refused, of ")
    output.write(decimal: UInt64(refusal.count))
    output.write(" bytes at 0x")
    output.write(hex: refusal.address)
    output.write(": ")
    output.write(refusal.reason.explanation)
    output.write(".\n")
  }
}
