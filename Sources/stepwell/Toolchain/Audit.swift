/// Checks for what must not be in the program at EL2, on the output of the toolchain's LLVM tools.
enum Audit {
  /// The first symbol of Swift's heap, reference counting or lazy initialisation.
  ///
  /// - Parameter listing: what `llvm-nm` prints.
  static func forbiddenSymbol(in listing: String) -> Substring? {
    let forbidden = [
      "swift_once", "swift_alloc", "swift_retain", "swift_release", "posix_memalign",
    ]
    return listing.split(separator: "\n").lazy
      .compactMap { $0.split(separator: " ").last }
      .first { symbol in forbidden.contains { symbol.hasPrefix($0) } }
  }

  /// The first instruction that names a SIMD or floating-point register: at EL2 these still hold
  /// the guest's values.
  ///
  /// - Parameter listing: what `llvm-objdump -d --no-show-raw-insn` prints.
  static func vectorInstruction(in listing: String) -> Substring? {
    var isAllowed = false
    for line in listing.split(separator: "\n") {
      // "0000000000001234 <name>:" begins a function.
      if line.hasSuffix(">:") {
        isAllowed = vectorAccessors.contains { line.hasSuffix("<\($0)>:") }
        continue
      }
      // "    1234:      \tldr\tx0, [x1]": address, mnemonic, operands.
      let fields = line.split(separator: "\t")
      guard fields.count >= 3, !isAllowed else { continue }
      let words = fields[2].utf8.split { !isWordCharacter($0) }
      if words.contains(where: isVectorRegister) { return line }
    }
    return nil
  }

  /// The first instruction that clears a mask of PSTATE. At EL2 interrupts and debug exceptions are masked
  /// from the first instruction on, and only an exception return changes that. The accesses that may fault
  /// clear A, and no other mask, for one instruction.
  ///
  /// - Parameter listing: what `llvm-objdump -d --no-show-raw-insn` prints.
  static func unmaskingInstruction(in listing: String) -> Substring? {
    var mayTakeSErrors = false
    for line in listing.split(separator: "\n") {
      if line.hasSuffix(">:") {
        mayTakeSErrors = line.contains("<el2_guarded_") || line.contains("<guarded_start>:")
        continue
      }
      let fields = line.split(separator: "\t")
      guard fields.count >= 3, fields[1] == "msr" else { continue }
      let register = fields[2].prefix { $0 != "," }.lowercased()
      if mayTakeSErrors, register == "daifclr", fields[2].hasSuffix("#0x4") { continue }
      if register == "daif" || register == "daifclr" { return line }
    }
    return nil
  }

  /// The first SEV that does not follow a DSB. A core that waits in WFE could see the event before the store,
  /// find the old value, and wait for ever.
  ///
  /// - Parameter listing: what `llvm-objdump -d --no-show-raw-insn` prints.
  static func unorderedEvent(in listing: String) -> Substring? {
    var previous: Substring = ""
    for line in listing.split(separator: "\n") {
      let fields = line.split(separator: "\t")
      guard fields.count >= 2 else { continue }
      if fields[1] == "sev" && previous != "dsb" { return line }
      previous = fields[1]
    }
    return nil
  }

  /// The functions that move the guest's own values, for the debugger.
  private static let vectorAccessors = [
    "el2_read_vector", "el2_write_vector", "el2_read_scalable_vector", "el2_write_scalable_vector",
  ]

  private static func isWordCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), UInt8(ascii: "$"):
      true
    default: false
    }
  }

  /// b0, h0, s0, d0, q0, v0 to 31, and SVE's z0 and p0.
  private static func isVectorRegister(_ word: Substring.UTF8View) -> Bool {
    guard let first = word.first, "bhsdqvzp".utf8.contains(first) else { return false }
    let number = word.dropFirst()
    return (1...2).contains(number.count)
      && number.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }
}
