internal import DeviceTree
internal import EL2Support

extension MachineDescription {
  /// RD_base of each vCPU's redistributor, or nil if a core has none.
  @_optimize(size)
  var redistributorFrames: InlineArray<8, UInt>? {
    var frames = InlineArray<8, UInt>(repeating: 0)
    for vcpu in 0..<vcpuCount {
      guard let frame = redistributor(of: vcpu) else { return nil }
      frames[vcpu] = frame
    }
    return frames
  }

  /// The interrupt controller's registers, and the RAM that the guest's LPI tables may lie in.
  @_optimize(size)
  func interruptHardware(redistributors: InlineArray<8, UInt>) -> GICv3Hardware {
    var ram = InlineArray<8, Range<UInt64>>(repeating: 0..<0)
    for index in 0..<min(memory.count, 8) {
      ram[index] = memory[index].address..<memory[index].end
    }
    return GICv3Hardware(
      distributor: UInt(distributor.address), redistributors: redistributors, memory: ram,
      hypervisorMemory: hypervisor.address..<hypervisor.end)
  }

  @_optimize(size)
  private func redistributor(of vcpu: Int) -> UInt? {
    let affinity = Affinity(mpidr: affinities[vcpu])
    for index in 0..<redistributors.count {
      let region = redistributors[index]
      if let frame = GICv3Hardware.redistributor(
        of: affinity, from: UInt(region.address), size: UInt(region.size))
      {
        return frame
      }
    }
    return nil
  }
}
