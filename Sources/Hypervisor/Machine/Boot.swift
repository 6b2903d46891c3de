internal import ArmDebug
internal import DeviceTree
internal import EL2Support
internal import NestedDebug
internal import RemoteProtocol

/// The first Swift instructions, where the loader has put the image, with the MMU off and only this core
/// awake. The program goes on in ``stepwellBoot(_:program:end:)``, somewhere else.
@c(stepwell_place)
public func stepwellPlace(_ deviceTree: UInt64) {
  do throws(MachineError) {
    let place = try Boot.findPlace(deviceTree: deviceTree)
    el2_move(place.address, deviceTree, place.end)
  } catch {
    Boot.refuse(error)
  }
}

/// From there, still with the MMU off and only this core awake, to the guest's first instruction.
///
/// - Parameters:
///   - program: where the loader had put the program.
///   - end: where EL2's memory ends.
@c(stepwell_boot)
public func stepwellBoot(_ deviceTree: UInt64, program: UInt64, end: UInt64) {
  do throws(MachineError) {
    try Boot.run(deviceTree: deviceTree, program: program, end: end)
  } catch {
    Boot.refuse(error)
  }
}

/// A further core, with the MMU on, from PSCI CPU_ON.
@c(stepwell_secondary)
public func stepwellSecondary(_ core: UInt64) {
  let cores = EL2Cores()
  let features = ProcessorFeatures.ofThisCore
  do throws(MachineError) {
    if let lack = features.lack(besideAddressBits: cores.shared.value.stage2.addressBits) {
      throw lack
    }
    try Core.start(Int(core), features, on: cores)
  } catch {
    // Its CPU_ON has succeeded already. The guest sees a vCPU that never came up, and goes on without.
    Boot.refuse(error, ofCore: Int(core))
    cores.store(.power, of: Int(core), PSCI.Power.off.rawValue)
    return
  }
  Power(cores).powerUp(cores.currentVCPU)
  Core.enterGuest(on: cores)
}

/// A further core whose EL2 cannot be turned into what the hypervisor needs, with the MMU off. It can tell
/// nobody but the console.
@c(stepwell_secondary_unusable)
public func stepwellSecondaryUnusable(_ core: UInt64) {
  Boot.refuse(.hostModeOnly, ofCore: Int(core))
}

/// The boot core's way from the loader to the guest's first instruction.
enum Boot {
  /// Finds EL2's place, if this is a machine on which a guest can be run beneath at all.
  static func findPlace(deviceTree address: UInt64) throws(MachineError) -> Region {
    let exceptionLevel = (el2_read_current_el() &>> 2) & 3
    let tree = try findDeviceTree(address)
    FaultConsole.current = Console(pl011: MachineDescription.findConsole(tree))
    guard exceptionLevel == 2 else { throw .noEL2 }
    let features = ProcessorFeatures.ofThisCore
    guard el2_read_hcr_el2() & ControlRegisters.e2h == 0 else { throw .hostModeOnly }
    if let lack = features.lack(besideAddressBits: 0) { throw lack }

    let start = UInt64(el2_address_of___image_start())
    let payload = Payload(inFrontOf: start)
    guard payload.isKernel else { throw .noPayload }
    var memory = RegionList<16>()
    try MachineDescription.readMemory(tree, into: &memory)
    guard let image = payload.memory, memory.contains(image.address),
      memory.contains(image.end &- 1)
    else { throw .tooLittleMemory }
    let interrupts = LiveInterruptTables(tree)
    guard interrupts.first(overlapping: image) == nil else { throw .interruptTablesInKernel }

    let used: UsedMemory
    do throws(DeviceTreeError) {
      used = try UsedMemory(tree: tree, at: address, image: image, interrupts: interrupts)
    } catch { throw .badDeviceTree(error) }
    let size =
      UInt64(el2_address_of___image_end()) &- start
      &+ UInt64(vcpuCount(of: tree)) &* UInt64(EL2.memoryPerVCPU)
    // What this core cannot address no core needs to; one that can address less says so when it is
    // turned on.
    guard
      let place = Placement.highest(
        (size &+ Placement.alignment &- 1) & ~(Placement.alignment &- 1), in: memory,
        below: 1 &<< UInt64(features.physicalAddressBits),
        obstacle: { used.first(overlapping: $0) })
    else { throw .noRoom }
    return place
  }

  static func run(
    deviceTree address: UInt64, program: UInt64, end: UInt64
  ) throws(MachineError) {
    // `findPlace` has validated it a moment ago, and nothing else runs. It stays in place and as it is until
    // the guest's tree takes its place, after its last use.
    guard let start = unsafe UnsafeRawPointer(bitPattern: UInt(address)) else {
      throw .noDeviceTree
    }
    let tree = unsafe DeviceTree(validated: start)
    let console = MachineDescription.findConsole(tree)
    FaultConsole.current = Console(pl011: console)
    let features = ProcessorFeatures.ofThisCore
    let payload = Payload(inFrontOf: program)
    FaultConsole.memoryEnd = end
    let hypervisor = Region(from: UInt64(el2_address_of___image_start()), to: end)
    var bootMemory = BootMemory(from: el2_address_of___image_end(), to: UInt(end))
    let count = vcpuCount(of: tree)
    guard let stacks = CoreStacks(count, in: &bootMemory),
      let affinities = PerVCPU<UInt64>(count, in: &bootMemory, { _ in 0 })
    else { throw .noRoom }
    let machine = try MachineDescription(
      tree, hypervisor: hypervisor, affinities: affinities,
      bootAffinity: PSCI.affinity(features.mpidr),
      firmwareIsEL3: features.el3, console: console
    ) { VirtioTransport(base: UInt($0)).isConsole }
    guard let bootCore = machine.vcpu(affinity: PSCI.affinity(features.mpidr)) else {
      throw .bootCPUMissing
    }

    var pool = PagePool.ofTheImage
    let addressBits = ControlRegisters.addressBits(features, reaching: lastAddress(of: tree))
    try turnOnMMU(machine, stacks, addressBits: addressBits, pool: &pool)
    // Exclusives work from here on.
    guard let words = PerVCPU<CoreWordLine>(count, in: &bootMemory, { _ in CoreWordLine() }),
      let vcpus = PerVCPU<VCPU>(
        count, in: &bootMemory, { VCPU(index: $0, features: features, frame: stacks.frame(of: $0)) }
      ),
      let privateInterrupts = PerVCPU<PrivateInterrupts>(
        machine.vcpuCount, in: &bootMemory, { _ in PrivateInterrupts() })
    else { throw .noRoom }
    el2_use_words(words.place(of: 0).address, UInt32(count))
    payload.restore()
    let stage2 = try makeStage2(tree, machine, addressBits: addressBits, pool: pool)
    guard let redistributors = try machine.redistributorMap(in: &bootMemory) else {
      throw .noGICv3
    }
    try giveTreeToGuest(
      tree, at: address, machine, redistributors, scratch: stage2.pool.firstUnused)

    var link = VirtioConsole(
      VirtioTransport(base: UInt(machine.linkTransport)),
      memory: el2_address_of___link_storage_start())
    guard link.start() else { throw .badDebugLink }

    let vcpuCount = machine.vcpuCount
    announce(machine, held: payload.holdsGuest)
    let interrupts = MachineInterrupts(
      machine, redistributors, privateInterrupts: privateInterrupts)
    let powerStateFormat = powerStateFormat(machine)
    let cores = EL2Cores()
    cores.shared.initialize(
      to: SharedState(
        machine: machine, vcpus: vcpus, stacks: stacks, interrupts: interrupts, stage2: stage2,
        linkCore: bootCore, powerStateFormat: powerStateFormat))
    try cores.shared.value.interrupts.startDistributor(bootCore: bootCore)
    for vcpu in 0..<vcpuCount {
      cores.store(.power, of: vcpu, PSCI.Power.off.rawValue)
      Standstill(cores).setMayRun(vcpu, true)
    }
    cores.store(.standstill, of: 0, payload.holdsGuest ? 1 : 0)
    cores.startServer(link: link, machineIsHeld: payload.holdsGuest)

    let vcpu = cores.vcpu(bootCore)
    vcpu.value.entry = payload.entry
    vcpu.value.entryContext = address
    try Core.start(bootCore, features, on: cores)
    FaultConsole.coresAreUp = true
    // The link may have raised its interrupt before the interrupt controller was started.
    cores.serveDebugger()
    Power(cores).powerUp(vcpu)
    Core.enterGuest(on: cores)
  }

  /// Says why there will be no guest, and halts.
  static func refuse(_ error: MachineError) {
    var console = FaultConsole.current
    if !console.isPresent { console = consoleOfLastResort() }
    console.write("Stepwell: ")
    write(error, to: &console)
    while true { el2_wfi() }
  }

  /// Says why a further core runs no vCPU.
  static func refuse(_ error: MachineError, ofCore core: Int) {
    var console = FaultConsole.current
    console.write("Stepwell: CPU ")
    console.write(decimal: UInt64(core))
    console.write(" stays off: ")
    write(error, to: &console)
  }

  private static func write(_ error: MachineError, to console: inout Console) {
    console.write(error.sentence)
    if case .badDeviceTree(let reason) = error {
      console.write(" ")
      console.write(TextLine(Int(reason.rawValue), of: DeviceTreeError.descriptions))
    }
    console.write("\n")
  }

  /// The highest address that the device tree names.
  private static func lastAddress(of tree: DeviceTree) -> UInt64 {
    var last: UInt64 = 0
    var regions = tree.physicalRegions
    while let region = regions.next() {
      if !region.isEmpty { last = max(last, region.end &- 1) }
    }
    return last
  }

  /// How CPU_SUSPEND's argument is written on this machine: PSCI_FEATURES says so where it is there.
  private static func powerStateFormat(
    _ machine: borrowing MachineDescription
  ) -> PSCI.PowerState.Format {
    guard machine.firmwareAnswersSMC else { return .original }
    let answer = Int32(
      truncatingIfNeeded: Firmware.smc(
        PSCI.Call(
          x0: UInt64(PSCI.Function.features.rawValue), PSCI.Function.cpuSuspend.smc64)))
    return answer > 0 && answer & 0b10 != 0 ? .extended : .original
  }

  /// How many vCPUs there are to be: a CPU of the device tree each, as far as there is room.
  private static func vcpuCount(of tree: DeviceTree) -> Int {
    guard var processors = try? tree.processors() else { return 0 }
    var count = 0
    while count < maximumVCPUs, processors.next() != nil { count &+= 1 }
    return count
  }

  private static func findDeviceTree(_ address: UInt64) throws(MachineError) -> DeviceTree {
    let headerSize = 40
    guard address != 0, address & 7 == 0 else { throw .noDeviceTree }
    // The loader may have written it through a cache that it did not clean: the boot protocol
    // promises that only of the kernel's image. EL2 reads past the caches as yet.
    GuestMemory.cleanToCoherency(address, count: UInt64(headerSize))
    // The boot protocol says that x0 is the tree's address; the header is all that is read of it
    // before its magic number is checked.
    let start = unsafe UnsafeRawPointer(bitPattern: UInt(address))
    do throws(DeviceTreeError) {
      let size = unsafe try DeviceTree.totalSize(
        header: UnsafeRawBufferPointer(start: start, count: headerSize))
      GuestMemory.cleanToCoherency(address, count: UInt64(size))
      // The tree stays in place and as it is until the guest's takes its place, after its last use.
      return unsafe try DeviceTree(
        validating: UnsafeRawBufferPointer(start: start, count: size))
    } catch {
      if error == .badMagic { throw .noDeviceTree }
      throw .badDeviceTree(error)
    }
  }

  private static func turnOnMMU(
    _ machine: borrowing MachineDescription, _ stacks: CoreStacks, addressBits: Int,
    pool: inout PagePool
  ) throws(MachineError) {
    do throws(TranslationError) {
      var memory = PhysicalMemory()
      guard let root = pool.take(in: &memory) else { throw .outOfTablePages }
      let tables = OwnTables(root: root, startLevel: 0, inputBits: 48)
      try Stage1.map(machine, in: tables, pool: &pool, memory: &memory)
      try Stage1.mapProgram(in: tables, pool: &pool, memory: &memory)
      try Stage1.unmapGuards(of: stacks, in: tables, pool: &pool, memory: &memory)
      try DeviceWindow.prepare(in: tables, pool: &pool, memory: &memory)
      el2_enable_mmu(
        ControlRegisters.mair, ControlRegisters.tcr(addressBits: addressBits), root.rawValue,
        ControlRegisters.sctlr, machine.hypervisor.end)
    } catch { throw .translation(error) }
  }

  /// Takes EL2's memory, the debug link's page and the CPUs that have no vCPU out of the guest's device
  /// tree, which stays where it is and is otherwise as it was.
  private static func giveTreeToGuest(
    _ tree: DeviceTree, at address: UInt64, _ machine: borrowing MachineDescription,
    _ redistributors: borrowing RedistributorMap, scratch firstUnused: PhysicalAddress
  ) throws(MachineError) {
    // No vCPU is there yet, and no more page tables are needed for now: their room is scratch memory.
    let start = UInt(firstUnused.rawValue)
    let scratch = unsafe UnsafeMutableRawBufferPointer(
      start: UnsafeMutableRawPointer(bitPattern: start),
      count: Int(el2_address_of___scratch_end() &- start))
    let size: Int
    do throws(DeviceTreeError) {
      var edits = DeviceTree.Edits(of: tree)
      try edits.excludeFromMemory(machine.hypervisor)
      var nodes = tree.enabledNodes(compatibleWith: "virtio,mmio")
      while let node = nodes.next() {
        if let region = try? node.region(0), machine.linkPage.contains(region.address) {
          try edits.remove(node)
        }
      }
      if machine.processorCount > machine.vcpuCount {
        for vcpu in 0..<machine.vcpuCount {
          try edits.keepProcessor(affinity: machine.affinities[vcpu])
        }
      }
      if let stride = redistributors.strideToTell, let controller = try tree.gicV3() {
        try edits.set("redistributor-stride", to: stride, of: controller.node)
      }
      size = unsafe try tree.write(edits, into: scratch)
    } catch {
      if error == .destinationTooSmall { throw .treeTooLarge }
      throw .badDeviceTree(error)
    }
    guard size <= tree.totalSize else { throw .treeDoesNotFit }
    let place = unsafe UnsafeMutableRawBufferPointer(
      start: UnsafeMutableRawPointer(bitPattern: UInt(address)), count: size)
    unsafe place.copyMemory(from: UnsafeRawBufferPointer(rebasing: scratch[..<size]))
    // The guest reads it with its MMU off.
    GuestMemory.cleanToCoherency(address, count: UInt64(size))
  }

  /// Everything one to one, but for what is EL2's.
  private static func makeStage2(
    _ tree: DeviceTree, _ machine: borrowing MachineDescription, addressBits: Int,
    pool: consuming PagePool
  ) throws(MachineError) -> GuestStage2 {
    do throws(TranslationError) {
      var stage2 = try GuestStage2(
        startLevel: ControlRegisters.stage2StartLevel(addressBits: addressBits),
        addressBits: addressBits, pool: pool, memory: PhysicalMemory(),
        hardware: CoreStage2Hardware())
      // What the tree names is mapped at once, by whole gigabytes; the rest when it is first used.
      try stage2.mapGigabytes(of: Region(from: 0, to: 1))
      var regions = tree.physicalRegions
      while let region = regions.next() { try stage2.mapGigabytes(of: region) }
      try stage2.hide(machine.owned)
      return stage2
    } catch { throw .translation(error) }
  }

  private static func announce(_ machine: borrowing MachineDescription, held: Bool) {
    var console = FaultConsole.current
    console.write("Stepwell: EL2 at ")
    console.write(hex: machine.hypervisor.address)
    console.write(", ")
    console.write(decimal: UInt64(machine.vcpuCount))
    console.write(machine.vcpuCount == 1 ? " vCPU" : " vCPUs")
    console.write(held ? ", guest held until a debugger continues it\n" : "\n")
    guard machine.processorCount > machine.vcpuCount else { return }
    console.write("Stepwell: ")
    console.write(decimal: UInt64(machine.processorCount))
    console.write(" CPUs in the device tree; ")
    console.write(decimal: UInt64(machine.vcpuCount))
    console.write(" are used, for which there is room, and the guest does not find the others\n")
  }
}
