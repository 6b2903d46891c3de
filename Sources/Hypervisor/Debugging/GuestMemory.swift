internal import EL2Support

/// The guest's RAM as EL2 reaches it: mapped one to one.
enum GuestMemory {
  static let pageSize: UInt64 = 4096

  /// The physical address in PAR_EL1, for a translation of `address` that succeeded (F = 0); nil if
  /// it failed (Arm ARM D24.2.123).
  static func physicalAddress(ofPAR par: UInt64, address: UInt64) -> UInt64? {
    guard par & 1 == 0 else { return nil }
    return (par & 0x000f_ffff_ffff_f000) | (address & (pageSize &- 1))
  }

  /// How many bytes from `address` on lie in the same page, at most `count`.
  static func bytesInPage(from address: UInt64, atMost count: Int) -> Int {
    min(count, Int(pageSize &- (address & (pageSize &- 1))))
  }

  /// Reads what the guest would, whether or not its own accesses are cached.
  static func read(
    _ physical: UInt64, into bytes: inout MutableSpan<UInt8>, at offset: Int, count: Int
  ) {
    cleanToCoherency(physical, count: UInt64(count))
    for index in 0..<count {
      bytes[offset &+ index] = el2_mmio_read8(UInt(physical) &+ UInt(index))
    }
  }

  /// Writes it for the guest to read and execute, whether or not its own accesses are cached.
  static func write(_ physical: UInt64, from bytes: Span<UInt8>, at offset: Int, count: Int) {
    var caches = CoreCaches()
    caches.publish(physical, count: UInt64(count)) {
      for index in 0..<count {
        el2_mmio_write8(UInt(physical) &+ UInt(index), bytes[offset &+ index])
      }
    }
  }

  /// The instruction at a physical address.
  static func instruction(at physical: UInt64) -> UInt32 { el2_mmio_read32(UInt(physical)) }

  /// The aligned word at a physical address, whether or not the guest's own accesses to it are cached.
  static func word(at physical: UInt64) -> UInt32 {
    cleanToCoherency(physical, count: 4)
    return el2_mmio_read32(UInt(physical))
  }

  /// Writes it, for the same.
  static func setWord(at physical: UInt64, _ value: UInt32) {
    cleanToCoherency(physical, count: 4)
    el2_mmio_write32(UInt(physical), value)
    cleanToCoherency(physical, count: 4)
  }

  /// Cleans memory to the point of coherency, for readers whose caches are off: the guest before its
  /// MMU is on, and a core on its way up.
  static func cleanToCoherency(_ physical: UInt64, count: UInt64) {
    var caches = CoreCaches()
    caches.makeCoherent(physical, count: count)
  }
}
