internal import DeviceTree

/// Where the registers of a GICv2 are in the physical map.
///
/// GICC and GICV are two pages each. Boards with pages of 64 KiB in mind (Arm's SBSA, 4.1.4 of its first issue) leave
/// address bits [15:12] out of the decoder, so that the first page is repeated through 64 KiB and the second one is
/// 64 KiB further on. The device trees of such boards say so by a size of 128 KiB, by a base that ends in 0xf000, where
/// the two pages are side by side, or not at all. GICC_IIDR tells: it is found again 4 KiB further on where the page is
/// repeated. No frame reaches into the one that begins behind it, whatever size the tree gives it.
struct GICv2Frames: Equatable, Sendable {
  /// One frame of two pages.
  struct Pages: Equatable, Sendable {
    let first: UInt64
    let second: UInt64
    /// Each is repeated through 64 KiB.
    let isRepeated: Bool
    /// All that the hardware has there.
    fileprivate(set) var extent: Region
  }

  /// GICD.
  let distributor: Region
  /// GICC.
  let cpuInterface: Pages
  /// The page of GICH, and all that the hardware has there.
  let virtualControlPage: UInt64
  let virtualControl: Region
  /// GICV.
  let virtualCPUInterface: Pages

  /// - Parameters:
  ///   - distributor, cpuInterface, virtualControl, virtualCPUInterface: the frames as the device tree has them.
  ///   - read: reads a register of 32 bits at a physical address within a frame of two pages.
  /// - Returns: nil where that cannot be: a frame is not made of whole pages, or has no room for its second.
  init?(
    distributor: Region, cpuInterface: Region, virtualControl: Region, virtualCPUInterface: Region,
    read: (UInt64) -> UInt32
  ) {
    let bases: InlineArray<4, UInt64> = [
      distributor.address, cpuInterface.address, virtualControl.address,
      virtualCPUInterface.address,
    ]
    for n in bases.indices where bases[n] & Page.offsetMask != 0 { return nil }
    guard var cpu = Self.pages(from: cpuInterface.address, bases, read),
      var virtual = Self.pages(from: virtualCPUInterface.address, bases, read)
    else { return nil }
    // The tree names the last of the repeated first pages, for all three frames or for GICC alone.
    let isStepped =
      Self.isLastOf64K(cpu.first) && (Self.isLastOf64K(virtual.first) || virtual.isRepeated)
    let isSparse = isStepped || cpu.isRepeated || virtual.isRepeated
    cpu.extent = Self.extent(of: cpu.first, isSparse, bases)
    virtual.extent = Self.extent(of: virtual.first, isSparse, bases)
    self.cpuInterface = cpu
    self.virtualCPUInterface = virtual
    virtualControlPage = virtualControl.address
    self.virtualControl = Self.extent(of: virtualControl.address, isSparse, bases)
    // One page, which on such boards is repeated as well.
    self.distributor = Region(
      from: distributor.address,
      to: min(
        distributor.address &+ (isSparse ? Self.pageStep : Page.size),
        Self.end(of: distributor.address, bases)))
  }

  /// What EL2 keeps for itself beside the distributor: GICC, GICH and GICV.
  var interfaces: InlineArray<3, Region> {
    [cpuInterface.extent, virtualControl, virtualCPUInterface.extent]
  }

  /// Where the guest's GICC is: hands `body` each page of GICC that it finds as on the bare machine, and the page of
  /// GICV that it leads to.
  func forEachGuestPage<Failure: Error>(
    _ body: (_ page: UInt64, _ output: UInt64) throws(Failure) -> Void
  ) throws(Failure) {
    let count: UInt64 = cpuInterface.isRepeated ? 16 : 1
    for n in 0..<count {
      try body(cpuInterface.first &+ n &* Page.size, virtualCPUInterface.first)
      // The next frame may begin before the second page has been repeated so often.
      let page = cpuInterface.second &+ n &* Page.size
      if cpuInterface.extent.contains(page) { try body(page, virtualCPUInterface.second) }
    }
  }

  // MARK: Parts

  /// From a page to the next that is another one, where each is repeated.
  private static var pageStep: UInt64 { 0x1_0000 }

  private static func isLastOf64K(_ base: UInt64) -> Bool { base & (pageStep &- 1) == 0xf000 }

  /// Where the next frame begins.
  private static func end(of base: UInt64, _ bases: InlineArray<4, UInt64>) -> UInt64 {
    var end = UInt64.max & ~Page.offsetMask
    for n in bases.indices where bases[n] > base { end = min(end, bases[n]) }
    return end
  }

  private static func pages(
    from base: UInt64, _ bases: InlineArray<4, UInt64>, _ read: (UInt64) -> UInt32
  ) -> Pages? {
    let room = end(of: base, bases) &- base
    guard room >= 2 &* Page.size else { return nil }
    let identification = read(base &+ UInt64(GICv2.GICC.iidr))
    let isRepeated =
      base & (pageStep &- 1) == 0 && identification != 0
      && read(base &+ Page.size &+ UInt64(GICv2.GICC.iidr)) == identification
    guard !isRepeated || room >= pageStep &+ Page.size else { return nil }
    return Pages(
      first: base, second: base &+ (isRepeated ? pageStep : Page.size), isRepeated: isRepeated,
      extent: Region(from: base, to: base))
  }

  /// Two pages, or what a frame with repeated pages takes, the ones before `base` included that the tree passes over.
  private static func extent(
    of base: UInt64, _ isSparse: Bool, _ bases: InlineArray<4, UInt64>
  ) -> Region {
    guard isSparse else {
      return Region(from: base, to: min(base &+ 2 &* Page.size, end(of: base, bases)))
    }
    let start = base & ~(pageStep &- 1)
    var isFree = true
    for n in bases.indices where bases[n] >= start && bases[n] < base { isFree = false }
    return Region(
      from: isFree ? start : base, to: min(start &+ 2 &* pageStep, end(of: base, bases)))
  }
}
