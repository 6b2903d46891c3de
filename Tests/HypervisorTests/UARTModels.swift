@testable import Hypervisor

// MARK: - Cadence

/// The interrupt status is latched, and written with 1 to clear.
final class CadenceModel: UARTModel {
  let isR1P12: Bool
  private var enabled: UInt32 = 0
  private var status: UInt32 = 0
  private var control: UInt32 = 0x28
  private var trigger: UInt32 = 32

  init(isR1P12: Bool) {
    self.isR1P12 = isR1P12
    super.init(depth: 64)
  }

  override var receives: Bool { control & 0b1100 == 0b100 }
  override var isInterrupting: Bool { status & enabled != 0 }
  override func overrun() { status |= 1 << 5 }
  override func arrived() {
    if receiveFIFO.count >= Int(trigger) { status |= 1 }
    if let errors = receiveFIFO.last?.errors {
      if errors.contains(.parity) { status |= 1 << 7 }
      if errors.contains(.framing) || errors.contains(.break) { status |= 1 << 6 }
    }
  }
  override func pause() { if !receiveFIFO.isEmpty { status |= 1 << 8 } }
  override func sent() { if transmitFIFO.isEmpty { status |= 1 << 3 } }

  override func read(_ offset: UInt, _ size: Int) -> UInt32 {
    precondition(size == 4)
    switch offset {
    case 0x00: return control
    case 0x14: return status
    case 0x2c:
      return (receiveFIFO.isEmpty ? 2 : 0) | (transmitFIFO.count == transmitDepth ? 1 << 4 : 0)
    case 0x30: return UInt32(takeReceived()?.byte ?? 0)
    case 0x48:
      precondition(isR1P12)
      guard let errors = receiveFIFO.first?.errors else { return 0 }
      return errors.bit(.parity) | (errors.bit(.framing) | errors.bit(.break)) << 1
        | errors.bit(.break) << 2
    default: return 0
    }
  }

  override func write(_ offset: UInt, _ size: Int, _ value: UInt32) {
    precondition(size == 4 && offset != 0x18 && offset != 0x34, "the rate is firmware's")
    switch offset {
    case 0x00: control = value
    case 0x08: enabled |= value
    case 0x0c: enabled &= ~value
    case 0x14: status &= ~value
    case 0x20: trigger = value
    case 0x30:
      put(UInt8(truncatingIfNeeded: value))
      precondition(control & 0b11_0000 == 0b1_0000)
    default: break
    }
  }
}

// MARK: - i.MX

/// URXD is a bus error while the receiver is off; the FIFO's interrupts are levels.
final class IMXModel: UARTModel {
  private var registers: [UInt: UInt32] = [
    // As firmware leaves a UART that it has given a rate: reset state, ignoring RTS, with RFDIV.
    0x80: 0, 0x84: 0x0001, 0x88: 0x700, 0x8c: 0x8000, 0x90: 0x0a01, 0xa4: 0x0f, 0xa8: 0x15c,
  ]
  private var hasOverrun = false

  init() { super.init(depth: 32) }

  private var isOn: Bool {
    registers[0x80, default: 0] & 1 != 0 && registers[0x84, default: 0] & 3 == 3
  }
  override var receives: Bool { isOn && registers[0x88, default: 0] & 4 != 0 }
  override var isInterrupting: Bool {
    let ucr1 = registers[0x80, default: 0]
    return ucr1 & 1 << 9 != 0 && receiveFIFO.count >= Int(registers[0x90, default: 0] & 0x3f)
      || ucr1 & 1 << 13 != 0 && transmitFIFO.count < Int(registers[0x90, default: 0] >> 10)
      || hasOverrun && registers[0x8c, default: 0] & 2 != 0
  }
  override func overrun() { hasOverrun = true }

  override func read(_ offset: UInt, _ size: Int) -> UInt32 {
    precondition(size == 4)
    switch offset {
    case 0:
      precondition(isOn, "URXD is read while the receiver is off: a bus error")
      guard let next = takeReceived() else { return 0 }
      let errors = next.errors
      return UInt32(next.byte) | 1 << 15 | (errors.isEmpty ? 0 : 1 << 14)
        | (errors.bit(.framing) | errors.bit(.break)) << 12 | errors.bit(.break) << 11
        | errors.bit(.parity) << 10
    case 0x98: return (receiveFIFO.isEmpty ? 0 : 1) | (hasOverrun ? 2 : 0)
    case 0xb4:
      return (transmitFIFO.count == transmitDepth ? 1 << 4 : 0) | (receiveFIFO.isEmpty ? 1 << 5 : 0)
    default: return registers[offset, default: 0]
    }
  }

  override func write(_ offset: UInt, _ size: Int, _ value: UInt32) {
    precondition(size == 4)
    precondition(offset != 0xa4 && offset != 0xa8, "the rate is firmware's")
    switch offset {
    case 0x40:
      precondition(
        registers[0x80, default: 0] & 1 == 1 && registers[0x84, default: 0] & 0b101 == 0b101,
        "the transmitter is off")
      put(UInt8(truncatingIfNeeded: value))
    case 0x98: if value & 2 != 0 { hasOverrun = false }
    case 0x90:
      precondition(value >> 7 & 7 == registers[0x90, default: 0] >> 7 & 7, "RFDIV is the rate's")
      registers[offset] = value
    default: registers[offset] = value
    }
  }
}

// MARK: - Meson

final class MesonModel: UARTModel {
  private var control: UInt32 = 0
  private var misc: UInt32 = 0xffff
  private var errors: UInt32 = 0

  init() { super.init(depth: 64) }

  override var receives: Bool { control & 1 << 13 != 0 }
  override var isInterrupting: Bool {
    control & 1 << 27 != 0 && receiveFIFO.count >= Int(misc & 0xff)
      || control & 1 << 28 != 0 && transmitFIFO.count < Int(misc >> 8 & 0xff)
  }
  override func overrun() { errors |= 1 << 18 }
  override func arrived() {
    guard let last = receiveFIFO.last?.errors else { return }
    if last.contains(.parity) { errors |= 1 << 16 }
    if last.contains(.framing) || last.contains(.break) { errors |= 1 << 17 }
  }

  override func read(_ offset: UInt, _ size: Int) -> UInt32 {
    precondition(size == 4)
    switch offset {
    case 4: return UInt32(takeReceived()?.byte ?? 0)
    case 8: return control
    case 0xc:
      return errors | (receiveFIFO.isEmpty ? 1 << 20 : 0)
        | (transmitFIFO.count == transmitDepth ? 1 << 21 : 0) | (transmitFIFO.isEmpty ? 1 << 22 : 0)
    case 0x10: return misc
    default: return 0
    }
  }

  override func write(_ offset: UInt, _ size: Int, _ value: UInt32) {
    precondition(size == 4 && offset != 0x14, "the rate is firmware's")
    switch offset {
    case 0:
      precondition(control & 1 << 12 != 0)
      put(UInt8(truncatingIfNeeded: value))
    case 8:
      if value & 1 << 24 != 0 { errors = 0 }
      control = value
    case 0x10: misc = value
    default: break
    }
  }
}

// MARK: - SCIF

/// A flag is cleared by a write of 0 after a read of 1, and after an overrun nothing is received any more.
final class SCIFModel: UARTModel {
  let isCompact: Bool
  private var control: UInt32 = 0b10
  private var fifoControl: UInt32 = 0x30
  private var trigger: UInt32
  private var flags: UInt32 = 0x60
  private var readAsOne: UInt32 = 0
  private var hasOverrun = false

  init(_ family: UARTFamily) {
    isCompact = family == .compactSCIF
    trigger = 8
    super.init(depth: family == .hscif ? 128 : 16)
  }

  private func name(_ offset: UInt) -> String {
    let names = ["smr", "brr", "scr", "tdr", "sr", "rdr", "fcr", "fdr", "sptr", "lsr"]
    let index = isCompact ? Int(offset / 2) : Int(offset / 4)
    if offset == 0x54 { return "rtrgr" }
    precondition(index < names.count && offset % (isCompact ? 2 : 4) == 0)
    return names[index]
  }

  override var receives: Bool { control & 1 << 4 != 0 && !hasOverrun }
  override var isInterrupting: Bool {
    control & 1 << 6 != 0 && flags & 3 != 0 || control & 1 << 7 != 0 && flags & 1 << 5 != 0
      || control & 0b100_1000 != 0 && (flags & 0x90 != 0 || hasOverrun)
  }
  override func overrun() { hasOverrun = true }
  private var level: Int { depth == 128 ? Int(trigger) : fifoControl & 0xc0 == 0 ? 1 : 8 }
  override func arrived() {
    if receiveFIFO.count >= level { flags |= 2 }
    guard let errors = receiveFIFO.last?.errors else { return }
    if errors.contains(.break) { flags |= 1 << 4 }
    if errors.contains(.framing) || errors.contains(.parity) { flags |= 1 << 7 }
  }
  override func pause() { if !receiveFIFO.isEmpty { flags |= 1 } }
  override func sent() { flags |= 1 << 5 | (transmitFIFO.isEmpty ? 1 << 6 : 0) }

  override func read(_ offset: UInt, _ size: Int) -> UInt32 {
    switch name(offset) {
    case "scr": return control
    case "sr":
      var value = flags
      if let errors = receiveFIFO.first?.errors {
        value |= errors.bit(.framing) << 3 | errors.bit(.parity) << 2
      }
      readAsOne |= value
      precondition(size == 2)
      return value
    case "rdr":
      precondition(size == 1)
      return UInt32(takeReceived()?.byte ?? 0)
    case "fcr": return fifoControl
    case "fdr": return UInt32(receiveFIFO.count) | UInt32(transmitFIFO.count) << 8
    case "lsr": return hasOverrun ? 1 : 0
    default: return 0
    }
  }

  override func write(_ offset: UInt, _ size: Int, _ value: UInt32) {
    switch name(offset) {
    case "smr", "brr": preconditionFailure("the rate is firmware's")
    case "scr":
      precondition(value & 3 == control & 3, "the clock is the rate's")
      control = value
    case "tdr":
      precondition(size == 1 && control & 1 << 5 != 0)
      put(UInt8(truncatingIfNeeded: value))
    case "sr":
      let cleared = ~value & readAsOne
      flags &= ~cleared
      readAsOne &= ~cleared
      // Cleared while its cause is still there, a flag is set again.
      if receiveFIFO.count >= level { flags |= 2 }
      if transmitFIFO.count <= transmitDepth / 2 { flags |= 1 << 5 }
    case "fcr": fifoControl = value
    case "rtrgr": trigger = value
    case "lsr": if value & 1 == 0 { hasOverrun = false }
    default: break
    }
  }
}

// MARK: - LPUART

final class LPUARTModel: UARTModel {
  let variant: UARTFamily
  private var control: UInt32 = 0
  private var fifo: UInt32 = 0b011 << 4 | 0b011
  private var water: UInt32 = 0x0008_0008
  private var latched: UInt32 = 0
  private let configuration: UInt32 = 0x1000_0000

  init(_ variant: UARTFamily) {
    self.variant = variant
    super.init(depth: 16)
  }

  override var receives: Bool { control & 1 << 18 != 0 }
  private var receiveFull: Bool {
    fifo & 8 != 0 ? receiveFIFO.count > Int(water >> 16 & 0xff) : !receiveFIFO.isEmpty
  }
  private var transmitEmpty: Bool {
    fifo & 0x80 != 0 ? transmitFIFO.count <= Int(water & 0xff) : transmitFIFO.isEmpty
  }
  override var isInterrupting: Bool {
    control & 1 << 21 != 0 && receiveFull || control & 1 << 23 != 0 && transmitEmpty
      || control & 1 << 27 != 0 && latched & 1 << 19 != 0
  }
  override func overrun() { latched |= 1 << 19 }
  override func arrived() {
    guard let errors = receiveFIFO.last?.errors else { return }
    if errors.contains(.break) || errors.contains(.framing) { latched |= 1 << 17 }
    if errors.contains(.parity) { latched |= 1 << 16 }
  }

  private func ordered(_ value: UInt32) -> UInt32 {
    variant == .bigEndianLPUART ? value.byteSwapped : value
  }

  override func read(_ offset: UInt, _ size: Int) -> UInt32 {
    precondition(size == 4)
    let offset = variant == .shiftedLPUART ? offset - 0x10 : offset
    switch offset {
    case 4:
      return ordered(
        latched | configuration | (receiveFull ? 1 << 21 : 0) | (transmitEmpty ? 1 << 23 : 0))
    case 8: return ordered(control)
    case 0xc:
      guard let next = takeReceived() else { return ordered(1 << 12) }
      return ordered(
        UInt32(next.byte) | next.errors.bit(.parity) << 14
          | (next.errors.bit(.framing) | next.errors.bit(.break)) << 13)
    case 0x18: return ordered(fifo)
    case 0x1c:
      return ordered(
        water & 0x00ff_00ff | UInt32(transmitFIFO.count) << 8 | UInt32(receiveFIFO.count) << 24)
    default: return 0
    }
  }

  override func write(_ offset: UInt, _ size: Int, _ value: UInt32) {
    precondition(size == 4)
    let offset = variant == .shiftedLPUART ? offset - 0x10 : offset
    let value = ordered(value)
    switch offset {
    case 0: preconditionFailure("the rate is firmware's")
    case 4:
      precondition(value & 0x3e00_0000 == configuration, "STAT's configuration must stay")
      latched &= ~value
    case 8: control = value
    case 0xc:
      precondition(control & 1 << 19 != 0)
      put(UInt8(truncatingIfNeeded: value))
    case 0x18:
      precondition(control & 0xc_0000 == 0, "FIFOs change only while both sides are off")
      fifo = value & 0xff
    case 0x1c: water = value
    default: break
    }
  }
}
