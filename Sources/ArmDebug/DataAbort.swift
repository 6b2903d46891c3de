/// The ISS of a data abort: what software needs to complete the access (Arm ARM D24.2.40, "ISS encoding for
/// an exception from a Data Abort").
public struct DataAbort: Equatable, Sendable {
  public var rawValue: UInt64

  public init(iss: UInt64) { rawValue = iss }

  /// ISV: the fields from `size` to `isAcquireRelease` are valid. Stage-2 aborts of plain loads
  /// and stores of one general-purpose register only.
  public var isValid: Bool { rawValue[bit: 24] }
  /// SAS: bytes accessed, 1, 2, 4 or 8.
  public var size: Int { 1 &<< Int(truncatingIfNeeded: rawValue[bits: 22...23]) }
  /// SSE: the value loaded is sign-extended.
  public var isSignExtended: Bool { rawValue[bit: 21] }
  /// SRT: the general-purpose register; 31 is XZR.
  public var register: UInt8 { UInt8(truncatingIfNeeded: rawValue[bits: 16...20]) }
  /// SF: the register is 64 bits wide.
  public var is64Bit: Bool { rawValue[bit: 15] }
  /// AR: acquire or release semantics.
  public var isAcquireRelease: Bool { rawValue[bit: 14] }
  /// FnV: FAR_ELx is not valid.
  public var faultAddressIsInvalid: Bool { rawValue[bit: 10] }
  /// CM: cache maintenance or address translation, not an access.
  public var isCacheMaintenance: Bool { rawValue[bit: 8] }
  /// S1PTW: a stage-2 fault of a stage-1 table walk.
  public var isTableWalk: Bool { rawValue[bit: 7] }
  /// WnR: a write.
  public var isWrite: Bool { rawValue[bit: 6] }
  /// DFSC: the fault status code.
  public var status: UInt8 { UInt8(truncatingIfNeeded: rawValue[bits: 0...5]) }
  /// A translation fault of any level.
  public var isTranslationFault: Bool { status & 0b111100 == 0b000100 }
  /// A permission fault of any level.
  public var isPermissionFault: Bool { status & 0b111100 == 0b001100 }

  /// The value that the register gets from a load of `bytes`: cut to the size of the access,
  /// extended as the instruction asks.
  public func extend(_ bytes: UInt64) -> UInt64 {
    let unused = UInt64(truncatingIfNeeded: 64 &- 8 &* size)
    let shifted = bytes &<< unused
    guard isSignExtended else { return shifted &>> unused }
    let extended = UInt64(bitPattern: Int64(bitPattern: shifted) &>> Int64(bitPattern: unused))
    return is64Bit ? extended : extended & 0xFFFF_FFFF
  }
}
