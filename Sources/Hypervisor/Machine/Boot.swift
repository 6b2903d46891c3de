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
    if let lack = features.lack(
      besideAddressBits: cores.shared.value.stage2.addressBits,
      needsGICv3: cores.shared.value.machine.gicV2 == nil)
    {
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
    let console = Console(MachineDescription.findConsole(tree))
    console.start()
    FaultConsole.current = console
    guard exceptionLevel == 2 else { throw .noEL2 }
    let features = ProcessorFeatures.ofThisCore
    guard el2_read_hcr_el2() & ControlRegisters.e2h == 0 else { throw .hostModeOnly }
    let needsGICv3 = MachineDescription.hasGICv3(tree)
    if let lack = features.lack(besideAddressBits: 0, needsGICv3: needsGICv3) { throw lack }

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

    var used: UsedMemory
    do throws(DeviceTreeError) {
      used = try UsedMemory(tree: tree, at: address, image: image, interrupts: interrupts)
    } catch { throw .badDeviceTree(error) }
    if payload.isPlaced {
      let place = try guestPlace(tree, at: address, payload, in: memory)
      used.add(place)
    }
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

  /// Makes everything that EL2 needs, at its own place, and enters the guest; it does not return but by an error.
  static func run(
    deviceTree address: UInt64, program: UInt64, end: UInt64
  ) throws(MachineError) {
    // `findPlace` has validated it a moment ago, and nothing else runs. It stays in place and unchanged, at
    // least until the guest's tree takes its place, after its last use.
    guard let start = unsafe UnsafeRawPointer(bitPattern: UInt(address)) else {
      throw .noDeviceTree
    }
    let tree = unsafe DeviceTree(validated: start)
    let console = MachineDescription.findConsole(tree)
    FaultConsole.current = Console(console)
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

    guard
      let pen = PerVCPU<PenPlace>(
        count, in: &bootMemory,
        { PenPlace(affinity: $0 < machine.vcpuCount ? machine.affinities[$0] : 0) })
    else { throw .noRoom }
    if machine.usesSpinTable { callCores(of: tree, machine, bootCore: bootCore, to: pen) }
    let room = try roomForTree(tree, at: address, payload, machine)
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
    // The place is that of as many lines as there are vCPUs, and stays.
    unsafe el2_use_words(words.place(of: 0).address, UInt32(count))
    let stage2 = try makeStage2(tree, machine, addressBits: addressBits, pool: pool)
    let controllerParts = try machine.interruptControllerParts(in: &bootMemory)
    let guestTree = try giveTreeToGuest(
      tree, at: address, room, machine, redistributorStride: controllerParts.strideToTell,
      scratch: stage2.pool.firstUnused, beforeWriting: { payload.restore() })

    let link = try DebugLinkDriver(starting: machine.link.device)
    let vcpuCount = machine.vcpuCount
    announce(machine, held: payload.holdsGuest)
    let interrupts = MachineInterrupts(
      machine, controllerParts, privateInterrupts: privateInterrupts)
    let powerStateFormat = powerStateFormat(machine)
    let cores = EL2Cores()
    cores.shared.initialize(
      to: SharedState(
        machine: machine, vcpus: vcpus, stacks: stacks, pen: pen, interrupts: interrupts,
        stage2: stage2,
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
    vcpu.value.entryContext = guestTree
    try enterGuest(on: cores, as: bootCore, features)
  }

  /// Starts the boot core's part of everything, and enters the guest.
  private static func enterGuest(
    on cores: EL2Cores, as bootCore: Int, _ features: ProcessorFeatures
  ) throws(MachineError) {
    try Core.start(bootCore, features, on: cores)
    FaultConsole.coresAreUp = true
    // The link may have raised its interrupt before the interrupt controller was started.
    cores.serveDebugger()
    Power(cores).powerUp(cores.vcpu(bootCore))
    Core.enterGuest(on: cores)
  }

  /// Calls the cores that wait at a spin table into the pen, with the MMU off.
  private static func callCores(
    of tree: DeviceTree, _ machine: borrowing MachineDescription, bootCore: Int,
    to pen: PerVCPU<PenPlace>
  ) {
    // The places are those of as many vCPUs, and stay.
    unsafe el2_use_pen(pen.place(of: 0).address, UInt64(machine.vcpuCount))
    var hardware = CoreSpinTableHardware()
    SpinTable.callCores(
      of: tree, bootAffinity: machine.affinities[bootCore],
      to: UInt64(el2_address_of_el2_pen_entry()), hardware: &hardware,
      isOwn: { machine.hypervisor.contains($0) || $0 > UInt64(1) &<< 48 },
      called: { affinity in
        if let vcpu = machine.vcpu(affinity: affinity) { pen[vcpu].isCalled = 1 }
      })
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
}
