/// A debug register that a program at AArch32 EL0 can name (Arm ARM G8.3). Everything else of
/// coprocessor 14's debug registers is UNDEFINED there, and comes to no exception level but EL1.
public enum AArch32DebugRegister: Hashable, Sendable {
  /// What the processor has. Read-only.
  case dbgdidr
  /// RXfull and TXfull of the debug communications channel. Read-only.
  case dbgdscrint
  /// DBGDTRRXint when read, DBGDTRTXint when written.
  case dbgdtrint
  /// The debug ROM's address, 32 bits of it or all 64. Read-only.
  case dbgdrar
  /// The address of the debug registers themselves, which since Armv8 says nothing. Read-only.
  case dbgdsar

  /// The register that an MCR or MRC of coprocessor 14 names.
  public init?(_ register: CoprocessorRegister) {
    switch (register.opc1, register.crn, register.crm, register.opc2) {
    case (0, 0, 0, 0): self = .dbgdidr
    case (0, 0, 1, 0): self = .dbgdscrint
    case (0, 0, 5, 0): self = .dbgdtrint
    case (0, 1, 0, 0): self = .dbgdrar
    case (0, 2, 0, 0): self = .dbgdsar
    default: return nil
    }
  }

  /// The register that an MRRC of coprocessor 14 names.
  public init?(pairOpc1 opc1: UInt8, crm: UInt8) {
    switch (opc1, crm) {
    case (0, 1): self = .dbgdrar
    case (0, 2): self = .dbgdsar
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
