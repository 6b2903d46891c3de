/// PAR_EL1 after an address translation instruction (Arm ARM D24.2.123).
public struct TranslationResult: Equatable, Sendable {
  public var rawValue: UInt64

  public init(par: UInt64) { rawValue = par }

  /// F: there is no translation, or it does not permit the access.
  public var isFault: Bool { rawValue[bit: 0] }
  /// FST: the fault status code, as DFSC has it; where `isFault`.
  public var faultStatus: UInt64 { rawValue[bits: 1...6] }
  /// S: the fault is stage 2's; where `isFault`.
  public var isStage2Fault: Bool { rawValue[bit: 9] }

  /// The ISS of the data abort that a store to the address would take to EL1, or nil where the fault is
  /// none of the translation tables' contents: stage 2's, an external abort, and the like.
  public var storeAbort: UInt64? {
    guard isFault, !isStage2Fault else { return nil }
    let writeNotRead: UInt64 = 1 &<< 6
    switch faultStatus {
    // Address size, translation, access flag and permission, levels 0 to 3; and the first two at
    // level -1.
    case 0b000000...0b001111, 0b101001, 0b101011: return writeNotRead | faultStatus
    default: return nil
    }
  }

  /// ATTR: Normal memory that inner and outer caches hold written back, tagged or not; where there is
  /// no fault.
  public var isWriteBack: Bool {
    let attributes = rawValue[bits: 56...63]
    let taggedNormal: UInt64 = 0b1111_0000
    return !isFault
      && (attributes == taggedNormal
        || Self.isWriteBack(attributes & 0xF) && Self.isWriteBack(attributes &>> 4))
  }

  /// One half of ATTR: 0b11RW is write-back, and 0b01RW is where it is transient; with R = W = 0 the
  /// latter is non-cacheable.
  private static func isWriteBack(_ half: UInt64) -> Bool {
    half &>> 2 == 0b11 || half &>> 2 == 0b01 && half & 0b11 != 0
  }
}
