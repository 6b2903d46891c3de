internal import EL2Support

/// The cache maintenance instructions of the executing core (Arm ARM D7.5), which tests record.
protocol Caches: ~Copyable {
  /// Bytes in the smallest data cache line of the system, a power of two.
  var lineSize: UInt64 { get }
  /// DC CIVAC: writes the line at `address` back to memory, if it is dirty, and drops it.
  mutating func cleanAndInvalidate(_ address: UInt64)
  /// IC IALLUIS: drops what any core has fetched.
  mutating func invalidateInstructions()
  /// DSB: what was begun is complete, for every observer.
  mutating func complete()
  /// ISB.
  mutating func synchronize()
}

extension Caches where Self: ~Copyable {
  /// Makes memory and caches agree about `count` bytes at `address`: for what reads past the caches, as
  /// a guest does before its MMU is on, a core on its way up, or whoever maps a page as Non-cacheable;
  /// and for what EL2 is about to read of theirs.
  mutating func makeCoherent(_ address: UInt64, count: UInt64) {
    let line = lineSize
    var next = address & ~(line &- 1)
    while next < address &+ count {
      cleanAndInvalidate(next)
      next &+= line
    }
    complete()
  }

  /// Writes `count` bytes at `address`, by `write`, for whoever reads or executes them in whatever way
  /// (Arm ARM B2.7.4.2, B2.11).
  mutating func publish(_ address: UInt64, count: UInt64, _ write: () -> Void) {
    // A line that is older than memory must not be written back around what is written now.
    makeCoherent(address, count: count)
    write()
    // Past the point of unification, which data on its way to the instruction caches has to reach.
    makeCoherent(address, count: count)
    invalidateInstructions()
    complete()
    synchronize()
  }
}

/// Those of this core.
struct CoreCaches: Caches {
  /// CTR_EL0.DminLine is the log2 of the words in the smallest line.
  var lineSize: UInt64 { 4 &<< ((el2_read_ctr_el0() &>> 16) & 0xf) }
  mutating func cleanAndInvalidate(_ address: UInt64) { el2_dc_civac(UInt(address)) }
  mutating func invalidateInstructions() { el2_ic_ialluis() }
  mutating func complete() { el2_dsb_sy() }
  mutating func synchronize() { el2_isb() }
}
