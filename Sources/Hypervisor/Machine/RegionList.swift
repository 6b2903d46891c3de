internal import DeviceTree

/// A range of physical addresses; mapped one to one, of the guest's intermediate physical ones too.
typealias Region = DeviceTree.Region

extension Page {
  /// The page that has the byte at `address`.
  static func region(of address: UInt64) -> Region {
    let start = address & ~offsetMask
    return Region(from: start, to: start &+ size)
  }
}

/// The RAM of a machine.
typealias MemoryRegions = RegionList<16>

/// Up to `capacity` regions.
struct RegionList<let capacity: Int>: ~Copyable {
  private let inPlace = InPlace()
  private var regions = InlineArray<capacity, Region>(repeating: Region(from: 0, to: 0))
  private(set) var count = 0

  init() {}

  /// The regions of a list of the same capacity, so that none is left out.
  init(copying other: borrowing RegionList<capacity>) {
    regions = other.regions
    count = other.count
  }

  /// - Returns: false if the list is full.
  @inline(never)
  mutating func append(_ region: Region) -> Bool {
    guard count < capacity else { return false }
    regions[count] = region
    count &+= 1
    return true
  }

  subscript(_ index: Int) -> Region { regions[index] }

  func contains(_ address: UInt64) -> Bool {
    for index in 0..<count where regions[index].contains(address) { return true }
    return false
  }
}
