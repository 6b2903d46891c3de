package import ArmDebug
package import NestedDebug

/// The model as the engine's hardware.
extension ModelCore: DebugHardware {
  package mutating func read(_ register: DebugRegister) -> UInt64 {
    guard let encoding = register.description(on: .model)?.encoding else { return 0 }
    return read(encoding)
  }

  package mutating func write(_ register: DebugRegister, _ value: UInt64) {
    guard let encoding = register.description(on: .model)?.encoding else { return }
    write(encoding, value)
  }

  package mutating func read(_ register: ExceptionRegister) -> UInt64 {
    switch register {
    case .elr: elr
    case .spsr: spsr
    case .esr: esr
    case .far: far
    case .vbar: vbar
    case .sctlr, .gcscr: 0
    }
  }

  package mutating func write(_ register: ExceptionRegister, _ value: UInt64) {
    switch register {
    case .elr: elr = value
    case .spsr: spsr = value
    case .esr: esr = value
    case .far: far = value
    case .vbar, .sctlr, .gcscr: break
    }
  }

  package mutating func read(_ register: GeneralRegister) -> UInt64 {
    switch register {
    case .x(let n): x[n]
    case .spEL0: spEL0
    case .spEL1: spEL1
    }
  }

  package mutating func write(_ register: GeneralRegister, _ value: UInt64) {
    if case .x(let n) = register { x[n] = value }
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
    func word(_ bytes: Range<UInt64>) -> UInt64 {
      bytes.reversed().reduce(0) { $0 << 8 | UInt64(memory[address + $1] ?? 0) }
    }
    return ExclusiveValue(low: word(0..<min(size, 8)), high: size > 8 ? word(8..<size) : 0)
  }

  package mutating func compareAndExchange(_ store: ExclusiveStore) -> ExclusiveStoreOutcome {
    guard load(store.size, at: store.address, from: store.el) == store.expected else {
      return .differs
    }
    for byte in 0..<store.size {
      let word = byte < 8 ? store.replacement.low : store.replacement.high
      memory[store.address + byte] = UInt8(truncatingIfNeeded: word >> (byte % 8 * 8))
    }
    return .stored
  }
}

extension DebugCapabilities {
  /// Six breakpoints, two of them context-aware; four watchpoints; FEAT_DoubleLock.
  package static let model = DebugCapabilities(dfr0: 0x1030_5106)
}

extension ExceptionFeatures {
  /// A processor of Armv8.0.
  package static let none = ExceptionFeatures(pfr0: 0, pfr1: 0, mmfr1: 0, dfr1: 0)
}
