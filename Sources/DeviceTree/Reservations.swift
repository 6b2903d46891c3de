extension DeviceTree {
  /// The memory reservation block: memory that the operating system must not use
  /// (Devicetree Specification v0.4, section 5.3).
  public var reservations: Reservations { Reservations(block: reservationBlock) }

  /// The entries of a memory reservation block.
  public struct Reservations: IteratorProtocol {
    private static let entrySize = 16

    private let block: ByteView
    private var offset = 0

    init(block: ByteView) {
      self.block = block
    }

    public mutating func next() -> Region? {
      let entry = Reservations.entry(at: offset, in: block)
      offset += Reservations.entrySize
      return entry
    }

    /// The block at the beginning of `bytes`, without the entry of two zeros that ends it.
    static func block(in bytes: ByteView) throws(DeviceTreeError) -> ByteView {
      var offset = 0
      while let address = bytes.number(at: offset, cells: .two),
        let size = bytes.number(at: offset + 8, cells: .two)
      {
        if address == 0, size == 0 { return bytes.slice(0..<offset) ?? .empty }
        guard entry(at: offset, in: bytes) != nil else { throw .wrappingRegion }
        offset += entrySize
      }
      throw .unterminatedReservations
    }

    private static func entry(at offset: Int, in bytes: ByteView) -> Region? {
      guard let address = bytes.number(at: offset, cells: .two),
        let size = bytes.number(at: offset + 8, cells: .two)
      else { return nil }
      return Region(address: address, size: size)
    }
  }
}
