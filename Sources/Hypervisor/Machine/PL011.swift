/// The registers of a PL011 (Arm DDI 0183, 3.2) that EL2 uses: the raw value is the offset.
enum PL011: UInt {
  /// UARTDR, data.
  case dr = 0x000
  /// UARTFR, flags.
  case fr = 0x018
  /// UARTPeriphID0 and UARTPeriphID1, which hold the part number.
  case periphID0 = 0xfe0
  case periphID1 = 0xfe4

  /// UARTFR.
  struct Flags: FlagSet {
    var rawValue: UInt32

    /// TXFF: the transmit FIFO is full.
    static var txff: Self { Self(rawValue: 1 << 5) }
  }

  /// The part number of a PL011, from UARTPeriphID0 and the low half of UARTPeriphID1.
  static func isPartNumber(_ periphID0: UInt32, _ periphID1: UInt32) -> Bool {
    periphID0 & 0xff | (periphID1 & 0xf) << 8 == 0x011
  }
}
