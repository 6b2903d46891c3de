internal import DeviceTree

/// Where the redistributors are: one behind the other in each region of the device tree, some of cores
/// that have a vCPU, some of others (IHI 0069, 12.10).
///
/// The guest finds those of its vCPUs where they are. A driver looks for its own from the beginning of
/// a region up to the one that says Last, so what lies between them is there as well, to be told apart
/// and nothing else; and the last of a vCPU in its region says Last. Beyond that, reads are 0.
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
  private let processorCount: Int

  /// RD_base of each vCPU's.
  private(set) var frames = InlineArray<8, UInt>(repeating: 0)
  /// A bit for each vCPU whose redistributor says Last to the guest.
  private(set) var lastProcessors: UInt32 = 0
  /// What the device tree has to say as the stride, because a driver takes it from GICR_TYPER.VLPIS
  /// otherwise, which the guest does not find; nil where the tree is right as it is.
  private(set) var strideToTell: UInt64?

  /// What there is at an address of a redistributor's.
  enum Place: Equatable {
    /// The vCPU's redistributor, at the offset from its RD_base.
    case processor(Int, offset: UInt64)
    /// One of a core without a vCPU, at the offset from the RD_base that is `base`.
    case unused(base: UInt64, offset: UInt64, isLast: Bool)
    /// In a region, but beyond its last.
    case nothing
  }

  /// Finds the redistributors of the cores with the first `processorCount` of `affinities`.
  ///
  /// - Parameters:
  ///   - stride: what the device tree says, if it does.
  ///   - type: reads GICR_TYPER of the redistributor at an RD_base.
  /// - Returns: nil if a core has none.
  init?(
    regions: borrowing RegionList<8>, stride: UInt64?, affinities: PerVCPU<UInt64>,
    processorCount: Int, type: (UInt64) -> UInt64
  ) {
    self.processorCount = processorCount
    stretchCount = regions.count
    var found: UInt32 = 0
    for index in 0..<regions.count {
      var stretch = Stretch(region: regions[index])
      var base = stretch.region.address
      // A region that ends in the midst of one, or is empty, has no more.
      while stretch.region.end >= base, stretch.region.end &- base >= Self.size {
        let value = type(base)
        if stretch.count == 0 {
          stretch.stride = Self.stride(told: stride, type: value)
          if stride == nil, value & RedistributorType.virtualLPIs != 0 {
            strideToTell = stretch.stride
          }
        }
        stretch.count &+= 1
        if let processor = Self.processor(
          RedistributorType.affinity(value), affinities, processorCount)
        {
          frames[processor] = UInt(base)
          found |= 1 << UInt32(processor)
          stretch.visibleCount = stretch.count
        }
        if value & RedistributorType.last != 0 { break }
        base &+= stretch.stride
      }
      // A driver begins with the first one even where none is a vCPU's.
      stretch.visibleCount = max(stretch.visibleCount, min(stretch.count, 1))
      stretches[index] = stretch
    }
    guard found == 1 << UInt32(processorCount) &- 1 else { return nil }
    for processor in 0..<processorCount where isLast(UInt64(frames[processor])) {
      lastProcessors |= 1 << UInt32(processor)
    }
  }

  /// What there is at `physical`; nil if that is in no region of redistributors.
  func place(of physical: UInt64) -> Place? {
    for index in 0..<stretchCount where stretches[index].region.contains(physical) {
      guard stretches[index].stride != 0 else { return .nothing }
      let distance = physical &- stretches[index].region.address
      let offset = distance % stretches[index].stride
      let base = physical &- offset
      for processor in 0..<processorCount where UInt64(frames[processor]) == base {
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
  private static var size: UInt64 { 0x2_0000 }

  /// What is less than the frames of one cannot be meant.
  private static func stride(told: UInt64?, type: UInt64) -> UInt64 {
    if let told, told >= size { return told }
    // VLPI_base and a reserved frame.
    return type & RedistributorType.virtualLPIs != 0 ? 2 &* size : size
  }

  private static func processor(
    _ affinity: Affinity, _ affinities: PerVCPU<UInt64>, _ count: Int
  ) -> Int? {
    for processor in 0..<count where Affinity(mpidr: affinities[processor]) == affinity {
      return processor
    }
    return nil
  }
}

extension MachineDescription {
  /// The redistributors of the vCPUs and of the other cores, or nil if a vCPU has none.
  ///
  /// - Parameter type: reads GICR_TYPER of the redistributor at an RD_base.
  func redistributorMap(type: (UInt64) -> UInt64) -> RedistributorMap? {
    RedistributorMap(
      regions: redistributors, stride: redistributorStride, affinities: affinities,
      processorCount: vcpuCount, type: type)
  }

  /// The interrupt controller's registers, and the RAM that the guest's LPI tables may lie in.
  func interruptHardware(_ redistributors: borrowing RedistributorMap) -> GICv3Hardware {
    GICv3Hardware(
      distributor: UInt(distributor.address), redistributors: redistributors.frames,
      memory: MemoryRegions(copying: memory),
      hypervisorMemory: hypervisor.address..<hypervisor.end)
  }
}
