/// A debug register that a program at AArch32 EL0 can name (Arm ARM G8.3). All other debug registers of
/// coprocessor 14 are UNDEFINED there, and the exception goes to EL1.
public enum AArch32DebugRegister: Hashable, Sendable {
  /// What the processor has. Read-only.
  case dbgdidr
  /// RXfull and TXfull of the debug communications channel. Read-only.
  case dbgdscrint
  /// DBGDTRRXint when read, DBGDTRTXint when written.
  case dbgdtrint
  /// The address of the debug ROM, 32 bits of it or all 64. Read-only.
  case dbgdrar
  /// The address of the debug registers themselves, which is RAZ since Armv8. Read-only.
  case dbgdsar

  /// The AArch64 register that this is another name for; nil for the two that AArch64 does not have.
  public var register: SingleDebugRegister? {
    switch self {
    case .dbgdidr, .dbgdsar: nil
    case .dbgdscrint: .mdccsr
    case .dbgdtrint: .dbgdtrRxTx
    case .dbgdrar: .mdrar
    }
  }

  /// How MCR and MRC name it. CRn, CRm and opc2 are those of the AArch64 register (Arm ARM G1.22, "Mapping of
  /// the System registers between the Execution states").
  private var encoding: CoprocessorRegister {
    let encoding =
      register?.encoding
      ?? (self == .dbgdsar ? SystemRegister(2, 0, 2, 0, 0) : SystemRegister(2, 0, 0, 0, 0))
    return CoprocessorRegister(
      opc1: 0, crn: encoding.crn, crm: encoding.crm, opc2: encoding.op2)
  }

  /// The register that an MCR or MRC of coprocessor 14 names.
  public init?(_ register: CoprocessorRegister) {
    switch register {
    case Self.dbgdidr.encoding: self = .dbgdidr
    case Self.dbgdscrint.encoding: self = .dbgdscrint
    case Self.dbgdtrint.encoding: self = .dbgdtrint
    case Self.dbgdrar.encoding: self = .dbgdrar
    case Self.dbgdsar.encoding: self = .dbgdsar
    default: return nil
    }
  }

  /// The register that an MRRC of coprocessor 14 names: CRm is what CRn is in the other encoding.
  public init?(pairOpc1 opc1: UInt8, crm: UInt8) {
    switch (opc1, crm) {
    case (0, Self.dbgdrar.encoding.crn): self = .dbgdrar
    case (0, Self.dbgdsar.encoding.crn): self = .dbgdsar
    default: return nil
    }
  }

  /// Whether MRC may name the flags in the place of Rt (pseudocode AArch32.SysRegReadCanWriteAPSR).
  public var readsIntoFlags: Bool { self == .dbgdscrint }
}

extension DebugCapabilities {
  /// DBGDIDR, which says of AArch32 what ID_AA64DFR0_EL1 says of AArch64 (Arm ARM G8.3.10).
  public var dbgdidr: UInt64 {
    var value: UInt64 = 0
    // WRPs, BRPs and CTX_CMPs are counts less one.
    value[bits: 28...31] = UInt64(truncatingIfNeeded: watchpointCount &- 1)
    value[bits: 24...27] = UInt64(truncatingIfNeeded: breakpointCount &- 1)
    value[bits: 20...23] = UInt64(truncatingIfNeeded: contextAwareCount &- 1)
    value[bits: 16...19] = UInt64(version)
    // RES1.
    value[bit: 15] = true
    // nSUHD_imp and SE_imp: EL3 is implemented.
    value[bit: 14] = hasEL3
    value[bit: 12] = hasEL3
    return value
  }
}
