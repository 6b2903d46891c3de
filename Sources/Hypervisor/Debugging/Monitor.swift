internal import ArmDebug
internal import NestedDebug
internal import RemoteProtocol

/// The `monitor` commands: what a person asks of Stepwell itself.
struct Monitor<Machine: Platform> {
  private let cores: Machine

  init(_ cores: Machine) { self.cores = cores }

  /// Does what `command` says. The text of one that fails begins with "error: ": the protocol's own
  /// errors are shown as such, and hide the sentence.
  func run(_ command: Span<UInt8>, output: inout some TextOutput & ~Copyable) {
    var words = CommandWords()
    let name = command.extracting(words.next(in: command))
    if name.spells("snapshot") {
      SnapshotCommand(cores).run(command, &words, output: &output)
      return
    }
    if name.spells("devices") {
      DevicesCommand(cores).run(command, &words, output: &output)
      return
    }
    let argument = command.extracting(words.next(in: command))
    let isLast = words.next(in: command).isEmpty
    let vcpu = isLast ? argument.decimalNumber : nil
    if let vcpu, vcpu >= cores.count, name.spells("debug") || name.spells("exits") {
      output.write("error: There is no vCPU ")
      output.write(decimal: UInt64(vcpu))
      output.write("; the last is vCPU ")
      output.write(decimal: UInt64(cores.count &- 1))
      output.write(".\n")
    } else if name.isEmpty || name.spells("help") && argument.isEmpty {
      help(&output)
    } else if name.spells("debug"), argument.isEmpty || vcpu != nil {
      let report = DebugReport(cores)
      if let vcpu { report.write(vcpu, to: &output) } else { report.writeAll(to: &output) }
      report.writeRequests(to: &output)
    } else if name.spells("exits"), argument.isEmpty || vcpu != nil {
      exits(of: vcpu, &output)
    } else if name.spells("info") && argument.spells("version") && isLast {
      version(&output)
    } else {
      output.write("error: There is no monitor command \"")
      output.write(command)
      output.write("\". These are the commands:\n")
      help(&output)
    }
  }

  /// One line. The scripts that come with Linux ask this to find out whether the debugger's threads are
  /// numbered as the CPUs are, and take any answer for yes.
  private func version(_ output: inout some TextOutput & ~Copyable) {
    output.write("Stepwell 0.1, ")
    output.write(decimal: UInt64(cores.count))
    output.write(" vCPUs: thread n is vCPU n - 1, and CPU n - 1 of the device tree\n")
  }

  private func help(_ output: inout some TextOutput & ~Copyable) {
    output.write(
      """
      monitor help   this list
      monitor debug  every vCPU's debug registers as the guest sees them, what the debugger
                     asks for, and who has which comparator of the hardware; with a number,
                     of that vCPU alone
      monitor exits  how often each vCPU came to EL2, by reason, and what the debugger's
                     packets cost in ticks of the counter; with a number, of that vCPU alone
      monitor info version   Stepwell's version, and how threads and CPUs are numbered
      monitor snapshot save N         vCPU N's debug registers as the guest has them, in digits
      monitor snapshot restore N HEX  puts them back

      """)
    output.write(devicesCommandHelp)
  }

  /// How many vCPUs a screen has room for.
  static var mostShown: Int { 8 }

  /// One row a reason, one column a vCPU; reasons that never occurred are left out. And what the
  /// debugger itself has cost. Where there are more vCPUs than columns, their sums and which came most often.
  private func exits(of vcpu: Int?, _ output: inout some TextOutput & ~Copyable) {
    let vcpus = vcpu.map { $0..<$0 &+ 1 } ?? 0..<cores.count
    let hasColumns = vcpus.count <= Self.mostShown
    output.write("exits to EL2                            ")
    if hasColumns {
      for vcpu in vcpus {
        output.write(vcpu < 10 ? "     vCPU " : vcpu < 100 ? "    vCPU " : "   vCPU ")
        output.write(decimal: UInt64(vcpu))
      }
    } else {
      output.write("  all vCPUs   the most, and by which")
    }
    output.write("\n")
    var number: UInt8 = 0
    while let reason = ExitReason(rawValue: number) {
      number &+= 1
      var sum: UInt64 = 0
      var most = vcpus.lowerBound
      for vcpu in vcpus {
        let count = exits(reason, vcpu)
        sum &+= count
        if count > exits(reason, most) { most = vcpu }
      }
      guard sum > 0 else { continue }
      output.write(padded: reason.name, to: 40)
      if hasColumns {
        for vcpu in vcpus { output.write(decimal: exits(reason, vcpu), width: 11) }
      } else {
        output.write(decimal: sum, width: 11)
        output.write(decimal: exits(reason, most), width: 11)
        output.write("  vCPU ")
        output.write(decimal: UInt64(most))
      }
      output.write("\n")
    }
    output.write("ticks from packets to their answers     ")
    output.write(decimal: cores.packetClock.total, width: 11)
    output.write("\n")
  }

  private func exits(_ reason: ExitReason, _ vcpu: Int) -> UInt64 {
    cores.vcpu(vcpu).value.exits[reason]
  }
}

extension TextOutput where Self: ~Copyable {
  /// Writes `text`, and spaces up to `width` columns.
  @inline(never)
  mutating func write(padded text: StaticString, to width: Int) {
    write(text)
    var column = text.utf8CodeUnitCount
    while column < width {
      write(" ")
      column &+= 1
    }
  }

  /// Writes `value` right-aligned in `width` columns.
  @inline(never)
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
