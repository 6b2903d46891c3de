/// NXP's LPUART with registers of 32 bits, as in Layerscape and i.MX 7ULP, 8ULP, 8QXP, 93 and 95 (Linux's
/// drivers/tty/serial/fsl_lpuart.c). The one with registers of 8 bits is on no arm64 board.
struct LPUART<Registers: DeviceRegisters>: UART {
  enum Variant: Equatable, Sendable {
    /// Big-endian, as in LS1021A and LS1043A.
    case bigEndian
    /// Little-endian, as in LS1028A.
    case littleEndian
    /// Little-endian, with all registers 16 bytes further on, as in the i.MX.
    case shifted
  }

  private enum Register: UInt {
    case stat = 0x04
    case ctrl = 0x08
    case data = 0x0c
    case fifo = 0x18
    case water = 0x1c
  }

  private enum Stat {
    static var overrun: UInt32 { 1 << 19 }
    static var receiveFull: UInt32 { 1 << 21 }
    static var transmitEmpty: UInt32 { 1 << 23 }
    /// IDLE, OR, NF, FE and PF, which a write of 1 clears.
    static var latched: UInt32 { 0x1f << 16 }
    /// What of the register is no status: it must keep its value.
    static var configuration: UInt32 { 0x3e00_0000 }
  }

  private enum Control {
    static var receiveEnable: UInt32 { 1 << 18 }
    static var transmitEnable: UInt32 { 1 << 19 }
    static var receiveInterrupt: UInt32 { 1 << 21 }
    static var transmitInterrupt: UInt32 { 1 << 23 }
    static var overrunInterrupt: UInt32 { 1 << 27 }
    /// All interrupts.
    static var interrupts: UInt32 { 0xf << 24 | 0xf << 20 | 0b11 << 14 }
  }

  private enum FIFO {
    static var receiveEnable: UInt32 { 1 << 3 }
    static var transmitEnable: UInt32 { 1 << 7 }
    static var receiveFlush: UInt32 { 1 << 14 }
  }

  let registers: Registers
  let variant: Variant
  /// The transmit FIFO's depth, or 1 without one.
  private var depth: UInt32 = 1

  init(_ registers: Registers, variant: Variant) {
    self.registers = registers
    self.variant = variant
  }

  private func read(_ register: Register) -> UInt32 {
    switch variant {
    case .bigEndian: registers.read32(register.rawValue).byteSwapped
    case .littleEndian: registers.read32(register.rawValue)
    case .shifted: registers.read32(register.rawValue &+ 0x10)
    }
  }

  private func write(_ register: Register, _ value: UInt32) {
    switch variant {
    case .bigEndian: registers.write32(register.rawValue, value.byteSwapped)
    case .littleEndian: registers.write32(register.rawValue, value)
    case .shifted: registers.write32(register.rawValue &+ 0x10, value)
    }
  }

  mutating func start() {
    let control = read(.ctrl) & ~Control.interrupts
    let fifo = read(.fifo)
    let enabled = FIFO.receiveEnable | FIFO.transmitEnable
    if fifo & enabled != enabled {
      // The FIFOs are turned on only while receiver and transmitter are off.
      write(.ctrl, control & ~(Control.receiveEnable | Control.transmitEnable))
      write(.fifo, fifo & ~0x3_ff00 | enabled | FIFO.receiveFlush)
    }
    // RDRF is set above the receive mark, TDRE at or below the transmit mark.
    write(.water, 0)
    depth = transmitDepth
    write(.stat, read(.stat) & Stat.configuration | Stat.latched)
    write(
      .ctrl,
      control | Control.receiveEnable | Control.transmitEnable | Control.receiveInterrupt
        | Control.overrunInterrupt)
  }

  private var transmitDepth: UInt32 {
    let fifo = read(.fifo)
    guard fifo & FIFO.transmitEnable != 0 else { return 1 }
    // Layerscape's registers do not tell its depth.
    guard variant == .shifted else { return 16 }
    let size = (fifo &>> 4) & 0b111
    return size == 0 ? 1 : 1 &<< (size &+ 1)
  }

  /// The latched flags are cleared as they are found.
  mutating func acknowledge() {}

  mutating func receive() -> Reception? {
    let status = read(.stat)
    var errors = LineErrors.none
    if status & Stat.overrun != 0 { errors.insert(.overrun) }
    if status & Stat.latched != 0 {
      write(.stat, status & Stat.configuration | status & Stat.latched)
    }
    guard status & Stat.receiveFull != 0 else {
      return errors.isEmpty ? nil : Reception(nil, errors)
    }
    let data = read(.data)
    let character = UInt8(truncatingIfNeeded: data)
    // FRETSC and PARITYE of this character.
    if data & 1 << 13 != 0 {
      errors.insert(character == 0 ? .break : .framing)
    } else if data & 1 << 14 != 0 {
      errors.insert(.parity)
    }
    return Reception(character, errors)
  }

  mutating func transmit(_ character: UInt8) -> Bool {
    if depth > 1 {
      guard (read(.water) &>> 8) & 0xff < depth else { return false }
    } else {
      guard read(.stat) & Stat.transmitEmpty != 0 else { return false }
    }
    write(.data, UInt32(character))
    return true
  }

  mutating func stop() { write(.ctrl, read(.ctrl) & ~Control.interrupts) }

  mutating func setTransmitInterrupt(_ isOn: Bool) {
    let control = read(.ctrl) & ~Control.transmitInterrupt
    write(.ctrl, isOn ? control | Control.transmitInterrupt : control)
  }
}
