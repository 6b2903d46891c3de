internal import DeviceTree

/// The search for EL2's own place, and for that of the guest's device tree: out of the way of the guest, to
/// which it leaves the lower end of RAM in one piece wherever possible.
enum Placement {
  /// What a block of the second-level translation table covers: the guest's memory beside EL2's keeps
  /// its blocks.
  static let alignment: UInt64 = 2 << 20

  /// The highest range of RAM that nobody uses.
  ///
  /// It begins at a multiple of ``alignment``. Where less than ``alignment`` would be left between it and
  /// the end of RAM, the rest belongs to it: the guest's memory then ends where EL2's begins, and the
  /// device tree needs no entry for a rest, for which it may have no room.
  ///
  /// - Parameters:
  ///   - size: how many bytes there must be.
  ///   - memory: RAM.
  ///   - limit: an address that the range does not go beyond.
  ///   - obstacle: any region in use that overlaps with the one it is given; nil if none does.
  /// - Returns: nil if there is no such range.
  static func highest<let count: Int>(
    _ size: UInt64, in memory: borrowing RegionList<count>, below limit: UInt64,
    obstacle: (Region) -> Region?
  ) -> Region? {
    var highest: Region?
    for index in 0..<memory.count {
      let ram = Region(from: memory[index].address, to: min(memory[index].end, limit))
      if let range = self.highest(size, in: ram, obstacle: obstacle),
        range.address > highest?.address ?? 0
      {
        highest = range
      }
    }
    return highest
  }

  private static func highest(
    _ size: UInt64, in ram: Region, obstacle: (Region) -> Region?
  ) -> Region? {
    var end = ram.end
    while end >= size {
      let start = (end &- size) & ~(alignment &- 1)
      guard start >= ram.address else { return nil }
      let range = Region(from: start, to: start &+ size)
      guard let used = obstacle(range) else {
        let rest = Region(from: range.end, to: ram.end)
        return rest.size < alignment && obstacle(rest) == nil
          ? Region(from: start, to: ram.end) : range
      }
      // No range that begins between here and there is free of it.
      end = used.address
    }
    return nil
  }
}

/// What of RAM has a use when EL2 begins.
struct UsedMemory: ~Copyable {
  private let tree: DeviceTree
  private let interrupts: LiveInterruptTables
  /// The image and what the guest kernel takes, the tree, the initrd, what else was added.
  private var regions = RegionList<6>()

  /// - Throws: if the tree's own account of its initrd is malformed.
  init(
    tree: DeviceTree, at address: UInt64, image: Region, interrupts: LiveInterruptTables
  ) throws(DeviceTreeError) {
    try self.init(
      tree: tree, treeRegion: Region(from: address, to: address &+ UInt64(tree.totalSize)),
      image: image, interrupts: interrupts)
  }

  /// - Parameter treeRegion: where the tree lies; empty if that does not matter.
  /// - Throws: if the tree's own account of its initrd is malformed.
  init(
    tree: DeviceTree, treeRegion: Region, image: Region, interrupts: LiveInterruptTables
  ) throws(DeviceTreeError) {
    self.tree = tree
    self.interrupts = interrupts
    _ = regions.append(image)
    _ = regions.append(treeRegion)
    if let initrd = try tree.initrd() { _ = regions.append(initrd) }
  }

  /// Adds EL2 at its place, or the place of a guest that is no Image: one of each.
  mutating func add(_ region: Region) { _ = regions.append(region) }

  /// One of the regions in use that overlap with another; nil if none does.
  func first(overlapping region: Region) -> Region? {
    for index in 0..<regions.count where regions[index].overlaps(region) { return regions[index] }
    var reservations = tree.reservations
    while let reservation = reservations.next() {
      if reservation.overlaps(region) { return reservation }
    }
    // As operating systems do, which pass over an entry that is malformed or not operational. One without
    // `reg` gets its place from the operating system, in what memory that has.
    var nodes = tree.reservedMemoryNodes
    while let node = nodes?.next() {
      guard node.isEnabled, var reserved = try? node.regions() else { continue }
      while let reservation = reserved.next() {
        if reservation.overlaps(region) { return reservation }
      }
    }
    // Cores may still wait at words of a spin table, whether they are reserved or not.
    var processors = try? tree.processors()
    while let processor = processors?.next() {
      guard case .spinTable(let word?) = processor.startMethod else { continue }
      // The loader's code may be beside the word.
      let page = Page.region(of: word)
      if page.overlaps(region) { return page }
    }
    return interrupts.first(overlapping: region)
  }
}
