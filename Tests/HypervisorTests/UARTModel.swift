@testable import Hypervisor

/// A UART's device end and the line's other end, as the tests see every model.
///
/// The models are written from the manuals and from what Linux's drivers rely on, and share no code with the drivers.
/// Each keeps its own rules and refuses with a precondition what its hardware answers with a bus error.
class UARTModel: DeviceRegisters {
  /// A character as it lies in the receive FIFO.
  struct Character {
    var byte: UInt8
    var errors = LineErrors.none
  }

  let depth: Int
  let transmitDepth: Int
  private(set) var receiveFIFO: [Character] = []
  private(set) var transmitFIFO: [UInt8] = []
  /// What has gone out on the line.
  private(set) var line: [UInt8] = []
  /// Characters that came while the receive FIFO was full.
  private(set) var lost = 0
  /// Called at each access of the driver's: what happens at the same time.
  var meanwhile: () -> Void = {}
  private var isMeanwhile = false
  private(set) var accesses = 0

  init(depth: Int, transmitDepth: Int? = nil) {
    self.depth = depth
    self.transmitDepth = transmitDepth ?? depth
  }

  // MARK: The line

  /// Whether the receiver takes what comes.
  var receives: Bool { true }

  /// A character arrives.
  func arrive(_ byte: UInt8, _ errors: LineErrors = .none) {
    guard receives else { return }
    guard receiveFIFO.count < depth else {
      lost += 1
      overrun()
      return
    }
    receiveFIFO.append(Character(byte: byte, errors: errors))
    arrived()
  }

  func arrive(_ text: String) { for byte in text.utf8 { arrive(byte) } }

  /// The other end holds the line low.
  func sendBreak() { arrive(0, .break) }

  /// So long goes by that a device with a receive timeout has it.
  func pause() {}

  /// The transmitter sends up to so many characters.
  func send(_ count: Int) {
    for _ in 0..<min(count, transmitFIFO.count) {
      line.append(transmitFIFO.removeFirst())
      sent()
    }
  }

  var lineText: String { String(decoding: line, as: UTF8.self) }

  // MARK: What each model does

  /// Whether the device holds its interrupt line.
  var isInterrupting: Bool { fatalError("each model says") }

  /// A character found the FIFO full.
  func overrun() {}
  /// A character came into the FIFO.
  func arrived() {}
  /// A character has left for the line.
  func sent() {}

  // MARK: For the models

  func takeReceived() -> Character? { receiveFIFO.isEmpty ? nil : receiveFIFO.removeFirst() }
  func clearReceived() { receiveFIFO = [] }
  func markLast(_ errors: LineErrors) {
    guard !receiveFIFO.isEmpty else { return }
    receiveFIFO[receiveFIFO.count - 1].errors.insert(errors)
  }

  func put(_ byte: UInt8) {
    precondition(transmitFIFO.count < transmitDepth, "the driver wrote to a full transmit FIFO")
    transmitFIFO.append(byte)
  }

  func read(_ offset: UInt, _ size: Int) -> UInt32 { fatalError("each model says") }
  func write(_ offset: UInt, _ size: Int, _ value: UInt32) { fatalError("each model says") }

  private func happen() {
    accesses += 1
    guard !isMeanwhile else { return }
    isMeanwhile = true
    meanwhile()
    isMeanwhile = false
  }

  func read8(_ offset: UInt) -> UInt8 {
    happen()
    return UInt8(truncatingIfNeeded: read(offset, 1))
  }
  func read16(_ offset: UInt) -> UInt16 {
    happen()
    return UInt16(truncatingIfNeeded: read(offset, 2))
  }
  func read32(_ offset: UInt) -> UInt32 {
    happen()
    return read(offset, 4)
  }
  func write8(_ offset: UInt, _ value: UInt8) {
    happen()
    write(offset, 1, UInt32(value))
  }
  func write16(_ offset: UInt, _ value: UInt16) {
    happen()
    write(offset, 2, UInt32(value))
  }
  func write32(_ offset: UInt, _ value: UInt32) {
    happen()
    write(offset, 4, value)
  }
}

extension LineErrors {
  /// One of the flags, as 1 or 0.
  func bit(_ error: LineErrors) -> UInt32 { contains(error) ? 1 : 0 }
}

// MARK: - PL011 and SBSA UART

/// RX and TX are raised where a level is crossed, and stay until they are cleared or the other side of the level is
/// reached (DDI 0183, 2.8).
final class PL011Model: UARTModel {
  let isSBSA: Bool
  private var registers: [UInt: UInt32] = [:]
  private var raw: UInt32 = 0
  private var hasOverrun = false

  init(isSBSA: Bool = false, lineControl: UInt32 = 0x70) {
    self.isSBSA = isSBSA
    super.init(depth: 16)
    registers[0x2c] = lineControl
    registers[0x30] = 0x301
    registers[0x34] = 0b010_010
  }

  private var hasFIFO: Bool { isSBSA || registers[0x2c, default: 0] & 0x10 != 0 }
  override var receives: Bool { isSBSA || registers[0x30, default: 0] & 0x201 == 0x201 }

  private var receiveLevel: Int {
    guard hasFIFO else { return 1 }
    return switch (registers[0x34, default: 0] >> 3) & 7 {
    case 0: 2
    case 1: 4
    case 2: 8
    case 3: 12
    default: 14
    }
  }

  override var isInterrupting: Bool { raw & registers[0x38, default: 0] != 0 }

  override func overrun() { hasOverrun = true }
  override func arrived() {
    if receiveFIFO.count == receiveLevel { raw |= 1 << 4 }
    if hasOverrun { hasOverrun = false; markLast(.overrun) }
  }
  override func pause() {
    if !receiveFIFO.isEmpty { raw |= 1 << 6 }
  }
  override func sent() {
    if transmitFIFO.count == transmitDepth / 2 { raw |= 1 << 5 }
  }

  override func read(_ offset: UInt, _ size: Int) -> UInt32 {
    precondition(size == 4 || !isSBSA && size == 2)
    switch offset {
    case 0:
      guard let next = takeReceived() else { return 0 }
      if receiveFIFO.count < receiveLevel { raw &= ~(1 << 4) }
      if receiveFIFO.isEmpty { raw &= ~(1 << 6) }
      return UInt32(next.byte) | next.errors.bit(.overrun) << 11 | next.errors.bit(.break) << 10
        | next.errors.bit(.parity) << 9
        | (next.errors.bit(.framing) | next.errors.bit(.break)) << 8
    case 0x18:
      return (receiveFIFO.isEmpty ? 1 << 4 : 0) | (transmitFIFO.count == transmitDepth ? 1 << 5 : 0)
        | (transmitFIFO.isEmpty ? 0 : 1 << 3)
    case 0x40: return raw & registers[0x38, default: 0]
    case 0x38: return registers[offset, default: 0]
    default:
      precondition(!isSBSA, "an SBSA UART has no register at \(offset)")
      return registers[offset, default: 0]
    }
  }

  override func write(_ offset: UInt, _ size: Int, _ value: UInt32) {
    precondition(size == 4 || !isSBSA && size == 2)
    switch offset {
    case 0:
      put(UInt8(truncatingIfNeeded: value))
      if transmitFIFO.count > transmitDepth / 2 { raw &= ~(1 << 5) }
    case 0x44: raw &= ~value
    case 0x38: registers[offset] = value
    default:
      precondition(!isSBSA, "an SBSA UART has no register at \(offset)")
      if offset == 0x2c {
        precondition(registers[0x30, default: 0] & 1 == 0, "UARTLCR_H is written while it is on")
      }
      precondition(offset != 0x24 && offset != 0x28, "the rate is firmware's")
      registers[offset] = value
    }
  }
}

// MARK: - 16550

final class NS16550Model: UARTModel {
  let variant: UARTFamily
  let shift: UInt
  let size: Int
  private var ier: UInt32 = 0
  private var fcr: UInt32 = 0
  private var mcr: UInt32 = 0x10
  private var special: [UInt: UInt32] = [:]
  private var lsrErrors: UInt32 = 0
  private var transmitEmptyIsLatched = false
  /// Its timeout is raised although its FIFO is empty.
  var hasGhostTimeout = false
  /// The FIFO says that it holds a bad character, and holds none.
  var isStuck = false
  /// The busy interrupt of a DesignWare UART.
  var isBusy = false

  init(_ variant: UARTFamily, shift: UInt = 0, size: Int = 1) {
    self.variant = variant
    self.shift = shift
    self.size = size
    let depth =
      switch variant {
      case .designWare, .freescale, .omap: 64
      case .tegra: 32
      case .miniUART: 8
      default: 16
      }
    super.init(depth: depth, transmitDepth: variant == .tegra ? 8 : depth)
    special[0xf4] = variant == .designWare ? 4 << 16 : 0
    special[0x4c] = 1
    special[0x44] = 1
    special[0x98] = 0xff
  }

  private var hasTimeout: Bool { variant == .tegra }
  private var trigger: Int { variant == .tegra ? 4 : 1 }
  private var timeoutIsRaised = false

  private var cause: UInt32 {
    if isBusy { return 7 }
    if hasGhostTimeout { return 0xc }
    if ier & 1 != 0, receiveFIFO.count >= trigger { return 4 }
    if ier & 1 != 0, ier & 1 << 4 != 0 || !hasTimeout, timeoutIsRaised { return 0xc }
    if ier & 2 != 0, transmitEmptyIsLatched { return 2 }
    return 1
  }

  override var isInterrupting: Bool { cause != 1 && (mcr & 8 != 0 || variant == .miniUART) }
  override func overrun() { lsrErrors |= 2 }
  override func pause() { if !receiveFIFO.isEmpty { timeoutIsRaised = true } }
  override func sent() {
    if transmitFIFO.isEmpty || variant == .miniUART { transmitEmptyIsLatched = true }
  }

  override func read(_ offset: UInt, _ size: Int) -> UInt32 {
    precondition(size == self.size)
    if let value = readSpecial(offset) { return value }
    switch offset >> shift {
    case 0:
      let hadGhost = hasGhostTimeout
      hasGhostTimeout = false
      guard let next = takeReceived() else {
        precondition(
          hadGhost || variant != .designWare, "RBR of an empty FIFO is read: a bus error")
        return 0
      }
      if receiveFIFO.isEmpty { timeoutIsRaised = false }
      return UInt32(next.byte)
    case 1: return ier
    case 2:
      let value = cause
      if value == 2 { transmitEmptyIsLatched = false }
      return value | (fcr & 1 != 0 || variant == .miniUART ? 0xc0 : 0)
    case 3: return special[3, default: 3]
    case 4: return mcr
    case 5:
      var value = lsrErrors
      lsrErrors = 0
      if let next = receiveFIFO.first {
        value |= 1 | next.errors.bit(.parity) << 2 | next.errors.bit(.break) << 4
        value |= (next.errors.bit(.framing) | next.errors.bit(.break)) << 3
      }
      if isStuck { value |= 0x80 }
      if variant == .miniUART {
        if transmitFIFO.count < transmitDepth { value |= 0x20 }
      } else if transmitFIFO.isEmpty {
        value |= 0x60
      }
      return value
    case 6: return 0
    default: preconditionFailure("there is no register at \(offset)")
    }
  }

  private func readSpecial(_ offset: UInt) -> UInt32? {
    switch (variant, offset) {
    case (.designWare, 0x7c):
      isBusy = false
      return 0
    case (.designWare, 0xf4), (.omap, 0x64), (.omap, 0x8c), (.omap, 0x98), (.omap, 0x9c):
      return special[offset, default: 0]
    case (.mediaTek, 0x98):
      return special[3] == 0xbf ? special[offset, default: 0] : 0
    default: return nil
    }
  }

  override func write(_ offset: UInt, _ size: Int, _ value: UInt32) {
    precondition(size == self.size)
    switch (variant, offset) {
    case (.mediaTek, 0x44), (.mediaTek, 0x4c), (.omap, 0x40), (.miniUART, 0x20):
      special[offset] = value
      return
    case (.mediaTek, 0x98):
      precondition(special[3] == 0xbf)
      special[offset] = value
      return
    case (.omap, 0x8c), (.omap, 0x98), (.omap, 0x9c):
      // i2310: a long timeout ends the one that is stuck.
      if offset == 0x8c, value == 0x40, special[0x98] == 0xff { hasGhostTimeout = false }
      special[offset] = value
      return
    default: break
    }
    switch offset >> shift {
    case 0: put(UInt8(truncatingIfNeeded: value))
    case 1:
      // Where the FIFO is empty already the interrupt does not come by being enabled.
      ier = value
    case 2:
      if value & 2 != 0 {
        clearReceived()
        isStuck = false
      }
      fcr = value
    case 3:
      precondition(variant == .mediaTek, "LCR is written, which may be busy")
      special[3] = value
    case 4: mcr = value
    default: preconditionFailure("there is nothing to write at \(offset)")
    }
  }

  /// What is left of what would eat bytes: DMA, escapes and software flow control of a MediaTek UART.
  var eatsBytes: Bool {
    variant == .mediaTek
      && (special[0x4c] != 0 || special[0x44] != 0 || special[0x98, default: 0] & 0xcf != 0)
  }
}
