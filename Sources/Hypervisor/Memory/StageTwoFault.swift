internal import ArmDebug

/// What a stage-2 fault tells about the intermediate address.
struct StageTwoFault {
  let access: DataAbort

  init(_ access: DataAbort) { self.access = access }

  /// The page of the intermediate address; nil if the architecture leaves HPFAR_EL2 UNKNOWN. It is written for faults
  /// of a stage-1 table walk, and otherwise for translation, access flag and address size faults, but not for
  /// permission faults (Arm ARM D24.2.66).
  func page(hpfar: UInt64) -> IntermediateAddress? {
    let isKnown = access.isTableWalk || access.status < 0b001100
    // FIPA, [43:4]: bits 51 to 12 of the address.
    return isKnown ? IntermediateAddress((hpfar &>> 4 & 0xff_ffff_ffff) &<< 12) : nil
  }
}
