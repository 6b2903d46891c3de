internal import DeviceTree

/// Whose a part of the physical address space is, if it is not simply the guest's.
enum RegionOwner: Equatable, Sendable {
  /// The interrupt controller's distributor, whose registers EL2 completes the guest's accesses of.
  case distributor
  /// The same of its redistributors.
  case redistributors
  /// GICC, GICH and GICV of a GICv2. The guest finds GICV in GICC's place.
  case cpuInterfaces
  /// EL2's program, data and pools.
  case hypervisor
  /// The page of the transport that the debugger's link is on.
  case debugLink
  /// The UART that the hypervisor's own messages go to, which is the guest's all the same.
  case console
  /// Memory that `/reserved-memory` says nobody but its user may map (`no-map`). The guest's drivers know how; EL2
  /// does not, and a mapping of another kind would be one for which its user is not coherent.
  case firmware

  /// Stage 2 keeps it from the guest.
  var isHidden: Bool {
    switch self {
    case .distributor, .redistributors, .cpuInterfaces, .hypervisor, .debugLink: true
    case .console, .firmware: false
    }
  }
}

/// Why the machine's regions cannot be told apart.
enum OwnedRegionError: Error, Equatable {
  /// Two owners' regions share a page.
  case overlap
  /// There are more regions than there is room for.
  case full
}

/// The one list of what is not simply the guest's, built at boot: stage 2's holes, EL2's own mappings, what counts as the
/// guest's RAM, and whose a fault is all come from it. Regions are whole pages, for translation knows no less.
struct OwnedRegions: ~Copyable {
  struct Entry: Equatable {
    var range: AddressRange<PhysicalAddress>
    var owner: RegionOwner
  }

  /// Boards name up to some forty reservations.
  static let capacity = 64

  private let inPlace = InPlace()
  private var entries = InlineArray<64, Entry>(
    repeating: Entry(range: AddressRange(pageOf: PhysicalAddress(0)), owner: .firmware))
  private(set) var count = 0

  init() {}

  /// Adds the pages of a region, the first ones asked for first. An owner's own regions may overlap: firmware's
  /// reservations do on some boards, and two regions of one owner may share a page.
  mutating func add(_ region: Region, _ owner: RegionOwner) throws(OwnedRegionError) {
    guard let range = AddressRange<PhysicalAddress>(region)?.pages else { return }
    for index in 0..<count {
      let other = entries[index]
      guard !other.range.overlaps(range) || other.owner == owner else { throw .overlap }
    }
    guard count < Self.capacity else { throw .full }
    entries[count] = Entry(range: range, owner: owner)
    count &+= 1
  }

  /// Adds firmware's reservations: the `no-map` nodes that are operational and name a place.
  mutating func addReservations(of tree: DeviceTree) throws(OwnedRegionError) {
    var nodes = tree.reservedMemoryNodes
    while let node = nodes?.next() {
      // As operating systems do, which pass over an entry that is malformed or not operational.
      guard node.isEnabled, node.has("no-map"), var regions = try? node.regions() else { continue }
      while let region = regions.next() { try add(region, .firmware) }
    }
  }

  subscript(_ index: Int) -> Entry { entries[index] }

  /// Whose an address is; nil if it is the guest's.
  func owner(of address: PhysicalAddress) -> RegionOwner? {
    for index in 0..<count where entries[index].range.contains(address) {
      return entries[index].owner
    }
    return nil
  }

  /// Appends to `list` what of a region is nobody's here.
  ///
  /// - Returns: false if the list is full.
  func appendRest<let size: Int>(of region: Region, to list: inout RegionList<size>) -> Bool {
    guard let whole = AddressRange<PhysicalAddress>(region) else { return true }
    var start = whole.first.rawValue
    while start <= whole.last.rawValue {
      var end = region.end
      var next = end
      // The first that is owned from `start` on.
      for index in 0..<count {
        let owned = entries[index].range
        guard owned.last.rawValue >= start, owned.first.rawValue < end else { continue }
        end = max(owned.first.rawValue, start)
        next = owned.last.rawValue &+ 1
      }
      if end > start, !list.append(Region(from: start, to: end)) { return false }
      // The end of the address space.
      guard next > start else { return true }
      start = next
    }
    return true
  }

  /// Whether stage 2 keeps an address from the guest.
  func isHidden(_ address: PhysicalAddress) -> Bool { owner(of: address)?.isHidden ?? false }
}
