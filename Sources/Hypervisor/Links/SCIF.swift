/// Renesas' SCIF and HSCIF (Linux's drivers/tty/serial/sh-sci.c).
///
/// The status flags are cleared by reading them as 1 and then writing 0; a write of 1 leaves a flag as it is. After
/// an overrun nothing more is received until its flag is cleared.
struct SCIF<Registers: DeviceRegisters>: UART {
  enum Variant: Equatable, Sendable {
    /// 16 characters deep, with registers at multiples of 4.
    case scif
    /// HSCIF: 128 characters deep.
    case hscif
    /// The same as ``scif``, with registers at multiples of 2, as in RZ/G2L and RZ/V2H.
    case compact
  }

  private enum Control {
    static var transmitInterrupt: UInt16 { 1 << 7 }
    static var receiveInterrupt: UInt16 { 1 << 6 }
    static var transmitEnable: UInt16 { 1 << 5 }
    static var receiveEnable: UInt16 { 1 << 4 }
    static var errorInterrupt: UInt16 { 1 << 3 }
    /// The clock that the rate is made from.
    static var clock: UInt16 { 0b11 }
  }

  private enum Status {
    static var dr: UInt16 { 1 << 0 }
    static var rdf: UInt16 { 1 << 1 }
    static var per: UInt16 { 1 << 2 }
    static var fer: UInt16 { 1 << 3 }
    static var brk: UInt16 { 1 << 4 }
    static var tdfe: UInt16 { 1 << 5 }
    static var er: UInt16 { 1 << 7 }
  }

  let registers: Registers
  let variant: Variant

  private var isCompact: Bool { variant == .compact }
  private var scscr: UInt { isCompact ? 0x04 : 0x08 }
  private var tdr: UInt { isCompact ? 0x06 : 0x0c }
  private var scfsr: UInt { isCompact ? 0x08 : 0x10 }
  private var rdr: UInt { isCompact ? 0x0a : 0x14 }
  private var scfcr: UInt { isCompact ? 0x0c : 0x18 }
  /// Characters in the FIFOs: the receive FIFO's below the transmit FIFO's.
  private var scfdr: UInt { isCompact ? 0x0e : 0x1c }
  private var sclsr: UInt { isCompact ? 0x12 : 0x24 }
  /// Trigger level of an HSCIF's receive FIFO.
  private var hsrtrgr: UInt { 0x54 }

  private var depth: UInt16 { variant == .hscif ? 128 : 16 }
  private var countMask: UInt16 { variant == .hscif ? 0xff : 0x1f }

  private var received: UInt16 { registers.read16(scfdr) & countMask }
  private var unsent: UInt16 { (registers.read16(scfdr) &>> 8) & countMask }

  /// Clears flags, which the caller must have read as 1 or not care for.
  private func clear(_ flags: UInt16) {
    _ = registers.read16(scfsr)
    registers.write16(scfsr, ~flags)
  }

  mutating func start() {
    let enabled =
      registers.read16(scscr) & Control.clock | Control.transmitEnable | Control.receiveEnable
    registers.write16(scscr, enabled)
    // A trigger level of one character, and no loop back (bit 0) or FIFO reset (bits 1 and 2).
    registers.write16(scfcr, registers.read16(scfcr) & ~0xc7)
    if variant == .hscif { registers.write16(hsrtrgr, 1) }
    clear(Status.er | Status.brk | Status.rdf | Status.dr)
    clearOverrun()
    registers.write16(scscr, enabled | Control.receiveInterrupt | Control.errorInterrupt)
  }

  /// - Returns: whether there was one.
  @discardableResult
  private func clearOverrun() -> Bool {
    let status = registers.read16(sclsr)
    guard status & 1 != 0 else { return false }
    registers.write16(sclsr, status & ~1)
    return true
  }

  /// What is latched goes as the FIFO is emptied.
  mutating func acknowledge() {}

  mutating func receive() -> Reception? {
    var errors = clearOverrun() ? LineErrors.overrun : .none
    let status = registers.read16(scfsr)
    // FER and PER are of the character that is read next; a break has one of zeros.
    if status & Status.brk != 0 {
      errors.insert(.break)
    } else {
      if status & Status.fer != 0 { errors.insert(.framing) }
      if status & Status.per != 0 { errors.insert(.parity) }
    }
    if status & (Status.er | Status.brk) != 0 { clear(Status.er | Status.brk) }
    var count = received
    if count == 0 {
      // The flags that hold the interrupt. A character that comes before they are cleared would be left, so the
      // count is looked at once more.
      clear(Status.rdf | Status.dr)
      count = received
    }
    guard count > 0 else { return errors.isEmpty ? nil : Reception(nil, errors) }
    return Reception(registers.read8(rdr), errors)
  }

  mutating func transmit(_ character: UInt8) -> Bool {
    guard unsent < depth else { return false }
    registers.write8(tdr, character)
    clear(Status.tdfe)
    return true
  }

  mutating func stop() {
    let interrupts =
      Control.transmitInterrupt | Control.receiveInterrupt | Control.errorInterrupt
    registers.write16(scscr, registers.read16(scscr) & ~interrupts)
  }

  mutating func setTransmitInterrupt(_ isOn: Bool) {
    let control = registers.read16(scscr) & ~Control.transmitInterrupt
    registers.write16(scscr, isOn ? control | Control.transmitInterrupt : control)
  }
}
