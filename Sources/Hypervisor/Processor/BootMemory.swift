/// The part of EL2's memory that the boot core gives out, once and for good, for what there is one of
/// for each vCPU. The device tree says how many there are, so the linker script cannot set it aside.
struct BootMemory: ~Copyable {
  private var next: UInt
  /// One past the last byte.
  private let end: UInt

  /// The memory from `start` up to `end`, which nothing else uses.
  init(from start: UInt, to end: UInt) {
    next = start
    self.end = end
  }

  /// Takes room for `count` values of a type.
  ///
  /// - Parameter alignment: a power of two; the type's own alignment and that of a cache line hold anyway.
  /// - Returns: the address of the first, or nil where that much is not left.
  mutating func take<Element: ~Copyable>(
    _ count: Int, of type: Element.Type, alignment: UInt = 64
  ) -> UInt? {
    take(
      bytes: UInt(count) &* UInt(MemoryLayout<Element>.stride),
      alignment: max(alignment, UInt(MemoryLayout<Element>.alignment)))
  }

  /// The same for `size` bytes.
  mutating func take(bytes size: UInt, alignment: UInt) -> UInt? {
    let start = (next &+ alignment &- 1) & ~(alignment &- 1)
    guard start >= next, start <= end, size <= end &- start else { return nil }
    next = start &+ size
    return start
  }
}
