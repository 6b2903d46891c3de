internal import EL2Support

/// The registers of one device in memory, as its driver sees them. The real ones are ``MappedRegisters``; the
/// tests have a model of each device. Offsets are in bytes, and aligned to the size of the access.
protocol DeviceRegisters {
  func read8(_ offset: UInt) -> UInt8
  func read16(_ offset: UInt) -> UInt16
  func read32(_ offset: UInt) -> UInt32
  func write8(_ offset: UInt, _ value: UInt8)
  func write16(_ offset: UInt, _ value: UInt16)
  func write32(_ offset: UInt, _ value: UInt32)
}

/// Registers at a physical address, which EL2 maps one to one as Device memory.
struct MappedRegisters: DeviceRegisters {
  let base: UInt

  // The base is that of a device that the device tree names, and its page is mapped; the offsets are those of
  // the device's registers.
  func read8(_ offset: UInt) -> UInt8 { unsafe el2_mmio_read8(base &+ offset) }
  func read16(_ offset: UInt) -> UInt16 { unsafe el2_mmio_read16(base &+ offset) }
  func read32(_ offset: UInt) -> UInt32 { unsafe el2_mmio_read32(base &+ offset) }
  func write8(_ offset: UInt, _ value: UInt8) { unsafe el2_mmio_write8(base &+ offset, value) }
  func write16(_ offset: UInt, _ value: UInt16) { unsafe el2_mmio_write16(base &+ offset, value) }
  func write32(_ offset: UInt, _ value: UInt32) { unsafe el2_mmio_write32(base &+ offset, value) }
}

/// What can go wrong on a serial line.
struct LineErrors: FlagSet {
  var rawValue: UInt8

  /// Characters came while the receive FIFO was full, and are lost.
  static var overrun: Self { Self(rawValue: 1 << 0) }
  /// A character had no stop bit.
  static var framing: Self { Self(rawValue: 1 << 1) }
  /// A character had a wrong parity bit.
  static var parity: Self { Self(rawValue: 1 << 2) }
  /// The line was held low for longer than a character takes.
  static var `break`: Self { Self(rawValue: 1 << 3) }

  /// Whether a character that came with these errors is not what was sent.
  var spoilCharacter: Bool {
    !intersection(Self(rawValue: ~LineErrors.overrun.rawValue)).isEmpty
  }

  var isEmpty: Bool { rawValue == 0 }
}

/// What a receive FIFO had next: a character, errors, or a character that came with errors.
struct Reception: Equatable {
  var character: UInt8?
  var errors = LineErrors.none

  /// A character that came as it was sent, or did not.
  init(_ character: UInt8?, _ errors: LineErrors = .none) {
    self.character = errors.spoilCharacter ? nil : character
    self.errors = errors
  }
}

/// A UART that carries the debug link, as ``SerialPort`` drives it. No call waits, and each makes a small and bounded
/// number of accesses.
///
/// The line's rate, its format and the device's clock and pins stay as firmware left them: EL2 does not know the
/// clock's frequency.
protocol UART {
  /// Takes the device over from firmware: the receiver and the transmitter are on, the receive interrupt is
  /// enabled, and no other.
  mutating func start()

  /// Acknowledges what the device latches of its interrupts. The caller must empty the receive FIFO afterwards: an
  /// interrupt that is raised when a level is crossed does not come again for what is above it.
  mutating func acknowledge()

  /// What the receive FIFO has next; nil if it is empty and there are no errors to tell. An error is told once.
  mutating func receive() -> Reception?

  /// Gives the transmitter a character.
  ///
  /// - Returns: false if it takes none now.
  mutating func transmit(_ character: UInt8) -> Bool

  /// Enables or disables the interrupt for room in the transmit FIFO. The caller must have filled the FIFO before
  /// it enables it, and must try to fill it once more afterwards: a device may raise it only when a level is crossed.
  mutating func setTransmitInterrupt(_ isOn: Bool)

  /// Disables all interrupts of the device.
  mutating func stop()

  /// Turns the transmitter on where whoever had the device last has left it off, and changes nothing else: for a
  /// message where nobody has used the device yet.
  func enableTransmitter()
}

extension UART {
  /// Nothing, for a device that firmware does not leave off.
  func enableTransmitter() {}
}
