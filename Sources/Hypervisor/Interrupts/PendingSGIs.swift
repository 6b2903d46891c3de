internal import Synchronization

/// The SGIs of one vCPU that are pending and in no list register. Any core may add to them; only the vCPU's
/// own core takes them away one by one.
///
/// On a GICv2 an SGI is pending once for each CPU that sent it, and its acknowledge says which; there the
/// callers use the methods with a source. On a GICv3 it is pending or not, and only the mask is used.
struct PendingSGIs: ~Copyable {
  /// A bit for each SGI that is pending.
  private let pending = Atomic<UInt32>(0)
  /// By SGI, a bit for each CPU that sent it.
  private let sources = InlineArray<16, Atomic<UInt8>> { _ in Atomic(0) }

  /// A bit for each SGI that is pending, from whatever source.
  @inline(__always)
  var mask: UInt32 { pending.load(ordering: .acquiring) }

  /// Makes the SGIs in `mask` pending.
  func insert(_ mask: UInt32) { pending.bitwiseOr(mask & 0xffff, ordering: .releasing) }

  /// Makes the SGIs in `mask` not pending.
  func remove(_ mask: UInt32) { pending.bitwiseAnd(~mask, ordering: .acquiringAndReleasing) }

  // MARK: By source

  /// Makes `sgi` from the CPU `source`, 0 to 7, pending.
  func insert(_ sgi: InterruptNumber, from source: UInt8) {
    // The source first: whoever sees the bit of the mask finds it.
    sources[Int(sgi.rawValue & 15)].bitwiseOr(1 << (source & 7), ordering: .acquiringAndReleasing)
    insert(sgi.bit)
  }

  /// Makes `sgi` from the CPU `source` not pending.
  func remove(_ sgi: InterruptNumber, from source: UInt8) {
    // The mask first, and again if a source is left: one that comes meanwhile sets its bit after this.
    remove(sgi.bit)
    let rest = sources[Int(sgi.rawValue & 15)].bitwiseAnd(
      ~(1 << (source & 7)), ordering: .acquiringAndReleasing
    ).newValue
    if rest != 0 { insert(sgi.bit) }
  }

  /// Whether `sgi` from the CPU `source` is pending.
  func contains(_ sgi: InterruptNumber, from source: UInt8) -> Bool {
    sourceMask(of: sgi) & 1 << (source & 7) != 0
  }

  /// A bit for each CPU that sent `sgi`: the byte of GICD_SPENDSGIR.
  func sourceMask(of sgi: InterruptNumber) -> UInt8 {
    sources[Int(sgi.rawValue & 15)].load(ordering: .acquiring)
  }
}
