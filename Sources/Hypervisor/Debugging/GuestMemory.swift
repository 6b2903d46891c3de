/// EL2's own memory, and the device tree, where others reach them past the caches.
enum GuestMemory {
  /// Cleans memory to the point of coherency, for readers whose caches are off: the guest before its MMU is on, and
  /// a core on its way up.
  static func cleanToCoherency(_ physical: UInt64, count: UInt64) {
    var caches = CoreCaches()
    caches.makeCoherent(physical, count: count)
  }
}
