extension DeviceTree {
  /// A range of addresses that does not go beyond the end of the 64-bit address space.
  public struct Region: Equatable, Sendable {
    public let address: UInt64
    /// In bytes.
    public let size: UInt64

    /// Nil if the region's end cannot be expressed in 64 bits.
    public init?(address: UInt64, size: UInt64) {
      guard !address.addingReportingOverflow(size).overflow else { return nil }
      self.address = address
      self.size = size
    }

    /// The region between two addresses; empty if `end` is below `address`.
    public init(from address: UInt64, to end: UInt64) {
      self.address = address
      size = end > address ? end - address : 0
    }

    /// The address after the last one.
    public var end: UInt64 { address + size }
    public var isEmpty: Bool { size == 0 }

    public func contains(_ address: UInt64) -> Bool {
      address >= self.address && address < end
    }

    public func overlaps(_ other: Region) -> Bool {
      max(address, other.address) < min(end, other.end)
    }
  }
}
