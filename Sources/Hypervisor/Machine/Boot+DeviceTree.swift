internal import ArmDebug
internal import DeviceTree
internal import EL2Support
internal import NestedDebug
internal import RemoteProtocol

// The device tree, as the loader hands it over and as the guest gets it.

extension Boot {
  static func findDeviceTree(_ address: UInt64) throws(MachineError) -> DeviceTree {
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

  /// How many vCPUs there are to be: a CPU of the device tree each, as far as there is room.
  static func vcpuCount(of tree: DeviceTree) -> Int {
    guard var processors = try? tree.processors() else { return 0 }
    var count = 0
    let most = MachineDescription.mostVCPUs(tree)
    while count < most, processors.next() != nil { count &+= 1 }
    return count
  }

  /// Takes EL2's memory, the debug link's page and the CPUs that have no vCPU out of the guest's device
  /// tree, which stays where it is and is otherwise as it was.
  static func giveTreeToGuest(
    _ tree: DeviceTree, at address: UInt64, _ machine: borrowing MachineDescription,
    _ interrupts: borrowing InterruptControllerParts, scratch firstUnused: PhysicalAddress
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
      if let stride = interrupts.strideToTell, let controller = try tree.gicV3() {
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
}
