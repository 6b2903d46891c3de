package import ArmDebug
package import NestedDebug

/// The model as the engine's hardware.
extension ModelCore: DebugHardware, GuestProcessor {
  package mutating func read(_ register: DebugRegister) -> UInt64 {
    register.description(on: processor.capabilities) == nil ? 0 : read(register.encoding)
  }

  package mutating func write(_ register: DebugRegister, _ value: UInt64) {
    if register.description(on: processor.capabilities) != nil {
      write(register.encoding, value)
    }
  }

  package mutating func read(_ register: ExceptionRegister) -> UInt64 {
    switch register {
    case .elr: elr
    case .spsr: spsr
    case .esr: esr
    case .far: far
    case .vbar: vbar
    case .contextidr: contextIDR
    case .sctlr, .gcscr: 0
    }
  }

  package mutating func write(_ register: ExceptionRegister, _ value: UInt64) {
    switch register {
    case .elr: elr = value
    case .spsr: spsr = value
    case .esr: esr = value
    case .far: far = value
    case .vbar, .sctlr, .gcscr, .contextidr: break
    }
  }

  /// The operands of the exclusive at PC, for which see `Operation.encoding`.
  package mutating func read(_ register: GeneralRegister) -> UInt64 {
    guard case .x(let n) = register else { return 0 }
    switch (program[pc], n) {
    case (.loadExclusive(let address, _, _), 1), (.storeExclusive(let address, _, _, _), 1):
      return address
    case (.storeExclusive(_, _, _, let value), 5): return value
    case (.storeExclusive(_, _, _, let value), 6): return ~value
    default: return x[n]
    }
  }

  /// The status of a store-exclusive at PC, which EL2 has completed.
  package mutating func write(_ register: GeneralRegister, _ value: UInt64) {
    guard register == .x(4), case .storeExclusive = program[pc] else { return }
    storeStatus = value
    storeOutcomes.append(value == 0)
    transcript.append(.executed(pc))
  }

  package mutating func setDebugTraps(_ on: Bool) { tde = on }
  package mutating func setVirtualInterruptsWithheld(_ on: Bool) { withheld = on }
  package mutating func setWaitTraps(_ on: Bool) { trapsWaits = on }
  package mutating func synchronize() {}
  package mutating func fetchInstruction(at pc: UInt64) -> UInt32? {
    isReadable ? program[pc]?.encoding : nil
  }

  package mutating func load(
    _ size: UInt64, at address: UInt64, from el: ExceptionLevel
  ) -> ExclusiveValue? {
    ExclusiveValue(
      low: memory.read(address, size: min(size, 8)),
      high: size > 8 ? memory.read(address + 8, size: size - 8) : 0)
  }

  package mutating func compareAndExchange(_ store: ExclusiveStore) -> ExclusiveStoreOutcome {
    guard load(store.size, at: store.address, from: store.el) == store.expected else {
      return .differs
    }
    memory.write(store.address, size: min(store.size, 8), store.replacement.low)
    if store.size > 8 {
      memory.write(store.address + 8, size: store.size - 8, store.replacement.high)
    }
    return .stored
  }
}
