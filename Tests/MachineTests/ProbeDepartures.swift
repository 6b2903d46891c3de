/// Why a transcript of the probe's may differ between the bare machine and Stepwell on QEMU 7.2: where the
/// emulator departs from the architecture, and what Stepwell keeps for itself. Every comparison of
/// transcripts takes these differences out, and no others.
struct Departure: Sendable {
  /// What departs.
  let name: String
  /// How, and why the two therefore differ.
  let reason: String
  /// The host tests that show the architecture's behaviour instead.
  let shownBy: String
  /// A line of the probe's as it is without the departure; nil if it is not there at all then.
  let corrected: @Sendable (String) -> String?

  static let all = [
    stepAfterMasking, osLock, channelInterrupts, reservedBits, identification, unprivilegedAccess,
    ownInterrupts,
  ]

  /// A transcript without the departures.
  static func without(_ transcript: [String]) -> [String] {
    transcript.compactMap { line in
      all.reduce(line) { line, departure in line.flatMap(departure.corrected) }
    }
  }

  // MARK: QEMU's

  static let stepAfterMasking = Departure(
    name: "a step exception although PSTATE.D is set",
    reason: """
      Whether an instruction is stepped is decided when it is translated, so that one which sets \
      PSTATE.D is followed by a step exception from EL1 with SPSR_EL1.D = 1. By the architecture \
      (CheckSoftwareStep) PSTATE.D masks it, and Stepwell's emulation does not take it.
      """,
    shownBy: "SoftwareStepTests.masks, RoutingTests.masked, ComparisonTests"
  ) { line in
    guard let event = Event(line), event.isStep, event.spsr & 0x20f == 0x205 else { return line }
    return nil
  }

  static let osLock = Departure(
    name: "debug exceptions under the OS Lock",
    reason: """
      The lock sets OSLSR_EL1 bit 1, and what it should silence looks at bit 0: nothing is locked. In \
      shared mode Stepwell locks it; ProbeTwinTests.locked expects so.
      """,
    shownBy: "RoutingTests.masked, EmulationTests.osLock, PlannerTests"
  ) { $0.hasPrefix("OS Lock: ") ? nil : $0 }

  static let channelInterrupts = Departure(
    name: "MDCCINT_EL1", reason: "It can be written but not read.",
    shownBy: "EmulationTests.readBack"
  ) { $0.contains("mdccint_el1") ? nil : $0 }

  static let reservedBits = Departure(
    name: "RES0 bits of debug registers",
    reason: """
      They are stored and read back. Stepwell's emulation reads them as 0, and masks what it takes over \
      from the hardware.
      """,
    shownBy: "EmulationTests.masks, ModeTests.capture, DebugRegisterTests"
  ) { line in
    let words = line.split(separator: " ")
    guard words.count == 3, words[1].hasSuffix("_el1"), let value = UInt64(words[2], radix: 16)
    else { return line }
    return "\(words[0]) \(words[1]) \(String(value & definedBits(of: words[1]), radix: 16))"
  }

  static let identification = Departure(
    name: "DBGDIDR",
    reason: """
      What it says of EL3 and of the version of the debug architecture does not go with the \
      identification registers, from which Stepwell's emulation makes it.
      """,
    shownBy: "CoprocessorEmulationTests"
  ) { line in
    // The probe's line, or one of the programs' in Linux.
    guard line.hasPrefix("mrc dbgdidr: ") || line.contains("32 DBGDIDR"),
      let match = line.firstMatch(of: /(r0|=) ([0-9a-f]+)/), let value = UInt64(match.2, radix: 16)
    else { return line }
    let defined = String(value & 0xfff0_afff, radix: 16)
    return line.replacing(match.0, with: "\(match.1) \(defined)")
  }

  static let unprivilegedAccess = Departure(
    name: "LDTR and STTR in front of watchpoints",
    reason: """
      They count as EL0's, as they should, but only while stage 2 translation is off: with it on, the \
      attribute that says so is lost, and they count as EL1's.
      """,
    shownBy: "InstructionTests.unprivileged, RoutingTests.guestWatchpoint"
  ) { $0.hasPrefix("LDTR ") || $0.hasPrefix("STTR ") ? nil : $0 }

  // MARK: Stepwell's

  static let ownInterrupts = Departure(
    name: "EL2's own interrupts",
    reason: """
      The fields of the GIC's maintenance interrupt, of EL2's timer and of the debug link's SPI read as 0 \
      beneath Stepwell, whatever is written.
      """,
    shownBy: "InterruptHiddenTests"
  ) { line in
    InterruptFields(line).map { "\($0.hiding(ownNumbers))" } ?? line
  }

  /// On QEMU's `virt` with the debug link that a `Machine` has. (EL2's SGI is a physical one; the guest's
  /// are virtual, and it has all sixteen.)
  static let ownNumbers = [25, 26, 48]

  // MARK: Fields

  /// The fields of a debug register in Arm ARM D24.3, for 6 breakpoints of which the last two compare
  /// contexts.
  static func definedBits(of register: some StringProtocol) -> UInt64 {
    switch register.prefix(6) {
    case "dbgbvr": register.contains("bvr4_") || register.contains("bvr5_") ? .max : ~0b11
    case "dbgbcr": 0x00ff_e1e7
    case "dbgwvr": ~0b11
    case "dbgwcr": 0x1f1f_ffff
    // With OSLSR_EL1.OSLK = 0 the fields above MDE are an external debugger's.
    case "mdscr_": 0xb001
    default: .max
    }
  }

  /// "vector 200 esr cf000022 elr 48 far 0 spsr 800003c5".
  private struct Event {
    var esr, spsr: UInt64

    init?(_ line: String) {
      let words = line.split(separator: " ")
      guard words.first == "vector", let esr = Self.value(of: "esr", in: words),
        let spsr = Self.value(of: "spsr", in: words)
      else { return nil }
      (self.esr, self.spsr) = (esr, spsr)
    }

    private static func value(of name: String, in words: [Substring]) -> UInt64? {
      words.firstIndex { $0 == name }.flatMap { UInt64(words[$0 + 1], radix: 16) }
    }

    /// Of EL0 or of EL1.
    var isStep: Bool { (esr >> 26) & 0x3e == 0x32 }
  }
}

/// One word of a GIC register that has a field for each interrupt, as the probe says it: "ICFGR 48
/// aaaaaaaa" begins with the fields of interrupt 48.
private struct InterruptFields: CustomStringConvertible {
  var register: Substring
  var first: Int
  var value: UInt32

  init?(_ line: String) {
    let words = line.split(separator: " ")
    guard words.count == 3, words[0].first == "I", words[0].hasSuffix("R"),
      let first = Int(words[1]), let value = UInt32(words[2], radix: 16)
    else { return nil }
    (register, self.first, self.value) = (words[0], first, value)
  }

  var description: String { "\(register) \(first) \(String(value, radix: 16))" }

  /// Bits for each interrupt.
  private var width: Int {
    switch register {
    case "IPRIORITYR": 8
    case "ICFGR": 2
    default: 1
    }
  }

  func hiding(_ numbers: [Int]) -> InterruptFields {
    var word = self
    for number in numbers where (first..<first + 32 / width).contains(number) {
      let field = UInt32((1 << width) - 1)
      word.value &= ~(field << UInt32((number - first) * width))
    }
    return word
  }
}
