import ArmDebug
import NestedDebug

/// Registers that remember in which order they were used.
struct RecordingHardware: DebugHardware, GuestProcessor {
  enum Event: Equatable {
    case write(DebugRegister, UInt64)
    case traps(Bool)
    case withheld(Bool)
    case waits(Bool)
    case synchronize
    case exchange(ExclusiveStore)
  }

  var events: [Event] = []
  /// What the registers hold, RES0 bits and all.
  var values: [DebugRegister: UInt64] = [.oslsr: 0b1010]
  var exceptionRegisters: [ExceptionRegister: UInt64] = [:]
  var generalRegisters: [GeneralRegister: UInt64] = [:]
  var instruction: UInt32?
  /// What every load finds, and what becomes of every store.
  var loaded: ExclusiveValue?
  var storeOutcome = ExclusiveStoreOutcome.impossible
  private(set) var traps = false

  /// The guest's or firmware's values in every register.
  static func filled(osLock: Bool) -> RecordingHardware {
    var hardware = RecordingHardware()
    for n in 0..<6 {
      hardware.values[.dbgbvr(n)] = 0x1000 + UInt64(n) * 4
      hardware.values[.dbgbcr(n)] = 0x1E4 | UInt64(n & 1)
    }
    for n in 0..<4 {
      hardware.values[.dbgwvr(n)] = 0x4000 + UInt64(n) * 8
      hardware.values[.dbgwcr(n)] = 0x1FFE | UInt64(n & 1)
    }
    hardware.values[.mdscr] = 0xB001
    hardware.values[.mdccint] = 0x6000_0000
    hardware.values[.oslsr] = osLock ? 0b1010 : 0b1000
    hardware.values[.osdlr] = osLock ? 1 : 0
    return hardware
  }

  mutating func read(_ register: DebugRegister) -> UInt64 { values[register] ?? 0 }

  mutating func write(_ register: DebugRegister, _ value: UInt64) {
    events.append(.write(register, value))
    store(register, value)
  }

  /// What a write comes to, by whomever: the external debugger's fields of MDSCR_EL1 are read-only
  /// unless the OS Lock is set.
  mutating func store(_ register: DebugRegister, _ value: UInt64) {
    switch register {
    case .oslar:
      values[.oslsr] = value & 1 == 1 ? 0b1010 : 0b1000
    case .oseccr where values[.oslsr] != 0b1010:
      break
    case .dbgclaimset:
      values[.dbgclaimclr, default: 0] |= value
    case .dbgclaimclr:
      values[.dbgclaimclr, default: 0] &= ~value
    case .mdscr where values[.oslsr] != 0b1010:
      let kept = MDSCR.maskWhenLocked & ~MDSCR.mask
      values[.mdscr] = (values[.mdscr] ?? 0) & kept | value & ~kept
    default:
      values[register] = value
    }
  }

  mutating func read(_ register: ExceptionRegister) -> UInt64 { exceptionRegisters[register] ?? 0 }
  mutating func write(_ register: ExceptionRegister, _ value: UInt64) {
    exceptionRegisters[register] = value
  }
  mutating func read(_ register: GeneralRegister) -> UInt64 { generalRegisters[register] ?? 0 }
  mutating func write(_ register: GeneralRegister, _ value: UInt64) {
    generalRegisters[register] = value
  }
  mutating func setDebugTraps(_ on: Bool) {
    events.append(.traps(on))
    traps = on
  }
  mutating func setVirtualInterruptsWithheld(_ on: Bool) { events.append(.withheld(on)) }
  mutating func setWaitTraps(_ on: Bool) { events.append(.waits(on)) }
  mutating func synchronize() { events.append(.synchronize) }
  mutating func fetchInstruction(at pc: UInt64) -> UInt32? { instruction }
  mutating func load(
    _ size: UInt64, at address: UInt64, from el: ExceptionLevel
  ) -> ExclusiveValue? { loaded }
  mutating func compareAndExchange(_ store: ExclusiveStore) -> ExclusiveStoreOutcome {
    events.append(.exchange(store))
    return storeOutcome
  }
}
