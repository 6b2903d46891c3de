/// The UART of the i.MX (i.MX 8M Plus reference manual, chapter "UART"; Linux's drivers/tty/serial/imx.c).
///
/// A read of URXD while the receiver is off is a bus error. So the receiver is turned on first, and URXD is read
/// only where there is a character.
struct IMXUART<Registers: DeviceRegisters>: UART {
  private enum Register: UInt {
    case urxd = 0x00
    case utxd = 0x40
    case ucr1 = 0x80
    case ucr2 = 0x84
    case ucr3 = 0x88
    case ucr4 = 0x8c
    case ufcr = 0x90
    case usr1 = 0x94
    case usr2 = 0x98
    case uts = 0xb4
  }

  private enum Control {
    // UCR1.
    static var uarten: UInt32 { 1 << 0 }
    static var rrdyen: UInt32 { 1 << 9 }
    static var trdyen: UInt32 { 1 << 13 }
    // UCR2.
    static var srst: UInt32 { 1 << 0 }
    static var rxen: UInt32 { 1 << 1 }
    static var txen: UInt32 { 1 << 2 }
    static var aten: UInt32 { 1 << 3 }
    static var rtsen: UInt32 { 1 << 4 }
    static var ws: UInt32 { 1 << 5 }
    static var escen: UInt32 { 1 << 11 }
    static var irts: UInt32 { 1 << 14 }
    static var esci: UInt32 { 1 << 15 }
    // UCR3: the multiplexed input, without which nothing is received, and the interrupts of modem, DTR,
    // parity, framing, RXDS, AIRINT and AWAKE.
    static var rxdmuxsel: UInt32 { 1 << 2 }
    static var ucr3Interrupts: UInt32 {
      1 << 13 | 1 << 12 | 1 << 11 | 1 << 9 | 1 << 8 | 1 << 6 | 1 << 5 | 1 << 4
    }
    // UCR4: OREN, and the interrupts beside it: DREN, BKEN, TCEN, WKEN and ENIRI, and IDDMAEN.
    static var oren: UInt32 { 1 << 1 }
    static var ucr4Others: UInt32 { 1 << 0 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 7 | 1 << 8 }
    // USR2.
    static var rdr: UInt32 { 1 << 0 }
    static var ore: UInt32 { 1 << 1 }
    static var brcd: UInt32 { 1 << 2 }
    // UTS.
    static var txfull: UInt32 { 1 << 4 }
  }

  let registers: Registers
  /// The receive FIFO has overrun, and nobody was told yet.
  private var hasOverrun = false

  init(_ registers: Registers) { self.registers = registers }

  private func read(_ register: Register) -> UInt32 { registers.read32(register.rawValue) }
  private func write(_ register: Register, _ value: UInt32) {
    registers.write32(register.rawValue, value)
  }

  mutating func start() {
    write(.ucr1, Control.uarten)
    // SRST is active low. The other side's RTS is ignored: a line that has none must not stop the link.
    let line = read(.ucr2) & ~(Control.aten | Control.rtsen | Control.escen | Control.esci)
    write(.ucr2, line | Control.srst | Control.rxen | Control.txen | Control.ws | Control.irts)
    write(.ucr3, read(.ucr3) & ~Control.ucr3Interrupts | Control.rxdmuxsel)
    write(.ucr4, read(.ucr4) & ~Control.ucr4Others | Control.oren)
    // RXTL = 1, an interrupt at the first character; RFDIV beside it is the rate's.
    write(.ufcr, read(.ufcr) & ~0x3f | 1)
    write(.usr2, Control.ore | Control.brcd)
    write(.ucr1, Control.uarten | Control.rrdyen)
  }

  mutating func acknowledge() {
    // What is latched in USR1 is cleared by writing 1; RRDY and TRDY are levels.
    write(.usr1, read(.usr1))
    let status = read(.usr2)
    if status & Control.ore != 0 { hasOverrun = true }
    write(.usr2, status & (Control.ore | Control.brcd))
  }

  mutating func receive() -> Reception? {
    guard read(.usr2) & Control.rdr != 0 else {
      guard hasOverrun else { return nil }
      hasOverrun = false
      return Reception(nil, .overrun)
    }
    let data = read(.urxd)
    var errors = hasOverrun ? LineErrors.overrun : .none
    hasOverrun = false
    // OVRRUN, BRK, FRMERR and PRERR, which count where ERR is set.
    if data & 1 << 14 != 0 {
      if data & 1 << 13 != 0 { errors.insert(.overrun) }
      if data & 1 << 11 != 0 {
        errors.insert(.break)
      } else {
        if data & 1 << 12 != 0 { errors.insert(.framing) }
        if data & 1 << 10 != 0 { errors.insert(.parity) }
      }
    }
    return Reception(UInt8(truncatingIfNeeded: data), errors)
  }

  mutating func transmit(_ character: UInt8) -> Bool {
    guard read(.uts) & Control.txfull == 0 else { return false }
    write(.utxd, UInt32(character))
    return true
  }

  func enableTransmitter() {
    let line = read(.ucr2)
    if line & (Control.txen | Control.srst) != Control.txen | Control.srst {
      write(.ucr2, line | Control.txen | Control.srst)
    }
    let control = read(.ucr1)
    if control & Control.uarten == 0 { write(.ucr1, control | Control.uarten) }
  }

  mutating func stop() { write(.ucr1, Control.uarten) }

  mutating func setTransmitInterrupt(_ isOn: Bool) {
    let receive = Control.uarten | Control.rrdyen
    write(.ucr1, isOn ? receive | Control.trdyen : receive)
  }
}
