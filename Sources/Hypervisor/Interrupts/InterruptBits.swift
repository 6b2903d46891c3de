internal import Synchronization

/// A bit for each of a range of interrupts, in words of 32 like the registers of distributor and
/// redistributor. Every core may read and write it.
struct InterruptBits<let wordCount: Int>: ~Copyable {
  private let words: InlineArray<wordCount, Atomic<UInt32>>

  /// Words of the given initial values.
  init(_ value: (_ index: Int) -> UInt32) {
    words = InlineArray { Atomic(value($0)) }
  }

  /// No bit set.
  init() { self.init { _ in 0 } }

  /// The word at `index`.
  subscript(index: Int) -> UInt32 { words[index].load(ordering: .acquiring) }

  /// Replaces the word at `index`.
  func store(_ value: UInt32, at index: Int) { words[index].store(value, ordering: .releasing) }

  /// Sets the bits of `mask` in the word at `index`.
  func insert(_ mask: UInt32, at index: Int) {
    words[index].bitwiseOr(mask, ordering: .acquiringAndReleasing)
  }

  /// Clears the bits of `mask` in the word at `index`.
  func remove(_ mask: UInt32, at index: Int) {
    words[index].bitwiseAnd(~mask, ordering: .acquiringAndReleasing)
  }
}
