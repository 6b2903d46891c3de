internal import DeviceTree
internal import EL2Support

/// Where the redistributors are: one behind the other in each region of the device tree, some of cores
/// that have a vCPU, some of other cores (IHI 0069, 12.10).
///
/// The guest finds the redistributors of its vCPUs where they are. A driver looks for the one of its CPU
/// from the beginning of a region up to the one that says Last. So the redistributors in between are there
/// as well, and can be identified and nothing else. The last one of a vCPU in its region says Last. Beyond
/// it, reads are 0.
struct RedistributorMap: ~Copyable {
  /// The redistributors of a region.
  private struct Stretch {
    var region = Region(from: 0, to: 0)
    /// Bytes from one to the next.
    var stride: UInt64 = 0
    /// How many there are in hardware.
    var count: UInt64 = 0
    /// How many of them the guest finds.
    var visibleCount: UInt64 = 0
  }

  private let inPlace = InPlace()
  private var stretches = InlineArray<8, Stretch>(repeating: Stretch())
  private let stretchCount: Int
  /// Those of the vCPUs' cores.
  let redistributors: Redistributors
  /// The stride that the device tree must name, because a driver takes it from GICR_TYPER.VLPIS
  /// otherwise, which the guest does not find; nil where the tree is right as it is.
  private(set) var strideToTell: UInt64?

  /// What there is at an address in a region of redistributors.
  enum Place: Equatable {
    /// The vCPU's redistributor, at the offset from its RD_base.
    case processor(Int, offset: UInt64)
    /// One of a core without a vCPU, at the offset from the RD_base that is `base`.
    case unused(base: UInt64, offset: UInt64, isLast: Bool)
    /// In a region, but beyond its last.
    case nothing
  }

  /// Finds the redistributors of the vCPUs' cores.
  ///
  /// - Parameters:
  ///   - stride: what the device tree says, if it does.
  ///   - redistributors: those of the vCPUs' cores, which are found here.
  ///   - type: reads GICR_TYPER of the redistributor at an RD_base.
  /// - Returns: nil if a core has none.
  init?(
    regions: borrowing RegionList<8>, stride: UInt64?, redistributors: Redistributors,
    type: (UInt64) -> UInt64
  ) {
    self.redistributors = redistributors
    stretchCount = regions.count
    var found = 0
    for index in 0..<regions.count {
      var stretch = Stretch(region: regions[index])
      var base = stretch.region.address
      // A region that ends in the midst of one, or is empty, has no more.
      while stretch.region.end >= base, stretch.region.end &- base >= Self.size {
        let type = GICR_TYPER(rawValue: type(base))
        if stretch.count == 0 {
          stretch.stride = Self.stride(told: stride, type)
          if stride == nil, type.contains(.vlpis) { strideToTell = stretch.stride }
        }
        stretch.count &+= 1
        if let processor = redistributors.processor(of: type.affinity) {
          if redistributors.bases[processor] == .max { found &+= 1 }
          redistributors.bases[processor] = UInt(base)
          stretch.visibleCount = stretch.count
        }
        if type.contains(.last) { break }
        base &+= stretch.stride
      }
      // A driver begins with the first one even where none is a vCPU's.
      stretch.visibleCount = max(stretch.visibleCount, min(stretch.count, 1))
      stretches[index] = stretch
    }
    guard found == redistributors.count else { return nil }
    for processor in 0..<redistributors.count {
      redistributors.isLast[processor] = isLast(UInt64(redistributors.bases[processor]))
    }
  }

  /// What there is at `physical`; nil if that is in no region of redistributors.
  func place(of physical: UInt64) -> Place? {
    for index in 0..<stretchCount where stretches[index].region.contains(physical) {
      guard stretches[index].stride != 0 else { return .nothing }
      let distance = physical &- stretches[index].region.address
      let offset = distance % stretches[index].stride
      let base = physical &- offset
      for processor in 0..<redistributors.count
      where UInt64(redistributors.bases[processor]) == base {
        return .processor(processor, offset: offset)
      }
      guard distance / stretches[index].stride < stretches[index].visibleCount else {
        return .nothing
      }
      return .unused(base: base, offset: offset, isLast: isLast(base))
    }
    return nil
  }

  private func isLast(_ base: UInt64) -> Bool {
    for index in 0..<stretchCount where stretches[index].region.contains(base) {
      let stretch = stretches[index]
      return (base &- stretch.region.address) / stretch.stride &+ 1 == stretch.visibleCount
    }
    return false
  }

  /// RD_base and SGI_base, the frames that all have.
  private static var size: UInt64 { UInt64(GICR.size) }

  /// A stride in the tree that is less than the frames of one redistributor is ignored.
  private static func stride(told: UInt64?, _ type: GICR_TYPER) -> UInt64 {
    if let told, told >= size { return told }
    return type.stride
  }

}

extension MachineDescription {
  /// The redistributors of the vCPUs and of the other cores, or nil if a vCPU has none. EL2 has their regions
  /// mapped.
  func redistributorMap(in memory: inout BootMemory) throws(MachineError) -> RedistributorMap? {
    guard let redistributors = Redistributors(vcpuCount, mpidrs: affinities, in: &memory) else {
      throw .noRoom
    }
    return RedistributorMap(
      regions: self.redistributors, stride: redistributorStride, redistributors: redistributors
    ) {
      // In a region of redistributors.
      unsafe el2_mmio_read64(UInt($0) &+ UInt(GICR.typer))
    }
  }

  /// The interrupt controller's registers, and the RAM that the guest's LPI tables may lie in.
  func gicV3Hardware(_ redistributors: borrowing RedistributorMap) -> GICv3Hardware {
    GICv3Hardware(
      distributor: UInt(distributor.address), redistributors: redistributors.redistributors,
      memory: MemoryRegions(copying: memory),
      hypervisorMemory: hypervisor.address..<hypervisor.end)
  }
}
