/// An INTID: the number by which the interrupt controller knows an interrupt
/// (IHI 0069, 2.2 "INTIDs").
struct InterruptNumber: Equatable, Sendable {
  /// The INTID, 24 bits at most.
  let rawValue: UInt32

  init(_ rawValue: UInt32) { self.rawValue = rawValue }

  /// What an acknowledge says when nothing is pending.
  static var none: InterruptNumber { InterruptNumber(1023) }

  /// The ranges that INTIDs are divided into.
  enum Kind: Equatable, Sendable {
    /// Software-generated, private to a core: 0 to 15.
    case sgi
    /// Private peripheral: 16 to 31, and the extended range 1056 to 1119.
    case ppi
    /// Shared peripheral: 32 to 1019, and the extended range 4096 to 5119.
    case spi
    /// Locality-specific, message-based: 8192 and above.
    case lpi
    /// 1020 to 1023, with which an acknowledge says that there is nothing to handle, and the
    /// reserved ranges.
    case special
  }

  /// The range that this INTID lies in.
  var kind: Kind {
    switch rawValue {
    case 0..<16: .sgi
    case 16..<32, 1056..<1120: .ppi
    case 32..<1020, 4096..<5120: .spi
    case 8192...0xff_ffff: .lpi
    default: .special
    }
  }

  /// Whether the physical interrupt has an active state that a list register can clear: PPIs and
  /// SPIs. SGIs of the guest are not physical, and LPIs have no active state.
  var isPeripheral: Bool { kind == .ppi || kind == .spi }

  /// Its bit in a word of 32 interrupts.
  @inline(__always)
  var bit: UInt32 { 1 << (rawValue & 31) }

  /// The upper bit of its two in a word of ICFGR: edge-triggered.
  var edgeBit: UInt32 { 0b10 << (rawValue & 15 &* 2) }

  /// The first of the `n`-th 32 private interrupts: 0, 1056 or 1088.
  static func `private`(word n: Int) -> InterruptNumber {
    InterruptNumber(n == 0 ? 0 : 1024 &+ 32 &* UInt32(truncatingIfNeeded: n))
  }

  /// Which word of 32 it is in, among those of its frame: up to 64 of SPIs, or 3 of SGIs and PPIs.
  /// The extended range follows the other, which for SPIs leaves word 0 unused.
  var wordIndex: Int {
    switch rawValue {
    case 4096...: Int(32 | (rawValue >> 5 & 31))
    case 1056..<1120: Int(rawValue >> 5 &- 32)
    default: Int(rawValue >> 5 & 31)
    }
  }
}

/// How an interrupt becomes pending (GICD_ICFGR, GICR_ICFGR).
enum InterruptTrigger: Equatable, Sendable {
  /// While its line is asserted.
  case level
  /// When its line rises, or a message arrives.
  case edge
}
