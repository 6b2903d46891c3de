/// A UART with the registers of a 16550, in one of the variants that arm64 boards have.
///
/// Line control is never written: a DesignWare UART that is busy ignores the write, and a rate is behind one of its
/// bits. Linux's drivers/tty/serial/8250 is where the variants' differences are known from.
struct NS16550<Registers: DeviceRegisters>: UART {
  enum Variant: Equatable, Sendable {
    /// ns16550a and what is like it.
    case plain
    /// Freescale's: 64 characters deep.
    case freescale
    /// snps,dw-apb-uart.
    case designWare
    /// mediatek,mt6577-uart.
    case mediaTek
    /// ti,am654-uart and the UARTs of the OMAPs.
    case omap
    /// nvidia,tegra20-uart.
    case tegra
    /// brcm,bcm2835-aux-uart, the mini-UART.
    case miniUART
  }

  private enum Register {
    /// RBR to read, THR to write.
    static var data: UInt { 0 }
    static var ier: UInt { 1 }
    /// IIR to read, FCR to write.
    static var iir: UInt { 2 }
    static var fcr: UInt { 2 }
    static var lcr: UInt { 3 }
    static var mcr: UInt { 4 }
    static var lsr: UInt { 5 }
    static var msr: UInt { 6 }

    // By the variants, and as offsets in bytes.
    static var designWareUSR: UInt { 0x7c }
    static var designWareCPR: UInt { 0xf4 }
    static var mediaTekEscape: UInt { 0x44 }
    static var mediaTekDMA: UInt { 0x4c }
    static var mediaTekEFR: UInt { 0x98 }
    static var omapSCR: UInt { 0x40 }
    static var omapReceiveLevel: UInt { 0x64 }
    static var omapEFR2: UInt { 0x8c }
    static var omapTimeoutLow: UInt { 0x98 }
    static var omapTimeoutHigh: UInt { 0x9c }
    static var miniControl: UInt { 0x20 }
  }

  private struct LineStatus: FlagSet {
    var rawValue: UInt32

    /// DR: the receive FIFO has a character.
    static var dr: Self { Self(rawValue: 1 << 0) }
    static var oe: Self { Self(rawValue: 1 << 1) }
    static var pe: Self { Self(rawValue: 1 << 2) }
    static var fe: Self { Self(rawValue: 1 << 3) }
    static var bi: Self { Self(rawValue: 1 << 4) }
    /// THRE: the transmit FIFO is empty; of a mini-UART, that it is not full.
    static var thre: Self { Self(rawValue: 1 << 5) }
    /// A character in the FIFO has an error.
    static var fifoe: Self { Self(rawValue: 1 << 7) }
  }

  let registers: Registers
  let variant: Variant
  /// By how much the registers' numbers are shifted to become offsets: `reg-shift`.
  let shift: UInt
  /// The registers are accessed by 32 bits: `reg-io-width`.
  let isWide: Bool
  /// The error flags of a line status that was read for another reason: reading it clears them.
  private var pendingErrors = LineStatus.none
  /// How many characters the transmit FIFO takes when it is empty.
  private var depth = 1
  /// How many it takes now at least.
  private var credit = 0

  init(_ registers: Registers, variant: Variant, shift: UInt, isWide: Bool) {
    self.registers = registers
    self.variant = variant
    self.shift = shift
    self.isWide = isWide
  }

  private func readAt(_ offset: UInt) -> UInt32 {
    isWide ? registers.read32(offset) : UInt32(registers.read8(offset))
  }

  private func writeAt(_ offset: UInt, _ value: UInt32) {
    if isWide {
      registers.write32(offset, value)
    } else {
      registers.write8(offset, UInt8(truncatingIfNeeded: value))
    }
  }

  private func read(_ register: UInt) -> UInt32 { readAt(register &<< shift) & 0xff }
  private func write(_ register: UInt, _ value: UInt32) { writeAt(register &<< shift, value) }

  /// IER while there is nothing to send. A Tegra tells of what is below the trigger level by an interrupt of its own
  /// (RTOIE, bit 4); a mini-UART wants bit 2 besides. The line status interrupt is not used: errors are found at the
  /// next character, and on some parts a break would raise it once for each character that it takes.
  private var receiveInterrupt: UInt32 {
    switch variant {
    case .tegra: 0b1_0001
    case .miniUART: 0b101
    default: 0b1
    }
  }

  mutating func start() {
    write(Register.ier, 0)
    switch variant {
    case .mediaTek: startMediaTek()
    // Granularity as it is at reset, and no DMA.
    case .omap: writeAt(Register.omapSCR, 0)
    case .miniUART: writeAt(Register.miniControl, 0b11)
    default: break
    }
    // DTR, RTS and OUT2, which on some machines lets the interrupt out; no loop back.
    write(Register.mcr, read(Register.mcr) & ~(1 << 4) | 0b1011)
    // FIFOs on, the receive FIFO emptied, an interrupt at the first character.
    write(Register.fcr, 0b11)
    depth = fifoDepth
    pendingErrors = .none
    _ = readLineStatus()
    pendingErrors = .none
    write(Register.ier, receiveInterrupt)
  }

  private var fifoDepth: Int {
    // Bits [7:6] of IIR say that there are FIFOs and that they are on.
    guard read(Register.iir) & 0xc0 == 0xc0 else { return 1 }
    switch variant {
    case .designWare:
      // FIFO_MODE, in units of 16; 0 where the register is not there.
      let mode = (readAt(Register.designWareCPR) &>> 16) & 0xff
      return mode == 0 || mode > 0x80 ? 16 : Int(mode) &* 16
    case .omap: return 64
    // One less: the last place is lost to an erratum.
    case .freescale: return 63
    // Of 32, only as much as the trigger level leaves.
    case .tegra: return 8
    // Bit 5 of its LSR only says that there is room for one.
    case .miniUART: return 1
    default: return 16
    }
  }

  /// No DMA, and no software flow control, which would take XON and XOFF out of what the debugger sends.
  private func startMediaTek() {
    writeAt(Register.mediaTekDMA, 0)
    writeAt(Register.mediaTekEscape, 0)
    // EFR is there while LCR is 0xbf, which is no rate's.
    let line = read(Register.lcr)
    write(Register.lcr, 0xbf)
    writeAt(Register.mediaTekEFR, readAt(Register.mediaTekEFR) & ~0xcf)
    write(Register.lcr, line)
  }

  mutating func acknowledge() {
    let cause = read(Register.iir) & 0x3f
    switch variant {
    case .designWare:
      // Busy detect: cleared by a read of USR.
      if cause & 0xf == 0x7 { _ = readAt(Register.designWareUSR) }
      if cause == 0xc { endTimeoutWithoutData() }
    case .omap:
      if cause == 0xc, readAt(Register.omapReceiveLevel) & 0xff == 0 { endStuckTimeout() }
    default: break
    }
    // A change of the modem's lines is acknowledged by a read of MSR.
    if cause & 0xf == 0 { _ = read(Register.msr) }
  }

  /// A DesignWare UART may raise its timeout with an empty FIFO, again and again until RBR is read.
  private mutating func endTimeoutWithoutData() {
    let status = readLineStatus()
    if !status.contains(.dr), !status.contains(.bi) { _ = read(Register.data) }
  }

  /// The timeout of a K3 may stay raised with an empty FIFO (i2310): one that is as long as can be ends it.
  private func endStuckTimeout() {
    let mode = readAt(Register.omapEFR2)
    let low = readAt(Register.omapTimeoutLow)
    let high = readAt(Register.omapTimeoutHigh)
    writeAt(Register.omapTimeoutLow, 0xff)
    writeAt(Register.omapTimeoutHigh, 0xff)
    writeAt(Register.omapEFR2, 1 << 6)
    _ = read(Register.iir)
    writeAt(Register.omapEFR2, mode)
    writeAt(Register.omapTimeoutLow, low)
    writeAt(Register.omapTimeoutHigh, high)
  }

  /// The line status, whose errors are kept for the next character.
  private mutating func readLineStatus() -> LineStatus {
    let status = LineStatus(rawValue: read(Register.lsr))
    pendingErrors.insert(status.intersection(LineStatus(rawValue: 0b1_1110)))
    return status
  }

  mutating func receive() -> Reception? {
    let status = readLineStatus()
    // RBR is read only where there is a character: of an empty FIFO the read may be a bus error.
    let character =
      status.contains(.dr) ? UInt8(truncatingIfNeeded: read(Register.data)) : nil
    if character == nil, status.contains(.fifoe), variant != .miniUART {
      // The FIFO says that it holds a bad character, and holds none.
      write(Register.fcr, 0b11)
    }
    let errors = lineErrors(pendingErrors)
    pendingErrors = .none
    return character == nil && errors.isEmpty ? nil : Reception(character, errors)
  }

  private func lineErrors(_ status: LineStatus) -> LineErrors {
    var errors = LineErrors.none
    if status.contains(.oe) { errors.insert(.overrun) }
    if status.contains(.bi) {
      errors.insert(.break)
    } else {
      if status.contains(.pe) { errors.insert(.parity) }
      if status.contains(.fe) { errors.insert(.framing) }
    }
    return errors
  }

  mutating func transmit(_ character: UInt8) -> Bool {
    if credit == 0 {
      guard readLineStatus().contains(.thre) else { return false }
      credit = depth
    }
    credit &-= 1
    write(Register.data, UInt32(character))
    return true
  }

  mutating func stop() { write(Register.ier, 0) }

  mutating func setTransmitInterrupt(_ isOn: Bool) {
    write(Register.ier, isOn ? receiveInterrupt | 0b10 : receiveInterrupt)
  }
}
