internal import DeviceTree
internal import EL2Support

/// The most vCPUs, and so the most physical cores, that are used. Memory for each is taken at boot, for as many
/// as the device tree has.
let maximumVCPUs = 512

/// What EL2 needs to know of the machine, taken from its device tree.
struct MachineDescription: ~Copyable {
  private let inPlace = InPlace()
  /// Affinities of the CPUs that have a vCPU, in the tree's order: vCPU n has the n-th of them.
  let affinities: PerVCPU<UInt64>
  var vcpuCount = 0
  /// How many CPUs the tree has, those included for which there is no room.
  var processorCount = 0
  /// RAM, EL2's own included.
  var memory = MemoryRegions()
  var distributor = Region(from: 0, to: 0)
  /// All redistributors; one after the other, each 128 KiB (GICv3) or 256 KiB (GICv4).
  var redistributors = RegionList<8>()
  var redistributorStride: UInt64?
  /// A GICv2's frames; nil where the interrupt controller is a GICv3.
  var gicV2: GICv2Frames?
  var maintenanceINTID: UInt32 = 25
  var hypervisorTimerINTID: UInt32 = 26
  var link = LinkDescription(
    device: .virtio(transport: 0), interrupts: InlineArray(repeating: nil))
  /// The UART that is the console; nil if there is none that EL2 drives.
  var console: UARTDescription?
  /// The device tree has the guest start its CPUs by a spin table. EL2 gives it a PSCI of its own in place of that.
  var usesSpinTable = false
  /// An SMC of EL2's is answered.
  var firmwareAnswersSMC = false
  /// What ends the machine where no firmware does.
  var powerManager: PowerManager?
  /// The tree has a trusted OS, which the guest calls by SMC.
  var hasTrustedOS = false
  /// EL2's own memory.
  var hypervisor = Region(from: 0, to: 0)
  /// What of all this is not simply the guest's.
  var owned = OwnedRegions()
  /// The guest's RAM: ``memory`` without what is ``owned``.
  private var guestMemory = RegionList<96>()
  /// The largest region of the guest's RAM, where nearly all of its instructions are.
  private(set) var largestGuestMemory = Region(from: 0, to: 0)

  /// A machine of which nothing is known yet.
  ///
  /// - Parameter affinities: room for those of the CPUs that get a vCPU: at least one.
  init(affinities: PerVCPU<UInt64>) { self.affinities = affinities }
}

extension MachineDescription {
  /// Reads the machine's description.
  ///
  /// - Parameters:
  ///   - affinities: room for those of the CPUs that get a vCPU: at least one.
  ///   - bootAffinity: the affinity of the core that runs this.
  ///   - firmwareIsEL3: the CPU has an EL3, so that SMC has somebody to answer it.
  ///   - console: what ``findConsole(_:)`` has found.
  ///   - isConsole: whether a virtio console sits on the transport at an address.
  init(
    _ tree: DeviceTree, hypervisor: Region, affinities: PerVCPU<UInt64>, bootAffinity: UInt64,
    firmwareIsEL3: Bool,
    console: UARTDescription?, isConsole: (UInt64) -> Bool
  ) throws(MachineError) {
    self.init(affinities: affinities)
    self.hypervisor = hypervisor
    hasTrustedOS = tree.hasTrustedOS
    self.console = console
    try Self.readMemory(tree, into: &memory)
    try readProcessors(tree, bootAffinity: bootAffinity)
    try readFirmware(tree, isEL3: firmwareIsEL3)
    try readInterruptController(tree) {
      // A frame that the device tree gives the interrupt controller. The MMU is off, or EL2 has mapped it.
      unsafe el2_mmio_read32(UInt($0))
    }
    link = try Self.findLink(tree, console: console, isConsole: isConsole)
    try findOwners(tree)
  }

  /// Says whose what is, what faults most first.
  mutating func findOwners(_ tree: DeviceTree) throws(MachineError) {
    do throws(OwnedRegionError) {
      try ownInterruptController()
      try owned.add(hypervisor, .hypervisor)
      try owned.add(link.page, .debugLink)
      if let console { try owned.add(Page.region(of: console.base), .console) }
      try owned.addReservations(of: tree)
    } catch { throw .regions(error) }
    for index in 0..<memory.count {
      guard owned.appendRest(of: memory[index], to: &guestMemory) else { throw .tooManyRegions }
    }
    for index in 0..<guestMemory.count where guestMemory[index].size > largestGuestMemory.size {
      largestGuestMemory = guestMemory[index]
    }
  }

  /// RAM, as the tree has it.
  @inline(never)
  static func readMemory(
    _ tree: DeviceTree, into memory: inout RegionList<16>
  ) throws(MachineError) {
    var nodes = tree.memoryNodes
    while let node = nodes.next() {
      var regions: DeviceTree.Regions
      do throws(DeviceTreeError) {
        regions = try node.regions()
      } catch { throw .badDeviceTree(error) }
      while let region = regions.next() {
        guard region.isEmpty || memory.append(region) else { throw .tooManyRegions }
      }
    }
    guard memory.count > 0 else { throw .noMemory }
  }

  @inline(never)
  mutating func readProcessors(
    _ tree: DeviceTree, bootAffinity: UInt64
  ) throws(MachineError) {
    var processors = try reading { () throws(DeviceTreeError) in try tree.processors() }
    var bootCPUFound = false
    while let processor = processors.next() {
      let isBootCPU = processor.affinity == bootAffinity
      if isBootCPU { bootCPUFound = true }
      if case .spinTable = processor.startMethod, !isBootCPU { usesSpinTable = true }
      addProcessor(affinity: processor.affinity, isBootCPU: isBootCPU)
    }
    guard vcpuCount > 0 else { throw .noCPUs }
    guard bootCPUFound else { throw .bootCPUMissing }
  }

  /// Whether somebody answers an SMC. A boot loader that has no PSCI, only a spin table, leaves an EL3 that does not
  /// answer: an SMC never returns from there (the stub of a Raspberry Pi 4).
  mutating func readFirmware(_ tree: DeviceTree, isEL3: Bool) throws(MachineError) {
    // QEMU answers PSCI calls by SMC where it has no EL3 to do so, and its tree says it.
    let firmware = try reading { () throws(DeviceTreeError) in try tree.psci() }
    firmwareAnswersSMC = firmware?.conduit == .smc || isEL3 && !usesSpinTable
    if !firmwareAnswersSMC { powerManager = PowerManager(tree) }
  }

  /// Gives the next CPU of the tree a vCPU, as long as there is room. The core that has started is among
  /// them wherever it is: one that waits gives way.
  mutating func addProcessor(affinity: UInt64, isBootCPU: Bool) {
    processorCount &+= 1
    if vcpuCount < affinities.count {
      affinities[vcpuCount] = affinity
      vcpuCount &+= 1
    } else if isBootCPU {
      affinities[affinities.count &- 1] = affinity
    }
  }

  func reading<Result>(
    _ body: () throws(DeviceTreeError) -> Result
  ) throws(MachineError) -> Result {
    do throws(DeviceTreeError) { return try body() } catch { throw .badDeviceTree(error) }
  }

  /// Whether the guest's RAM has a byte at `address`.
  func isGuestMemory(_ address: PhysicalAddress) -> Bool {
    guestMemory.contains(address.rawValue)
  }

  /// The vCPU of that affinity, or nil.
  @inline(never)
  func vcpu(affinity: UInt64) -> Int? {
    for index in 0..<vcpuCount where affinities[index] == affinity { return index }
    return nil
  }
}
