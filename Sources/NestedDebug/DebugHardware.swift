public import ArmDebug

/// The EL1 registers that take part in exception entry and return, and what links compare.
public enum ExceptionRegister: Hashable, Sendable {
  case elr
  case spsr
  case esr
  case far
  case vbar
  case sctlr
  /// GCSCR_EL1; read only where the processor has FEAT_GCS.
  case gcscr
  /// CONTEXTIDR_EL1.
  case contextidr
}

/// A general register of the guest's that an instruction's operands are in.
public enum GeneralRegister: Hashable, Sendable {
  /// X0 to X30.
  case x(Int)
  case spEL0
  case spEL1
}

/// What the engine needs of the core that its vCPU is bound to. All calls are made at EL2 of that
/// core, with PSTATE.D = 1 and the guest not running.
public protocol DebugHardware: ~Copyable {
  /// Reads DBGBVRn, DBGBCRn, DBGWVRn, DBGWCRn (n below the processor's count), MDSCR_EL1,
  /// MDCCINT_EL1, OSLSR_EL1 or, with FEAT_DoubleLock, OSDLR_EL1; and where
  /// `DebugCapabilities.external` is not nil OSDTRRX_EL1, OSDTRTX_EL1, OSECCR_EL1, DBGPRCR_EL1 and
  /// DBGCLAIMCLR_EL1. No other register is asked for.
  mutating func read(_ register: DebugRegister) -> UInt64

  /// Writes one of those, OSLAR_EL1 in place of OSLSR_EL1, or DBGCLAIMSET_EL1.
  mutating func write(_ register: DebugRegister, _ value: UInt64)

  /// Reads an EL1 exception register.
  mutating func read(_ register: ExceptionRegister) -> UInt64

  /// Writes ELR_EL1, SPSR_EL1, ESR_EL1 or FAR_EL1.
  mutating func write(_ register: ExceptionRegister, _ value: UInt64)

  /// Reads a general register as the guest left it.
  mutating func read(_ register: GeneralRegister) -> UInt64

  /// Writes one that the guest goes on with; never a stack pointer.
  mutating func write(_ register: GeneralRegister, _ value: UInt64)

  /// MDCR_EL2.TDE: on, debug exceptions of the guest and its accesses to debug registers come to
  /// EL2; off, both are the guest's own.
  mutating func setDebugTraps(_ on: Bool)

  /// Keeps pending virtual interrupts from being taken, without touching PSTATE: ICH_HCR_EL2.En.
  mutating func setVirtualInterruptsWithheld(_ on: Bool)

  /// Traps WFI and WFE: HCR_EL2.TWI and TWE. The hypervisor completes a trapped one as a NOP, with
  /// `VirtualDebug.instructionEmulated`.
  mutating func setWaitTraps(_ on: Bool)

  /// A context synchronisation event: ISB.
  mutating func synchronize()

  /// The A64 instruction at `pc` through the guest's own translation, or nil where it cannot be
  /// read.
  mutating func fetchInstruction(at pc: UInt64) -> UInt32?

  /// Gives `body` the A64 instructions from `pc` on, one after the other, until it returns false, the
  /// next one cannot be read, or its page ends. There is none to be read where `fetchInstruction`
  /// reads none.
  mutating func forEachInstruction(from pc: UInt64, _ body: (Instruction) -> Bool)

  /// What memory holds at the guest's virtual `address`, as an access of `size` bytes from `el` finds
  /// it; nil where EL2 cannot read that. `size` is 1, 2, 4, 8 or 16, and `address` a multiple of it.
  mutating func load(_ size: UInt64, at address: UInt64, from el: ExceptionLevel) -> ExclusiveValue?

  /// Performs a store in the guest's stead if memory still holds what is expected, atomically for all
  /// observers and with acquire and release semantics.
  mutating func compareAndExchange(_ store: ExclusiveStore) -> ExclusiveStoreOutcome
}

extension DebugHardware where Self: ~Copyable {
  /// The smallest pages that there are, in bytes.
  public static var smallestPage: UInt64 { 4096 }

  public mutating func forEachInstruction(from pc: UInt64, _ body: (Instruction) -> Bool) {
    var pc = pc
    repeat {
      guard let bits = fetchInstruction(at: pc), body(Instruction(bits)) else { return }
      pc &+= 4
    } while pc & (Self.smallestPage &- 1) != 0
  }
}
