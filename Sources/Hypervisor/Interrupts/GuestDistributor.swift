internal import Synchronization

/// The part of the distributor that the guest has a copy of its own of, because EL2 needs the
/// hardware's to stay as it is: the group enables, and each SPI's group.
///
/// In hardware every interrupt is in group 1 and group 1 is enabled, so that everything reaches EL2
/// in one way; the guest's grouping is applied where interrupts are offered to it.
struct GuestDistributor: ~Copyable {
  /// GICD_CTLR.DS: one Security state. Without it interrupt groups are not for Non-secure software
  /// to see or choose: all are in group 1.
  let hasSingleSecurityState: Bool

  private let groups: Atomic<UInt32>
  /// GICD_IGROUPR.
  private let groupBits = InterruptBits<64>()
  let softwarePending = SoftwarePending<64>()

  /// The guest's first view, from the GICD_CTLR that EL2 found.
  init(control: UInt32) {
    hasSingleSecurityState = control & DistributorControl.disableSecurity != 0
    groups = Atomic(control & (hasSingleSecurityState ? 0b11 : 0b10))
  }

  /// The groups that the guest has enabled in GICD_CTLR.
  var enabledGroups: InterruptGroups {
    get { InterruptGroups(rawValue: groups.load(ordering: .acquiring)) }
  }

  /// Enables exactly the groups that the guest's `control` says. True when that changed anything.
  func enableGroups(control: UInt32) -> Bool {
    let enabled = control & (hasSingleSecurityState ? 0b11 : 0b10)
    return groups.exchange(enabled, ordering: .acquiringAndReleasing) != enabled
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

  /// The group that the guest has `number`, an SPI, in.
  func group(of number: InterruptNumber) -> InterruptGroup {
    guard hasSingleSecurityState else { return .group1 }
    return groupBits[number.wordIndex] & number.bit == 0 ? .group0 : .group1
  }
}

/// The bits of GICD_CTLR with affinity routing, the same in the views that matter here: one
/// Security state, and Non-secure of two (IHI 0069, 12.9.4).
enum DistributorControl {
  /// EnableGrp1, EnableGrp1A.
  static var enableGroup1: UInt32 { 1 << 1 }
  /// EnableGrp0 of a single Security state.
  static var enableGroup0: UInt32 { 1 << 0 }
  /// ARE, ARE_NS.
  static var affinityRouting: UInt32 { 1 << 4 }
  /// DS.
  static var disableSecurity: UInt32 { 1 << 6 }
  /// RWP: a write has not yet taken effect everywhere.
  static var writePending: UInt32 { 1 << 31 }
}
