/// The guest's data: 256 bytes. Other addresses read as 0 and ignore writes.
package struct ModelMemory: Equatable, Sendable {
  package static let addresses: Range<UInt64> = 0x4000..<0x4100

  private var bytes = [UInt8](repeating: 0, count: addresses.count)

  package init() {}

  /// Up to eight bytes, little-endian.
  package func read(_ address: UInt64, size: UInt64) -> UInt64 {
    var value: UInt64 = 0
    for n in 0..<size where Self.addresses.contains(address + n) {
      value |= UInt64(bytes[Int(address + n - Self.addresses.lowerBound)]) << (8 * n)
    }
    return value
  }

  package mutating func write(_ address: UInt64, size: UInt64, _ value: UInt64) {
    for n in 0..<size where Self.addresses.contains(address + n) {
      bytes[Int(address + n - Self.addresses.lowerBound)] = UInt8(
        truncatingIfNeeded: value >> (8 * n))
    }
  }
}
