internal import Synchronization

/// The part of the distributor that the guest has a copy of its own of, because EL2 needs the
/// hardware's to stay as it is: the group enables, and each SPI's group.
///
/// In hardware every interrupt is in one group, which is enabled, so that everything reaches EL2 in one
/// way; the guest's grouping is applied where interrupts are offered to it.
struct SharedInterrupts: ~Copyable {
  /// One Security state (GICD_CTLR.DS, or a GICv2 without the Security Extensions). Without it Non-secure software neither sees nor chooses interrupt
  /// groups: all are in group 1.
  let hasSingleSecurityState: Bool

  private let groups: Atomic<UInt32>
  /// GICD_IGROUPR.
  private let groupBits = InterruptBits<64>()
  let softwarePending = SoftwarePending<64>()

  /// The guest's first view is what EL2 finds in the hardware.
  init(hardware: borrowing some DistributorHardware & ~Copyable) {
    hasSingleSecurityState = hardware.hasSingleSecurityState
    groups = Atomic(hardware.enabledGroups.rawValue & Self.choice(hasSingleSecurityState).rawValue)
  }

  /// The groups that the guest can enable.
  private static func choice(_ hasSingleSecurityState: Bool) -> InterruptGroups {
    hasSingleSecurityState ? .both : .group1
  }

  /// The groups that the guest has enabled in GICD_CTLR.
  var enabledGroups: InterruptGroups {
    InterruptGroups(rawValue: groups.load(ordering: .acquiring))
  }

  /// Enables exactly `groups`, of those that the guest has. True when that changed anything.
  func enable(_ groups: InterruptGroups) -> Bool {
    let enabled = groups.intersection(Self.choice(hasSingleSecurityState)).rawValue
    return self.groups.exchange(enabled, ordering: .acquiringAndReleasing) != enabled
  }

  /// The guest's GICD_IGROUPR for the 32 SPIs from `first`; 1 is group 1.
  func groupWord(from first: InterruptNumber) -> UInt32 {
    guard hasSingleSecurityState else { return 0 }
    return groupBits[first.wordIndex]
  }

  /// Sets the guest's GICD_IGROUPR for the 32 SPIs from `first`.
  func setGroupWord(from first: InterruptNumber, _ value: UInt32) {
    guard hasSingleSecurityState else { return }
    groupBits.store(value, at: first.wordIndex)
  }

  /// The group that the guest has put `number`, an SPI, in.
  func group(of number: InterruptNumber) -> InterruptGroup {
    guard hasSingleSecurityState else { return .group1 }
    return groupBits[number.wordIndex] & number.bit == 0 ? .group0 : .group1
  }
}
