/// One virtual interrupt, as a list register offers it to the guest. All zero is an empty one.
///
/// The fields are packed as ICH_LR<n>_EL2 has them (IHI 0069, 12.4.7), which costs a GICv3 nothing; the
/// source of an SGI, which only a GICv2 has, lies in bits that are RES0 there. A GICv2's conformance
/// converts to and from the 32 bits of GICH_LR<n>.
struct ListRegister: Equatable, Sendable {
  /// ICH_LR<n>_EL2.
  private(set) var rawValue: UInt64

  /// An empty list register.
  init() { rawValue = 0 }

  /// The contents of ICH_LR<n>_EL2.
  init(rawValue: UInt64) { self.rawValue = rawValue }

  /// A pending interrupt. PPIs and SPIs get the hardware link: when the guest deactivates the
  /// virtual interrupt, the physical one, which EL2 left active, is deactivated with it.
  ///
  /// - Parameter source: the CPU that sent an SGI, 0 to 7, where SGIs have one.
  init(
    pending number: InterruptNumber, priority: UInt8, group: InterruptGroup, source: UInt8 = 0
  ) {
    rawValue =
      Self.pendingBit | UInt64(priority) << 48 | UInt64(source & 7) << 45 | UInt64(number.rawValue)
    if group == .group1 { rawValue |= Self.groupBit }
    if number.isPeripheral {
      rawValue |= Self.hardwareBit | UInt64(number.rawValue & 0x1fff) << 32
    }
  }

  private static var groupBit: UInt64 { 1 << 60 }
  private static var hardwareBit: UInt64 { 1 << 61 }
  private static var pendingBit: UInt64 { 1 << 62 }
  private static var activeBit: UInt64 { 1 << 63 }

  /// vINTID.
  var number: InterruptNumber { InterruptNumber(UInt32(truncatingIfNeeded: rawValue)) }

  /// The CPU that sent an SGI, where SGIs have a source; otherwise 0.
  var source: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 45 & 7) }

  /// Priority; 0 is the highest.
  var priority: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 48) }

  /// Group.
  var group: InterruptGroup { rawValue & Self.groupBit == 0 ? .group0 : .group1 }

  /// HW: linked to the physical interrupt of the same number.
  var isHardwareLinked: Bool { rawValue & Self.hardwareBit != 0 }

  /// State[0]: pending, whether or not it is active as well.
  var isPending: Bool {
    get { rawValue & Self.pendingBit != 0 }
    set { rawValue = newValue ? rawValue | Self.pendingBit : rawValue & ~Self.pendingBit }
  }

  /// State[1]: active, whether or not it is pending as well.
  var isActive: Bool {
    get { rawValue & Self.activeBit != 0 }
    set { rawValue = newValue ? rawValue | Self.activeBit : rawValue & ~Self.activeBit }
  }

  /// State is invalid: there is no interrupt in here, whatever the other fields still say.
  var isEmpty: Bool { !isPending && !isActive }

  /// Pending and nothing else: only such a list register can be signalled to the guest.
  var isDeliverable: Bool { isPending && !isActive }
}

/// An interrupt's group. Group 0 is signalled to the guest as FIQ, group 1 as IRQ.
enum InterruptGroup: Equatable, Sendable {
  case group0, group1
}
