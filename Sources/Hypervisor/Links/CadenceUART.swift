/// A Cadence UART, as in Zynq and ZynqMP (Zynq UltraScale+ registers reference UG1087, module UART; Linux's
/// drivers/tty/serial/xilinx_uartps.c).
///
/// The interrupt status is latched. It is cleared before the FIFO is emptied, and the trigger level of 1 latches it
/// again with the next character.
struct CadenceUART<Registers: DeviceRegisters>: UART {
  private enum Register: UInt {
    case control = 0x00
    case interruptEnable = 0x08
    case interruptDisable = 0x0c
    case interruptStatus = 0x14
    case receiveTimeout = 0x1c
    case receiveTrigger = 0x20
    case channelStatus = 0x2c
    case fifo = 0x30
    /// Of the next character, in revision r1p12.
    case receiveByteStatus = 0x48
  }

  private struct Interrupts: FlagSet {
    var rawValue: UInt32

    /// RTRIG: the receive FIFO is at its trigger level.
    static var receiveTrigger: Self { Self(rawValue: 1 << 0) }
    /// TEMPTY: the transmit FIFO is empty.
    static var transmitEmpty: Self { Self(rawValue: 1 << 3) }
    static var overrun: Self { Self(rawValue: 1 << 5) }
    static var framing: Self { Self(rawValue: 1 << 6) }
    static var parity: Self { Self(rawValue: 1 << 7) }
    static var timeout: Self { Self(rawValue: 1 << 8) }
    static var all: Self { Self(rawValue: 0x3fff) }
  }

  private struct Status: FlagSet {
    var rawValue: UInt32

    static var receiveEmpty: Self { Self(rawValue: 1 << 1) }
    static var transmitFull: Self { Self(rawValue: 1 << 4) }
  }

  let registers: Registers
  /// Revision r1p12, which says of each character how it came.
  let tellsOfEachCharacter: Bool
  /// Latched errors that are not told yet.
  private var pendingErrors = LineErrors.none

  init(_ registers: Registers, tellsOfEachCharacter: Bool) {
    self.registers = registers
    self.tellsOfEachCharacter = tellsOfEachCharacter
  }

  private func read(_ register: Register) -> UInt32 { registers.read32(register.rawValue) }
  private func write(_ register: Register, _ value: UInt32) {
    registers.write32(register.rawValue, value)
  }

  private var receiveInterrupts: UInt32 {
    Interrupts.receiveTrigger.rawValue | Interrupts.timeout.rawValue | Interrupts.overrun.rawValue
  }

  mutating func start() {
    write(.interruptDisable, Interrupts.all.rawValue)
    // TX_EN and RX_EN, and neither TX_DIS nor RX_DIS, which come before them.
    write(.control, 1 << 4 | 1 << 2)
    write(.receiveTrigger, 1)
    // In units of four bit times.
    write(.receiveTimeout, 10)
    write(.interruptStatus, Interrupts.all.rawValue)
    write(.interruptEnable, receiveInterrupts)
  }

  mutating func acknowledge() {
    let status = read(.interruptStatus)
    write(.interruptStatus, status)
    note(Interrupts(rawValue: status))
  }

  private mutating func note(_ status: Interrupts) {
    if status.contains(.overrun) { pendingErrors.insert(.overrun) }
    if tellsOfEachCharacter { return }
    if status.contains(.framing) { pendingErrors.insert(.framing) }
    if status.contains(.parity) { pendingErrors.insert(.parity) }
  }

  mutating func receive() -> Reception? {
    let isEmpty = Status(rawValue: read(.channelStatus)).contains(.receiveEmpty)
    guard !isEmpty else {
      guard !pendingErrors.isEmpty else { return nil }
      defer { pendingErrors = .none }
      return Reception(nil, pendingErrors)
    }
    // Before the character: the read of the FIFO goes on to the next one.
    let byteStatus = tellsOfEachCharacter ? read(.receiveByteStatus) : 0
    let character = UInt8(truncatingIfNeeded: read(.fifo))
    var errors = pendingErrors
    pendingErrors = .none
    if byteStatus & 0b100 != 0 {
      errors.insert(.break)
    } else {
      if byteStatus & 0b10 != 0 { errors.insert(.framing) }
      if byteStatus & 0b1 != 0 { errors.insert(.parity) }
    }
    guard !tellsOfEachCharacter else { return Reception(character, errors) }
    // The latched errors are of one of the characters, and nothing says of which. A break is one of zeros. A
    // bad character that is handed on spoils its packet's checksum.
    if errors.contains(.framing), character == 0 {
      errors.remove(.framing)
      errors.insert(.break)
      return Reception(nil, errors)
    }
    var reception = Reception(character)
    reception.errors = errors
    return reception
  }

  mutating func transmit(_ character: UInt8) -> Bool {
    guard !Status(rawValue: read(.channelStatus)).contains(.transmitFull) else { return false }
    write(.fifo, UInt32(character))
    return true
  }

  func enableTransmitter() {
    // TX_EN and TX_DIS, which comes before it.
    let control = read(.control)
    guard control & (1 << 5 | 1 << 4) != 1 << 4 else { return }
    write(.control, control & ~(1 << 5) | 1 << 4)
  }

  mutating func stop() { write(.interruptDisable, Interrupts.all.rawValue) }

  mutating func setTransmitInterrupt(_ isOn: Bool) {
    write(
      isOn ? .interruptEnable : .interruptDisable, Interrupts.transmitEmpty.rawValue)
  }
}
