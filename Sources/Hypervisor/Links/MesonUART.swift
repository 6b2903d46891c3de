/// The UART of Amlogic's Meson family (Linux's drivers/tty/serial/meson_uart.c).
///
/// Its interrupt is an edge on every board: one line for both directions, which must go down before it can come up
/// again. So both are seen to until neither wants anything (``SerialPort``).
struct MesonUART<Registers: DeviceRegisters>: UART {
  private enum Register: UInt {
    case wfifo = 0x00
    case rfifo = 0x04
    case control = 0x08
    case status = 0x0c
    case misc = 0x10
  }

  private enum Control {
    static var transmitEnable: UInt32 { 1 << 12 }
    static var receiveEnable: UInt32 { 1 << 13 }
    static var clearErrors: UInt32 { 1 << 24 }
    static var receiveInterrupt: UInt32 { 1 << 27 }
    static var transmitInterrupt: UInt32 { 1 << 28 }
  }

  private enum Status {
    static var parity: UInt32 { 1 << 16 }
    static var frame: UInt32 { 1 << 17 }
    static var overrun: UInt32 { 1 << 18 }
    static var receiveEmpty: UInt32 { 1 << 20 }
    static var transmitFull: UInt32 { 1 << 21 }
  }

  let registers: Registers

  private func read(_ register: Register) -> UInt32 { registers.read32(register.rawValue) }
  private func write(_ register: Register, _ value: UInt32) {
    registers.write32(register.rawValue, value)
  }

  mutating func start() {
    let control =
      read(.control) & ~(Control.receiveInterrupt | Control.transmitInterrupt)
      | Control.transmitEnable | Control.receiveEnable
    write(.control, control)
    clearErrors()
    // An interrupt at the first character, for there is none at a timeout, and one at 32 left to send.
    write(.misc, read(.misc) & ~0xffff | 32 << 8 | 1)
    write(.control, control | Control.receiveInterrupt)
  }

  private func clearErrors() {
    let control = read(.control)
    write(.control, control | Control.clearErrors)
    write(.control, control & ~Control.clearErrors)
  }

  /// Nothing is latched but the errors.
  mutating func acknowledge() {}

  mutating func receive() -> Reception? {
    let status = read(.status)
    var errors = LineErrors.none
    if status & Status.overrun != 0 { errors.insert(.overrun) }
    if status & Status.frame != 0 { errors.insert(.framing) }
    if status & Status.parity != 0 { errors.insert(.parity) }
    if !errors.isEmpty { clearErrors() }
    guard status & Status.receiveEmpty == 0 else {
      return errors.isEmpty ? nil : Reception(nil, errors)
    }
    let character = UInt8(truncatingIfNeeded: read(.rfifo))
    if errors.contains(.framing), character == 0 {
      errors.remove(.framing)
      errors.insert(.break)
    }
    return Reception(character, errors)
  }

  mutating func transmit(_ character: UInt8) -> Bool {
    guard read(.status) & Status.transmitFull == 0 else { return false }
    write(.wfifo, UInt32(character))
    return true
  }

  mutating func stop() {
    write(
      .control, read(.control) & ~(Control.receiveInterrupt | Control.transmitInterrupt))
  }

  mutating func setTransmitInterrupt(_ isOn: Bool) {
    let control = read(.control) & ~Control.transmitInterrupt
    write(.control, isOn ? control | Control.transmitInterrupt : control)
  }
}
