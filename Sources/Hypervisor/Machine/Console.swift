internal import EL2Support
internal import RemoteProtocol

/// The UART that the guest uses as its console too. EL2 writes to it before the guest runs and when something is
/// beyond repair. In between, the UART is the guest's alone.
///
/// It is written as whoever had it last has left it, but for a transmitter that is off, and without an interrupt.
struct Console: TextOutput {
  private let uart: UARTDescription
  /// Whether there is a UART to write to.
  let isPresent: Bool

  init(_ uart: UARTDescription?) {
    self.uart = uart ?? UARTDescription(family: .pl011, base: 0)
    isPresent = uart != nil
  }

  /// Makes sure that what is written leaves the UART. Before the guest runs, once.
  func start() {
    guard isPresent else { return }
    SerialUART(uart, MappedRegisters(base: UInt(uart.base))).enableTransmitter()
  }

  @inline(never)
  mutating func write(_ byte: UInt8) {
    guard isPresent else { return }
    var device = SerialUART(uart, MappedRegisters(base: UInt(uart.base)))
    if byte == UInt8(ascii: "\n") { Self.send(UInt8(ascii: "\r"), to: &device) }
    Self.send(byte, to: &device)
  }

  private static func send(_ byte: UInt8, to device: inout SerialUART<MappedRegisters>) {
    // Bounded, because a UART that is switched off stays full for ever, and the last words of a
    // dying hypervisor must not keep the other cores from being stopped.
    var patience = 1_000_000
    while patience > 0 && !device.transmit(byte) { patience &-= 1 }
  }
}

/// A console for when there is no device tree to say where one is: the PL011 of QEMU's `virt`
/// machine, if its PrimeCell identification says that it is there. On any other machine the read may
/// fault; EL2 is about to halt anyway, and nothing is lost by it.
func consoleOfLastResort() -> Console {
  let base: UInt = 0x0900_0000
  let registers = MappedRegisters(base: base)
  let isPL011 = PL011.isPartNumber(
    registers.read32(PL011.periphID0.rawValue), registers.read32(PL011.periphID1.rawValue))
  return Console(isPL011 ? UARTDescription(family: .pl011, base: UInt64(base)) : nil)
}
