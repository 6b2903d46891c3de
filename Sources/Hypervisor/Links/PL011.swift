/// The registers of a PL011 (Arm DDI 0183, 3.2) that EL2 uses: the raw value is the offset. An SBSA UART (Arm DEN
/// 0029, "Generic UART") has `dr`, `fr` and the interrupt registers, and no other.
enum PL011: UInt {
  /// UARTDR, data; receive errors in bits [11:8].
  case dr = 0x000
  /// UARTFR, flags.
  case fr = 0x018
  /// UARTLCR_H, line control.
  case lcrh = 0x02c
  /// UARTCR, control.
  case cr = 0x030
  /// UARTIFLS, FIFO levels.
  case ifls = 0x034
  /// UARTIMSC, interrupt mask.
  case imsc = 0x038
  /// UARTMIS, masked interrupt status.
  case mis = 0x040
  /// UARTICR, interrupt clear.
  case icr = 0x044
  /// UARTDMACR, DMA control.
  case dmacr = 0x048
  /// UARTPeriphID0 and UARTPeriphID1, which hold the part number.
  case periphID0 = 0xfe0
  case periphID1 = 0xfe4

  /// UARTFR.
  struct Flags: FlagSet {
    var rawValue: UInt32

    /// BUSY: a character is on its way out.
    static var busy: Self { Self(rawValue: 1 << 3) }
    /// RXFE: the receive FIFO is empty.
    static var rxfe: Self { Self(rawValue: 1 << 4) }
    /// TXFF: the transmit FIFO is full.
    static var txff: Self { Self(rawValue: 1 << 5) }
  }

  /// UARTIMSC, UARTMIS and UARTICR.
  struct Interrupts: FlagSet {
    var rawValue: UInt32

    /// RX: the receive FIFO has come up to its level.
    static var rx: Self { Self(rawValue: 1 << 4) }
    /// TX: the transmit FIFO has gone down to its level.
    static var tx: Self { Self(rawValue: 1 << 5) }
    /// RT: the receive FIFO has something, and nothing more came for 32 bit times.
    static var rt: Self { Self(rawValue: 1 << 6) }
    /// All of them, the modem's and the errors' included.
    static var all: Self { Self(rawValue: 0x7ff) }
  }

  /// The part number of a PL011, from UARTPeriphID0 and the low half of UARTPeriphID1.
  static func isPartNumber(_ periphID0: UInt32, _ periphID1: UInt32) -> Bool {
    periphID0 & 0xff | (periphID1 & 0xf) << 8 == 0x011
  }
}

/// A PL011 or an SBSA UART.
///
/// RX is raised when the FIFO comes up to its level, and only then, so what is below it needs RT. Both are cleared
/// before the FIFO is emptied. After that the FIFO is below its level, and the next character raises one of them.
struct PL011UART<Registers: DeviceRegisters>: UART {
  let registers: Registers
  /// An SBSA UART has no control registers, and is accessed by 32 bits.
  let isSBSA: Bool
  /// The bus takes accesses of 32 bits, not those of 16 that the PL011 is made for.
  let isWide: Bool

  private func read(_ register: PL011) -> UInt32 {
    isWide ? registers.read32(register.rawValue) : UInt32(registers.read16(register.rawValue))
  }

  private func write(_ register: PL011, _ value: UInt32) {
    if isWide {
      registers.write32(register.rawValue, value)
    } else {
      registers.write16(register.rawValue, UInt16(truncatingIfNeeded: value))
    }
  }

  mutating func start() {
    write(.imsc, 0)
    if !isSBSA {
      write(.dmacr, 0)
      enable()
      // The receive interrupt at an eighth of the FIFO, the transmit interrupt at a half: an overrun is as far away
      // as it can be.
      write(.ifls, 0b000_010)
    }
    write(.icr, PL011.Interrupts.all.rawValue)
    write(.imsc, PL011.Interrupts.rx.rawValue | PL011.Interrupts.rt.rawValue)
  }

  /// Turns UART and FIFOs on. UARTLCR_H is only written while the UART is off and the last character is out (3.3.8),
  /// and a write to it leaves the divisors at what they are (3.3.7).
  private func enable() {
    let fifoEnable: UInt32 = 1 << 4
    let line = read(.lcrh)
    if line & fifoEnable == 0 {
      var patience = 100_000
      while patience > 0 && PL011.Flags(rawValue: read(.fr)).contains(.busy) { patience &-= 1 }
      write(.cr, 0)
      // Eight data bits where firmware has not used the UART at all.
      write(.lcrh, (line == 0 ? 0b11 << 5 : line) | fifoEnable)
    }
    // UARTEN, TXE, RXE, and no loop back (LBE).
    write(.cr, read(.cr) & ~(1 << 7) | 1 << 9 | 1 << 8 | 1)
  }

  mutating func stop() { write(.imsc, 0) }

  mutating func acknowledge() { write(.icr, PL011.Interrupts.all.rawValue) }

  mutating func receive() -> Reception? {
    guard !PL011.Flags(rawValue: read(.fr)).contains(.rxfe) else { return nil }
    let data = read(.dr)
    var errors = LineErrors.none
    // OE, BE, PE and FE of this character.
    if data & 1 << 11 != 0 { errors.insert(.overrun) }
    if data & 1 << 10 != 0 {
      errors.insert(.break)
    } else {
      if data & 1 << 9 != 0 { errors.insert(.parity) }
      if data & 1 << 8 != 0 { errors.insert(.framing) }
    }
    return Reception(UInt8(truncatingIfNeeded: data), errors)
  }

  mutating func transmit(_ character: UInt8) -> Bool {
    guard !PL011.Flags(rawValue: read(.fr)).contains(.txff) else { return false }
    write(.dr, UInt32(character))
    return true
  }

  mutating func setTransmitInterrupt(_ isOn: Bool) {
    let receive = PL011.Interrupts.rx.rawValue | PL011.Interrupts.rt.rawValue
    write(.imsc, isOn ? receive | PL011.Interrupts.tx.rawValue : receive)
  }
}
