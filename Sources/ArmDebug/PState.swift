/// Process state in the layout of SPSR_ELx (Arm ARM C5.2.18 and D1.4), for AArch64 and, where
/// `isAArch32`, for AArch32.
public struct PState: Equatable, Sendable {
  public var rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// The state after reset or power-up into AArch64 EL1 with its own stack pointer and every
  /// exception masked: M = EL1h, DAIF = 1111.
  public static let el1Reset = PState(rawValue: 0x3C5)

  /// nRW: the state is AArch32.
  public var isAArch32: Bool { rawValue[bit: 4] }

  /// The exception level that M names. AArch32 modes other than User and Hyp are EL1's.
  public var el: ExceptionLevel {
    guard isAArch32 else {
      return ExceptionLevel(rawValue: UInt8(truncatingIfNeeded: rawValue[bits: 2...3])) ?? .el0
    }
    switch rawValue[bits: 0...3] {
    case 0b0000: return .el0
    case 0b1010: return .el2
    case 0b0110: return .el3
    default: return .el1
    }
  }

  /// The exception level is EL0: M[3:0] is 0 there in AArch64 (EL0t) and in AArch32 (User).
  public var isEL0: Bool { rawValue[bits: 0...3] == 0 }

  /// The exception level is EL1.
  @inline(__always)
  public var isEL1: Bool { isAArch32 ? el == .el1 : rawValue[bits: 2...3] == 1 }

  /// SPSel, AArch64 only: SP is the exception level's own rather than SP_EL0.
  public var spsel: Bool { rawValue[bit: 0] }

  /// T, AArch32 only: the instruction set is T32.
  public var t: Bool { rawValue[bit: 5] }

  /// FIQ mask.
  public var f: Bool {
    get { rawValue[bit: 6] }
    set { rawValue[bit: 6] = newValue }
  }
  /// IRQ mask.
  public var i: Bool {
    get { rawValue[bit: 7] }
    set { rawValue[bit: 7] = newValue }
  }
  /// SError mask.
  public var a: Bool {
    get { rawValue[bit: 8] }
    set { rawValue[bit: 8] = newValue }
  }
  /// Debug exception mask, AArch64 only; in AArch32 the bit is E, so this is false there.
  public var d: Bool {
    get { rawValue[bit: 9] && !isAArch32 }
    set { rawValue[bit: 9] = newValue }
  }
  /// Branch type (FEAT_BTI), AArch64 only.
  public var btype: UInt64 {
    get { rawValue[bits: 10...11] }
    set { rawValue[bits: 10...11] = newValue }
  }
  /// User access override (FEAT_UAO), AArch64 only: LDTR and STTR access as LDR and STR do.
  public var uao: Bool { rawValue[bit: 23] && !isAArch32 }
  /// Illegal execution state.
  public var il: Bool {
    get { rawValue[bit: 20] }
    set { rawValue[bit: 20] = newValue }
  }
  /// Software step: set while one instruction may still run (active-not-pending).
  public var ss: Bool {
    get { rawValue[bit: 21] }
    set { rawValue[bit: 21] = newValue }
  }
}

extension PState {
  /// N, Z, C and V, with N as bit 3.
  public var flags: UInt64 {
    get { rawValue[bits: 28...31] }
    set { rawValue[bits: 28...31] = newValue }
  }

  /// `word` as it lies in memory: with its bytes reversed where AArch32 data accesses are big-endian
  /// (E, AArch32 only).
  public func inEndianness(_ word: UInt32) -> UInt32 {
    rawValue[bit: 9] ? word.byteSwapped : word
  }

  /// ITSTATE, AArch32 only: IT[1:0] are bits 26:25 and IT[7:2] bits 15:10.
  public var itState: UInt8 {
    UInt8(truncatingIfNeeded: rawValue[bits: 10...15] &<< 2 | rawValue[bits: 25...26])
  }

  /// Moves ITSTATE on by one instruction, AArch32 only (pseudocode AArch32.ITAdvance).
  public mutating func advanceITState() {
    var it = UInt64(itState)
    if it & 0b111 == 0 {
      it = 0
    } else {
      it = it & 0b1110_0000 | (it &<< 1) & 0b0001_1111
    }
    rawValue[bits: 10...15] = it &>> 2
    rawValue[bits: 25...26] = it & 0b11
  }
}
