/// ICH_LR<n>_EL2: one virtual interrupt, as the hardware offers it to the guest
/// (IHI 0069, 12.4.7). All zero is an empty list register.
struct ListRegister: Equatable, Sendable {
  var rawValue: UInt64

  /// An empty list register.
  init() { rawValue = 0 }

  /// The contents of a list register.
  init(rawValue: UInt64) { self.rawValue = rawValue }

  /// A pending interrupt. PPIs and SPIs get the hardware link: when the guest deactivates the
  /// virtual interrupt the physical one, which EL2 left active, is deactivated with it.
  init(pending number: InterruptNumber, priority: UInt8, group: InterruptGroup) {
    rawValue = Self.pendingBit | UInt64(priority) << 48 | UInt64(number.rawValue)
    if group == .group1 { rawValue |= 1 << 60 }
    if number.isPeripheral {
      rawValue |= Self.hardwareBit | UInt64(number.rawValue & 0x1fff) << 32
    }
  }

  private static var pendingBit: UInt64 { 1 << 62 }
  private static var activeBit: UInt64 { 1 << 63 }
  private static var hardwareBit: UInt64 { 1 << 61 }

  /// vINTID.
  var number: InterruptNumber { InterruptNumber(UInt32(truncatingIfNeeded: rawValue)) }

  /// Priority; 0 is the highest.
  var priority: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 48) }

  /// Group.
  var group: InterruptGroup { rawValue & 1 << 60 == 0 ? .group0 : .group1 }

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

  /// State is invalid: nothing of the guest's is in here, whatever the other fields still say.
  var isEmpty: Bool { !isPending && !isActive }

  /// Pending and nothing else: only such a list register can be signalled to the guest.
  var isDeliverable: Bool { isPending && !isActive }
}

/// An interrupt's group. Group 0 is signalled to the guest as FIQ, group 1 as IRQ.
enum InterruptGroup: Equatable, Sendable {
  case group0, group1
}
