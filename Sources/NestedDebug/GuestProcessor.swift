public import ArmDebug

/// The EL1 registers that take part in exception entry and return, and the one that links compare.
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

/// A general register that holds an operand of a guest's instruction.
public enum GeneralRegister: Hashable, Sendable {
  /// X0 to X30.
  case x(Int)
  case spEL0
  case spEL1
}

/// The guest's registers and memory, as the guest's next instruction would find them.
///
/// All calls are made at EL2 of the core that the vCPU is bound to, while the guest does not run.
public protocol GuestProcessor: ~Copyable {
  /// Reads an EL1 exception register.
  mutating func read(_ register: ExceptionRegister) -> UInt64

  /// Writes ELR_EL1, SPSR_EL1, ESR_EL1 or FAR_EL1.
  mutating func write(_ register: ExceptionRegister, _ value: UInt64)

  /// Reads a general register as the guest left it.
  mutating func read(_ register: GeneralRegister) -> UInt64

  /// Writes a general register; never a stack pointer.
  mutating func write(_ register: GeneralRegister, _ value: UInt64)

  /// The A64 instruction at `pc` through the guest's own translation, or nil where it cannot be read.
  mutating func fetchInstruction(at pc: UInt64) -> UInt32?

  /// Calls `body` with each A64 instruction from `pc` on, until it returns false, the next instruction
  /// cannot be read, or the page ends. It reads what `fetchInstruction` can read.
  mutating func forEachInstruction(from pc: UInt64, _ body: (Instruction) -> Bool)

  /// What an access of `size` bytes from `el` finds at the guest's virtual `address`, or nil where EL2
  /// cannot read it. `size` is 1, 2, 4, 8 or 16, and `address` is a multiple of it.
  mutating func load(_ size: UInt64, at address: UInt64, from el: ExceptionLevel) -> ExclusiveValue?

  /// Performs a store in place of the guest if memory still holds the expected value, atomically for all
  /// observers and with acquire and release semantics.
  mutating func compareAndExchange(_ store: ExclusiveStore) -> ExclusiveStoreOutcome
}

extension GuestProcessor where Self: ~Copyable {
  /// The size in bytes of the smallest page that the architecture has.
  public static var smallestPage: UInt64 { 4096 }

  public mutating func forEachInstruction(from pc: UInt64, _ body: (Instruction) -> Bool) {
    var pc = pc
    repeat {
      guard let bits = fetchInstruction(at: pc), body(Instruction(bits)) else { return }
      pc &+= 4
    } while pc & (Self.smallestPage &- 1) != 0
  }
}
