/// A guest's access of a memory-mapped register, from a stage-2 fault (ESR_EL2.ISS, HPFAR_EL2).
struct RegisterAccess: Equatable, Sendable {
  /// The offset within the distributor, or within a redistributor from its RD_base.
  let offset: Int
  /// 1, 2, 4 or 8 bytes.
  let size: Int
  /// What is written, in the low `size` bytes; nil for a read.
  let value: UInt64?

  /// A read of `size` bytes.
  static func read(_ offset: Int, size: Int) -> RegisterAccess {
    RegisterAccess(offset: offset, size: size, value: nil)
  }

  /// A write of `size` bytes.
  static func write(_ offset: Int, size: Int, _ value: UInt64) -> RegisterAccess {
    RegisterAccess(offset: offset, size: size, value: value)
  }

  /// What is written, as 32 bits.
  var word: UInt32? { value.map { UInt32(truncatingIfNeeded: $0) } }

  /// Whether the access is of a size that exists, at a multiple of it, at an offset that is not
  /// negative.
  var isAligned: Bool {
    switch size {
    case 1, 2, 4, 8: offset >= 0 && offset & (size &- 1) == 0
    default: false
    }
  }
}
