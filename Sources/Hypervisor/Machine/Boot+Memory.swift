internal import ArmDebug
internal import DeviceTree
internal import EL2Support
internal import NestedDebug
internal import RemoteProtocol

// EL2's own translation, and the guest's stage 2.

extension Boot {
  static func turnOnMMU(
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

  /// Everything one to one, but for what is EL2's.
  static func makeStage2(
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
      if let frames = machine.gicV2 { try stage2.mapCPUInterface(frames) }
      return stage2
    } catch { throw .translation(error) }
  }

  /// The highest address that the device tree names.
  static func lastAddress(of tree: DeviceTree) -> UInt64 {
    var last: UInt64 = 0
    var regions = tree.physicalRegions
    while let region = regions.next() {
      if !region.isEmpty { last = max(last, region.end &- 1) }
    }
    return last
  }
}
