public import ArmDebug

/// The debug registers of the core that a vCPU is bound to, and what makes its events come to EL2.
///
/// All calls are made at EL2 of that core, with PSTATE.D = 1, while the guest does not run.
public protocol DebugHardware: ~Copyable {
  /// Reads DBGBVRn, DBGBCRn, DBGWVRn, DBGWCRn (n below the number that the processor has), MDSCR_EL1,
  /// MDCCINT_EL1, OSLSR_EL1 or, with FEAT_DoubleLock, OSDLR_EL1. Where `DebugCapabilities.external` is
  /// not nil, it also reads OSDTRRX_EL1, OSDTRTX_EL1, OSECCR_EL1, DBGPRCR_EL1 and DBGCLAIMCLR_EL1. The
  /// engine asks for no other register.
  mutating func read(_ register: DebugRegister) -> UInt64

  /// Writes one of those, OSLAR_EL1 in place of OSLSR_EL1, or DBGCLAIMSET_EL1.
  mutating func write(_ register: DebugRegister, _ value: UInt64)

  /// MDCR_EL2.TDE. If `on`, debug exceptions of the guest and its accesses to debug registers come to
  /// EL2; otherwise both are taken where the guest takes them without EL2.
  mutating func setDebugTraps(_ on: Bool)

  /// Keeps pending virtual interrupts from being taken, without touching PSTATE: ICH_HCR_EL2.En.
  mutating func setVirtualInterruptsWithheld(_ on: Bool)

  /// Traps WFI and WFE: HCR_EL2.TWI and TWE. The hypervisor completes a trapped one as a NOP, with
  /// `VirtualDebug.instructionEmulated`.
  mutating func setWaitTraps(_ on: Bool)

  /// A context synchronisation event: ISB.
  mutating func synchronize()
}
