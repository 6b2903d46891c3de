internal import DeviceTree
internal import EL2Support

// The machine's interrupt controller, as its device tree has it: a GICv3 with system registers, or a GICv2 with a
// virtual interface. A GICv3 whose node says that it is a GICv2 is used as one.

extension MachineDescription {
  /// How many CPUs of the machine can have a vCPU: a GICv2 has eight CPU interfaces.
  static func mostVCPUs(_ tree: DeviceTree) -> Int {
    hasGICv3(tree) || ((try? tree.gicV2()) ?? nil) == nil ? maximumVCPUs : GICv2.mostCPUs
  }

  /// Whether the tree has a GICv3, which the boot CPU then needs system registers for.
  static func hasGICv3(_ tree: DeviceTree) -> Bool { ((try? tree.gicV3()) ?? nil) != nil }

  /// Finds the interrupt controller and EL2's private interrupts.
  ///
  /// - Parameter readRegister: reads a register of 32 bits of the interrupt controller's.
  mutating func readInterruptController(
    _ tree: DeviceTree, readRegister: (UInt64) -> UInt32
  ) throws(MachineError) {
    if let gic = try reading({ () throws(DeviceTreeError) in try tree.gicV3() }) {
      try use(gic)
    } else if let gic = try reading({ () throws(DeviceTreeError) in try tree.gicV2() }) {
      try use(gic, readRegister: readRegister)
    } else {
      throw .noInterruptController
    }
    if let interrupt = try reading({ () throws(DeviceTreeError) in
      try tree.genericTimer?.hypervisorPhysical
    }) {
      hypervisorTimerINTID = interrupt.intid
    }
  }

  private mutating func use(_ gic: DeviceTree.GICv3) throws(MachineError) {
    distributor = gic.distributor
    redistributorStride = gic.redistributorStride
    for index in 0..<gic.redistributorRegionCount {
      let region = try reading { () throws(DeviceTreeError) in
        try gic.redistributorRegion(index)
      }
      guard redistributors.append(region) else { throw .tooManyRegions }
    }
    if let interrupt = try reading({ () throws(DeviceTreeError) in
      try gic.maintenanceInterrupt()
    }) {
      maintenanceINTID = interrupt.intid
    }
  }

  private mutating func use(
    _ gic: DeviceTree.GICv2, readRegister: (UInt64) -> UInt32
  ) throws(MachineError) {
    guard let control = gic.virtualControl, let virtual = gic.virtualCPUInterface else {
      throw .noVirtualInterface
    }
    guard
      let frames = GICv2Frames(
        distributor: gic.distributor, cpuInterface: gic.cpuInterface, virtualControl: control,
        virtualCPUInterface: virtual, read: readRegister)
    else { throw .interruptControllerFrames }
    distributor = frames.distributor
    gicV2 = frames
    // Boards that name none have the one of the Base System Architecture, as every GIC-400 has.
    if let interrupt = try reading({ () throws(DeviceTreeError) in
      try gic.maintenanceInterrupt()
    }) {
      maintenanceINTID = interrupt.intid
    }
  }

  /// What EL2 keeps of the interrupt controller for itself.
  mutating func ownInterruptController() throws(OwnedRegionError) {
    try owned.add(distributor, .distributor)
    for index in 0..<redistributors.count {
      try owned.add(redistributors[index], .redistributors)
    }
    guard let frames = gicV2 else { return }
    let interfaces = frames.interfaces
    for n in interfaces.indices { try owned.add(interfaces[n], .cpuInterfaces) }
  }

  /// What of the interrupt controller is in memory that EL2 has mapped by now.
  func interruptControllerParts(
    in memory: inout BootMemory
  ) throws(MachineError) -> InterruptControllerParts {
    if let gicV2 { return .gicV2(gicV2) }
    guard let map = try redistributorMap(in: &memory) else { throw .noGICv3 }
    return .gicV3(map)
  }
}

/// What a machine's interrupt controller consists of.
enum InterruptControllerParts: ~Copyable {
  case gicV3(RedistributorMap)
  case gicV2(GICv2Frames)

  /// See ``RedistributorMap/strideToTell``.
  var strideToTell: UInt64? {
    switch self {
    case .gicV3(let map): map.strideToTell
    case .gicV2: nil
    }
  }
}

extension Stage2 {
  /// Gives the guest the virtual CPU interface of a GICv2 where it looks for the physical one, before any vCPU runs.
  mutating func mapCPUInterface(_ frames: GICv2Frames) throws(TranslationError) {
    var access = Stage2Access.read
    access.insert(.write)
    try frames.forEachGuestPage { (page, output) throws(TranslationError) in
      let range = AddressRange<IntermediateAddress>(pageOf: IntermediateAddress(page))
      let output = PhysicalAddress(output)
      try change(range, to: access, output: output, in: .armed, while: .none)
      try change(range, to: access, output: output, in: .open, while: .none)
    }
  }
}
