internal import DeviceTree
internal import EL2Support

/// The waiting room of a core that a boot loader's spin table has given to EL2, until the guest turns its vCPU on
/// (`Boot.S` has the offsets).
///
/// The boot loader's own code and words are the guest's from then on, like all memory that it had.
struct PenPlace {
  /// The core's affinity, by which it finds its place: all may come by one word of a spin table.
  let affinity: UInt64
  /// The address of its ``SecondaryBoot`` once it is to leave, or 0. Its reader's caches are off.
  var record: UInt64 = 0
  /// Whether there is a word by which the core was called. (A doubleword: `Boot.S` goes through the places.)
  var isCalled: UInt64 = 0
}

/// The hardware with which a spin table is used; tests have a model.
protocol SpinTableHardware: ~Copyable {
  /// Stores a doubleword, little-endian, for readers whose caches are off.
  ///
  /// - Returns: false if nothing answers at the address.
  mutating func store(_ value: UInt64, at address: UInt64) -> Bool
  /// SEV, behind a barrier that completes the stores.
  mutating func sendEvent()
}

/// The spin tables of a device tree.
enum SpinTable {
  /// Calls every core that waits at a word of a spin table to `entry`.
  ///
  /// Cores may wait at the same word, and all of them come then. The core that has started does not wait, and a
  /// word that is only its own is left alone.
  ///
  /// - Parameters:
  ///   - bootAffinity: that of the core that has started.
  ///   - isOwn: whether a word's address is EL2's own, or is no memory for it to write to.
  ///   - called: takes the affinity of each core that was called.
  static func callCores<Hardware: SpinTableHardware & ~Copyable>(
    of tree: DeviceTree, bootAffinity: UInt64, to entry: UInt64, hardware: inout Hardware,
    isOwn: (UInt64) -> Bool, called: (UInt64) -> Void
  ) {
    guard var processors = try? tree.processors() else { return }
    var isAny = false
    while let processor = processors.next() {
      guard processor.affinity != bootAffinity,
        case .spinTable(let word?) = processor.startMethod,
        // A doubleword that is not aligned cannot be written as one.
        word & 7 == 0, !isOwn(word), hardware.store(entry, at: word)
      else { continue }
      called(processor.affinity)
      isAny = true
    }
    if isAny { hardware.sendEvent() }
  }
}

/// The executing core, whose MMU is off: nothing of its own is in a cache.
struct CoreSpinTableHardware: SpinTableHardware {
  mutating func store(_ value: UInt64, at address: UInt64) -> Bool {
    var caches = CoreCaches()
    // A dirty line that a loader has left must not be written back over the word, and no clean one be read in its
    // place.
    caches.makeCoherent(address, count: 8)
    let result = el2_guarded_write64(UInt(address), value)
    caches.makeCoherent(address, count: 8)
    return result.failed == 0
  }

  mutating func sendEvent() { el2_sev() }
}
