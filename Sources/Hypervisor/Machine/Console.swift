internal import EL2Support
internal import RemoteProtocol

/// The PL011 (Arm DDI 0183) that the guest uses as its console too. EL2 writes to it before the guest
/// runs and when something is beyond repair. In between, the UART is the guest's alone.
struct Console: TextOutput {
  /// Physical address of the UART's registers, or 0 while none is known.
  private let base: UInt

  init(pl011 base: UInt64) { self.base = UInt(base) }

  /// Whether there is a UART to write to.
  var isPresent: Bool { base != 0 }

  @inline(never)
  mutating func write(_ byte: UInt8) {
    guard base != 0 else { return }
    if byte == UInt8(ascii: "\n") { send(UInt8(ascii: "\r")) }
    send(byte)
  }

  private func send(_ byte: UInt8) {
    // Bounded, because a UART that is switched off stays full for ever, and the last words of a
    // dying hypervisor must not keep the other cores from being stopped.
    var patience = 1_000_000
    while patience > 0 && PL011.Flags(rawValue: read(.fr)).contains(.txff) { patience &-= 1 }
    // The base is that of the PL011 which the device tree names, or that was found by its identification.
    unsafe el2_mmio_write32(base &+ PL011.dr.rawValue, UInt32(byte))
  }

  private func read(_ register: PL011) -> UInt32 {
    unsafe el2_mmio_read32(base &+ register.rawValue)
  }
}

/// A console for when there is no device tree to say where one is: the PL011 of QEMU's `virt`
/// machine, if its PrimeCell identification says that it is there. On any other machine the read may
/// fault; EL2 is about to halt anyway, and nothing is lost by it.
func consoleOfLastResort() -> Console {
  let base: UInt = 0x0900_0000
  let isPL011 = PL011.isPartNumber(
    unsafe el2_mmio_read32(base &+ PL011.periphID0.rawValue),
    unsafe el2_mmio_read32(base &+ PL011.periphID1.rawValue))
  return Console(pl011: isPL011 ? UInt64(base) : 0)
}
