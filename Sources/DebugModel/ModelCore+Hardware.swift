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

  package mutating func setDebugTraps(_ on: Bool) { tde = on }
  package mutating func setVirtualInterruptsWithheld(_ on: Bool) { withheld = on }
  package mutating func setWaitTraps(_ on: Bool) { trapsWaits = on }
  package mutating func synchronize() {}
  package mutating func fetchInstruction(at pc: UInt64) -> UInt32? {
    isReadable ? program[pc]?.encoding : nil
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
