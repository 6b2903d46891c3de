/// Which interrupts the guest made pending itself, by a write of GICD_ISPENDR or GICR_ISPENDR.
///
/// A level-sensitive interrupt is pending because its line is asserted, because software said so,
/// or both, and the second reason outlasts the line (IHI 0069, 4.1.3). EL2's acknowledge takes
/// both; to give the interrupt back as it was, EL2 must remember the second.
struct SoftwarePending<let wordCount: Int>: ~Copyable {
  /// Written, and not yet acknowledged by EL2.
  private let written = InterruptBits<wordCount>()
  /// Acknowledged by EL2 with the above. Means something only until the guest acknowledges it.
  private let held = InterruptBits<wordCount>()

  /// The guest makes those of `mask` pending in hardware that are not so, `held` being those that
  /// EL2 has acknowledged and the guest has not.
  func set(_ mask: UInt32, held isHeld: UInt32, at index: Int) {
    written.insert(mask & ~isHeld, at: index)
    held.insert(mask & isHeld, at: index)
  }

  /// The guest makes those of `mask` not pending.
  func clear(_ mask: UInt32, at index: Int) { written.remove(mask, at: index) }

  /// EL2 acknowledges the interrupt of `bit`.
  func acknowledge(_ bit: UInt32, at index: Int) {
    // Reads first: this is done for every interrupt, and most are the devices'.
    if written[index] & bit != 0 {
      written.remove(bit, at: index)
      held.insert(bit, at: index)
    } else if held[index] & bit != 0 {
      held.remove(bit, at: index)
    }
  }

  /// EL2 makes the interrupt of `bit`, which it holds and the guest made pending, pending in hardware
  /// again.
  func giveBack(_ bit: UInt32, at index: Int) {
    held.remove(bit, at: index)
    written.insert(bit, at: index)
  }

  /// Whether the interrupt of `bit`, which EL2 holds, was made pending by the guest.
  func isHeld(_ bit: UInt32, at index: Int) -> Bool { held[index] & bit != 0 }
}
