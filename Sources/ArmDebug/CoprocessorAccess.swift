/// An A32 or T32 instruction of coprocessor 14 that was trapped: the syndromes of exception classes
/// 0x05 (MCR, MRC), 0x0C (MRRC) and 0x06 (LDC, STC) (Arm ARM D24.2.40).
public struct CoprocessorAccess: Equatable, Sendable {
  /// What the instruction moves, and between what. A general-purpose register is R0 to R14 by its
  /// number, and 31 is the one that R15 stands for.
  public enum Operands: Equatable, Sendable {
    /// MCR, MRC: `register`, and Rt.
    case word(CoprocessorRegister, rt: UInt8)
    /// MRRC: the 64-bit register that opc1 and CRm name; Rt has the lower half, Rt2 the upper.
    case pair(opc1: UInt8, crm: UInt8, rt: UInt8, rt2: UInt8)
    /// LDC, STC: DBGDTRTXint or DBGDTRRXint, the only ones that these can name, and memory.
    case memory(CoprocessorTransfer)
  }

  public var operands: Operands
  /// The instruction reads the debug register: MRC, MRRC and STC.
  public var isRead: Bool
  /// COND, or nil where the syndrome leaves it to PSTATE's ITSTATE (CV = 0).
  public var condition: Condition?

  public init(operands: Operands, isRead: Bool, condition: Condition? = nil) {
    self.operands = operands
    self.isRead = isRead
    self.condition = condition
  }

  /// Decodes a syndrome; nil if its class is none of the three.
  public init?(_ syndrome: Syndrome) {
    let iss = syndrome.iss
    func field(_ range: ClosedRange<Int>) -> UInt8 { UInt8(truncatingIfNeeded: iss[bits: range]) }
    switch syndrome.exceptionClass {
    case .cp14Word:
      operands = .word(
        CoprocessorRegister(
          opc1: field(14...16), crn: field(10...13), crm: field(1...4), opc2: field(17...19)),
        rt: Self.register(field(5...9)))
      isRead = iss[bit: 0]
    case .cp14Pair:
      operands = .pair(
        opc1: field(16...19), crm: field(1...4), rt: Self.register(field(5...9)),
        rt2: Self.register(field(10...14)))
      isRead = iss[bit: 0]
    case .cp14Transfer:
      operands = .memory(
        CoprocessorTransfer(
          mode: .init(field(1...2)),
          // A literal's Rn is UNKNOWN: it is R15.
          base: iss[bit: 3] ? 31 : Self.register(field(5...9)),
          offset: UInt32(field(12...19)) &<< 2, adds: iss[bit: 4]))
      // Here the bit tells whether memory is read.
      isRead = !iss[bit: 0]
    default: return nil
    }
    condition = iss[bit: 24] ? Condition(rawValue: field(20...23)) : nil
  }

  /// R15 is 31 in a syndrome. A program at EL0 has no register that would be 15 (R13_hyp), and
  /// QEMU 7.2 says 15 for R15.
  private static func register(_ field: UInt8) -> UInt8 { field == 15 ? 31 : field }

  /// Whether the instruction passes its condition in `state`. A processor may trap one that does
  /// not; it is then a NOP.
  public func passesCondition(in state: PState) -> Bool {
    if let condition { return condition.holds(in: state) }
    // Outside of an IT block a T32 instruction has no condition. In one, IT[7:4] is it.
    let it = state.itState
    return it & 0xF == 0 || Condition(rawValue: it &>> 4).holds(in: state)
  }
}

/// What MCR and MRC name within a coprocessor.
public struct CoprocessorRegister: Hashable, Sendable {
  public var opc1, crn, crm, opc2: UInt8

  public init(opc1: UInt8, crn: UInt8, crm: UInt8, opc2: UInt8) {
    self.opc1 = opc1
    self.crn = crn
    self.crm = crm
    self.opc2 = opc2
  }
}

/// How LDC and STC address memory (Arm ARM F5.1.67 LDC, F5.1.232 STC).
public struct CoprocessorTransfer: Equatable, Sendable {
  /// AM[1:0], which is the instruction's P and W.
  public enum Mode: Equatable, Sendable {
    case unindexed
    case postIndexed
    case offset
    case preIndexed

    init(_ am: UInt8) {
      switch am & 0b11 {
      case 0b00: self = .unindexed
      case 0b01: self = .postIndexed
      case 0b10: self = .offset
      default: self = .preIndexed
      }
    }
  }

  public var mode: Mode
  /// Rn, 0 to 14, or 31 for R15.
  public var base: UInt8
  /// In bytes, a multiple of 4 up to 1020.
  public var offset: UInt32
  /// U: the offset is added rather than subtracted.
  public var adds: Bool

  public init(mode: Mode, base: UInt8, offset: UInt32, adds: Bool) {
    self.mode = mode
    self.base = base
    self.offset = offset
    self.adds = adds
  }

  /// What R15 reads as in the instruction at `context`'s PC, word-aligned.
  public static func programCounter(_ pc: UInt64, isT32: Bool) -> UInt32 {
    (UInt32(truncatingIfNeeded: pc) &+ (isT32 ? 4 : 8)) & ~3
  }

  /// The address of the word, and what Rn becomes once the word has been accessed, where it changes.
  public func addresses(base: UInt32) -> (word: UInt32, writeBack: UInt32?) {
    let indexed = adds ? base &+ offset : base &- offset
    return switch mode {
    case .unindexed: (base, nil)
    case .postIndexed: (base, indexed)
    case .offset: (indexed, nil)
    case .preIndexed: (indexed, indexed)
    }
  }
}
