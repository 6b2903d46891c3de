internal import DeviceTree

/// The unit of every table of EL2's making: the 4 KiB granule (Arm ARM D8.2).
enum Page {
  /// In bytes.
  static let size: UInt64 = 4096
  static let offsetMask: UInt64 = size &- 1
}

/// An address of one kind. Addresses of different kinds cannot be mixed up: only a translation leads from
/// one to another.
protocol Address: Equatable, Sendable {
  var rawValue: UInt64 { get }
  init(_ rawValue: UInt64)
}

/// What the guest's instructions use: the input of its stage 1.
struct VirtualAddress: Address {
  let rawValue: UInt64
  init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// What the guest takes for physical: the output of its stage 1, the input of stage 2.
struct IntermediateAddress: Address {
  let rawValue: UInt64
  init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// What the memory system uses. EL2 maps what it needs one to one, so there this is its own virtual address too.
struct PhysicalAddress: Address {
  let rawValue: UInt64
  init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

extension PhysicalAddress {
  /// Where stage 2 leads that maps an address to itself, as it does but for copies of pages.
  init(oneToOne address: IntermediateAddress) { rawValue = address.rawValue }
}

extension IntermediateAddress {
  /// Where the guest finds what lies at a physical address, by the same rule.
  init(oneToOne address: PhysicalAddress) { rawValue = address.rawValue }
}

extension Address {
  static func &+ (address: Self, offset: UInt64) -> Self { Self(address.rawValue &+ offset) }
  static func &- (address: Self, offset: UInt64) -> Self { Self(address.rawValue &- offset) }

  /// The first address of the page.
  var page: Self { Self(rawValue & ~Page.offsetMask) }
  /// Bytes from the beginning of the page.
  var pageOffset: UInt64 { rawValue & Page.offsetMask }
}

/// At least one byte, from `first` to `last` inclusive, so that the end of the address space is no special case.
struct AddressRange<Place: Address>: Equatable, Sendable {
  let first: Place
  let last: Place

  /// - Returns: nil if `count` is 0 or the range would go beyond the end of the address space.
  init?(from first: Place, count: UInt64) {
    guard count != 0, !first.rawValue.addingReportingOverflow(count &- 1).overflow else {
      return nil
    }
    self.first = first
    last = first &+ (count &- 1)
  }

  /// - Returns: nil if `last` lies before `first`.
  init?(from first: Place, through last: Place) {
    guard first.rawValue <= last.rawValue else { return nil }
    self.first = first
    self.last = last
  }

  private init(uncheckedFrom first: Place, through last: Place) {
    self.first = first
    self.last = last
  }

  /// The page that an address lies in.
  init(pageOf address: Place) {
    self.init(uncheckedFrom: address.page, through: address.page &+ Page.offsetMask)
  }

  /// The `size` bytes, a power of two, that an address lies in.
  init(blockOf address: Place, size: UInt64) {
    let first = Place(address.rawValue & ~(size &- 1))
    self.init(uncheckedFrom: first, through: first &+ (size &- 1))
  }

  func contains(_ address: Place) -> Bool {
    first.rawValue <= address.rawValue && address.rawValue <= last.rawValue
  }

  func contains(_ other: Self) -> Bool { contains(other.first) && contains(other.last) }

  func overlaps(_ other: Self) -> Bool {
    first.rawValue <= other.last.rawValue && other.first.rawValue <= last.rawValue
  }

  /// The range in whole pages, all of which it touches.
  var pages: Self {
    Self(uncheckedFrom: first.page, through: last.page &+ Page.offsetMask)
  }

  /// The whole pages within the range; nil if there is none.
  var pagesWithin: Self? {
    let start = first.rawValue.addingReportingOverflow(Page.offsetMask)
    let end = (last.rawValue &+ 1) & ~Page.offsetMask
    guard !start.overflow else { return nil }
    return Self(from: Place(start.partialValue).page, through: Place(end &- 1))
  }

  /// How many pages the range touches.
  var pageCount: UInt64 {
    (last.rawValue / Page.size) &- (first.rawValue / Page.size) &+ 1
  }
}

extension AddressRange<PhysicalAddress> {
  /// - Returns: nil if the region is empty.
  init?(_ region: Region) { self.init(from: PhysicalAddress(region.address), count: region.size) }
}

extension AddressRange<IntermediateAddress> {
  /// Where the guest finds a range of physical addresses.
  init(oneToOne range: AddressRange<PhysicalAddress>) {
    self.init(
      uncheckedFrom: IntermediateAddress(oneToOne: range.first),
      through: IntermediateAddress(oneToOne: range.last))
  }
}
