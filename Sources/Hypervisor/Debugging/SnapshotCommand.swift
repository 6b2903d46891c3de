internal import NestedDebug
internal import RemoteProtocol

/// `monitor snapshot`: the guest's debug registers of one vCPU, out as hexadecimal digits and in
/// again. The machine stands still meanwhile, and each core has captured its registers into guest
/// state when it came to stand.
struct SnapshotCommand<Machine: Platform> {
  private let cores: Machine

  init(_ cores: Machine) { self.cores = cores }

  /// `words` are at what follows "snapshot". If it is not done, `output` says why.
  func run(
    _ command: Span<UInt8>, _ words: inout CommandWords,
    output: inout some TextOutput & ~Copyable
  ) {
    let action = command.extracting(words.next(in: command))
    guard let vcpu = command.extracting(words.next(in: command)).decimalNumber else {
      usage(&output)
      return
    }
    let digits = command.extracting(words.next(in: command))
    guard words.next(in: command).isEmpty else {
      usage(&output)
      return
    }
    guard vcpu < cores.count, cores.isOn(vcpu) else {
      output.write("error: This vCPU is off, or there is none of this number.\n")
      return
    }
    if action.spells("save"), digits.isEmpty {
      save(vcpu, &output)
    } else if action.spells("restore"), !digits.isEmpty {
      restore(vcpu, digits, &output)
    } else {
      usage(&output)
    }
  }

  private func usage(_ output: inout some TextOutput & ~Copyable) {
    output.write(
      """
      error: This is not how the command is used:
      monitor snapshot save N         vCPU N's debug registers as the guest has them
      monitor snapshot restore N HEX  puts them back

      """)
  }

  private func save(_ vcpu: Int, _ output: inout some TextOutput & ~Copyable) {
    let record = cores.vcpu(vcpu).value.debug.snapshot()
    let bytes = record.bytes.span
    for index in bytes.indices { output.write(hex: UInt64(bytes[index]), digits: 2) }
    output.write("\n")
  }

  private func restore(
    _ vcpu: Int, _ digits: Span<UInt8>, _ output: inout some TextOutput & ~Copyable
  ) {
    var bytes = [600 of UInt8](repeating: 0)
    guard digits.count == 2 &* bytes.count else {
      fail(.wrongLength, &output)
      return
    }
    for index in 0..<bytes.count {
      guard let high = nibble(digits[2 &* index]), let low = nibble(digits[2 &* index &+ 1]) else {
        output.write("error: These are not hexadecimal digits.\n")
        return
      }
      bytes[index] = high &<< 4 | low
    }
    do throws(SnapshotError) {
      try cores.vcpu(vcpu).value.debug.restore(SnapshotRecord(bytes.span))
    } catch {
      fail(error, &output)
      return
    }
    output.write("Done. The guest finds them when it goes on.\n")
  }

  private func fail(
    _ error: SnapshotError, _ output: inout some TextOutput & ~Copyable
  ) {
    output.write("error: ")
    output.write(explanation(error))
  }

  private func nibble(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit &- UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit &- UInt8(ascii: "a") &+ 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit &- UInt8(ascii: "A") &+ 10
    default: nil
    }
  }

  private func explanation(_ error: SnapshotError) -> StaticString {
    switch error {
    case .wrongLength: "This is not as long as a snapshot.\n"
    case .notASnapshot: "This is not a snapshot.\n"
    case .unknownVersion: "This snapshot is of another version of Stepwell.\n"
    case .damaged: "This snapshot is damaged: its checksum is wrong.\n"
    case .otherProcessor: "This snapshot is of a processor with other debug hardware.\n"
    case .reservedBits: "This snapshot has bits that the registers of this processor do not have.\n"
    }
  }
}
