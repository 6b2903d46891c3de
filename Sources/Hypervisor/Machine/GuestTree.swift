internal import DeviceTree

/// The device tree that the guest gets: the edits that make it from the loader's tree, and the place where it goes.
enum GuestTree {
  /// What an operating system maps for its device tree: blocks of 2 MiB as Normal memory, whatever else they
  /// hold (Linux, Documentation/arch/arm64/booting.rst). The limit on its size is the same.
  static let block = Placement.alignment

  /// The range above the kernel in which a kernel before 4.2 must have its tree.
  static let reachOfOldKernels: UInt64 = 512 << 20

  /// Where a tree may lie at most: what every configuration of an operating system can address, with 39 bits
  /// of virtual addresses too.
  static let limit: UInt64 = 512 << 30

  /// Takes EL2's memory, the debug link's page and the CPUs that have no vCPU out of the tree, and has CPUs started by
  /// EL2's PSCI in place of a spin table. All else stays as it was, the reservations of both kinds included.
  ///
  /// - Parameter stride: the redistributors' stride, if the guest must be told one.
  static func edits(
    of tree: DeviceTree, _ machine: borrowing MachineDescription,
    redistributorStride stride: UInt64?
  ) throws(DeviceTreeError) -> DeviceTree.Edits {
    var edits = DeviceTree.Edits(of: tree)
    try edits.excludeFromMemory(machine.hypervisor)
    // The link, and what is in its page. Aliases stay: operating systems number their own UARTs by them.
    var nodes = tree.enabledNodes
    while let node = nodes.next() {
      if node.depth > 0, let region = try? node.region(0),
        machine.link.page.contains(region.address)
      {
        try edits.remove(node)
      }
    }
    if machine.link.isSerial, let chosen = tree.chosen {
      // Nobody in the guest uses the link's clock and power domain, and what nobody uses is turned off.
      try edits.extend("bootargs", by: "clk_ignore_unused pd_ignore_unused", of: chosen)
    }
    if machine.processorCount > machine.vcpuCount {
      for vcpu in 0..<machine.vcpuCount {
        try edits.keepProcessor(affinity: machine.affinities[vcpu])
      }
    }
    // HVC comes to EL2 on every CPU. Where there is no EL3, SMC need not (HCR_EL2.TSC).
    if machine.usesSpinTable { try edits.offerPSCI(by: .hvc) }
    if let stride, let controller = try tree.gicV3() {
      try edits.set("redistributor-stride", to: stride, of: controller.node)
    }
    return edits
  }

  /// A free block of RAM for a tree that does not fit where the loader's tree lies: near the kernel where there
  /// is one, and as high as possible.
  ///
  /// The tree has the block alone. The block is RAM as a whole, and no reservation is in it, so that the
  /// operating system may map all of it.
  ///
  /// - Parameters:
  ///   - kernel: the address of the guest's first instruction.
  ///   - used: every region in use that overlaps with a given one, EL2's included.
  /// - Returns: nil if no block is free.
  static func freeBlock<let count: Int>(
    aboveKernel kernel: UInt64, in memory: borrowing RegionList<count>,
    used: (Region) -> Region?
  ) -> UInt64? {
    let near = kernel & ~(block &- 1)
    let reach = min(near &+ reachOfOldKernels, limit)
    if let place = Placement.highest(
      block, in: memory, below: reach,
      obstacle: { $0.address < near ? Region(from: 0, to: near) : used($0) })
    {
      return place.address
    }
    return Placement.highest(block, in: memory, below: limit, obstacle: used)?.address
  }

  /// Whether a region is RAM as a whole, in one piece of it.
  static func contains<let count: Int>(
    _ region: Region, _ memory: borrowing RegionList<count>
  ) -> Bool {
    guard !region.isEmpty else { return false }
    for index in 0..<memory.count {
      if memory[index].contains(region.address) && memory[index].contains(region.end &- 1) {
        return true
      }
    }
    return false
  }

  /// The room that there is for the guest's tree.
  struct Room {
    /// The place of the loader's tree.
    let old: Region
    /// The place of a guest that is no Image, and the beginning of RAM, where such guests look for a tree
    /// (QEMU puts it there for an ELF file).
    private let guest: Region?
    private let beginning: Region?
    /// A block that is free.
    let block: UInt64?

    /// - Parameters:
    ///   - guest: the place of a guest that is no Image.
    ///   - kernel: the address of the guest's first instruction.
    ///   - used: every region in use that overlaps with a given one, EL2's and the guest's included.
    init<let count: Int>(
      old: Region, guest: Region?, kernel: UInt64, in memory: borrowing RegionList<count>,
      used: (Region) -> Region?
    ) {
      self.old = old
      self.guest = guest
      block = GuestTree.freeBlock(aboveKernel: kernel, in: memory, used: used)
      var beginning: Region?
      if guest != nil {
        // As much as the edits may add, generously.
        let size = old.size &+ 0x1000
        var start = UInt64.max
        for index in 0..<memory.count { start = min(start, memory[index].address) }
        let region = Region(from: start, to: start &+ size)
        if start & 7 == 0, GuestTree.contains(region, memory), used(region) == nil {
          beginning = region
        }
      }
      self.beginning = beginning
    }

    /// The place of a tree of `size` bytes: for a guest that is no Image the beginning of RAM, else the loader's
    /// tree's own place, if it is large enough and not the guest's, else the block. Nil if there is none.
    func place(size: Int) -> UInt64? {
      let size = UInt64(size)
      if let beginning, size <= beginning.size { return beginning.address }
      let isFree = guest.map { !$0.overlaps(old) } ?? true
      return size <= old.size && isFree ? old.address : block
    }
  }
}
