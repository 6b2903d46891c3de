/// A load-exclusive or store-exclusive of one register or a pair: LDXR, LDAXR, STXR, STLXR with their
/// B and H forms, LDXP, LDAXP, STXP and STLXP (Arm ARM C4.1.94, "Load/store exclusive").
public struct ExclusiveInstruction: Equatable, Sendable {
  public var isLoad: Bool
  public var isPair: Bool
  /// Bytes of memory for each register: 1, 2, 4 or 8; of a pair 4 or 8.
  public var elementSize: UInt64
  /// The register that a store's status goes to; 31 is WZR.
  public var rs: Int
  /// The register that is loaded or stored, a pair's first; 31 is XZR.
  public var rt: Int
  /// A pair's second.
  public var rt2: Int
  /// The register with the address; 31 is SP.
  public var rn: Int

  /// nil if the instruction is another. (CAS, CASP, LDAR, STLR, LDLAR and STLLR share the group.)
  public init?(_ instruction: Instruction) {
    guard instruction.isExclusive else { return nil }
    let bits = UInt64(instruction.bits)
    func field(_ range: ClosedRange<Int>) -> Int { Int(truncatingIfNeeded: bits[bits: range]) }
    isLoad = bits[bit: 22]
    isPair = bits[bit: 21]
    elementSize = 1 &<< bits[bits: 30...31]
    rs = field(16...20)
    rt = field(0...4)
    rt2 = field(10...14)
    rn = field(5...9)
  }

  /// Bytes of memory in all, which is also the alignment of the address.
  public var size: UInt64 { isPair ? elementSize &* 2 : elementSize }

  /// The operands are such that the architecture does not say what the instruction does (CONSTRAINED
  /// UNPREDICTABLE, Arm ARM K1.2.13).
  public var isUnpredictable: Bool {
    if isLoad { return isPair && rt == rt2 }
    return rs == rt || isPair && rs == rt2 || rs == rn && rn != 31
  }
}

extension Instruction {
  /// CLREX.
  public var isCLREX: Bool { bits & 0xFFFF_F0FF == 0xD503_305F }

  /// Whether no sequence of load-exclusive, other instructions and store-exclusive goes on to the next
  /// address: a branch that is always taken, a return, or an exception.
  public var endsExclusiveSequence: Bool {
    // B and BL; BR, BLR, RET, ERET with their authenticating forms; exception generation; UDF.
    bits & 0x7C00_0000 == 0x1400_0000 || bits & 0xFE00_0000 == 0xD600_0000
      || bits & 0xFF00_0000 == 0xD400_0000 || bits & 0xFFFF_0000 == 0
  }
}
