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

  /// The place of a guest that is no Image.
  ///
  /// - Throws: if it is not RAM, or somebody else is there. The loader's tree and the image may be: both move.
  static func guestPlace<let count: Int>(
    _ tree: DeviceTree, at address: UInt64, _ payload: Payload,
    in memory: borrowing RegionList<count>
  ) throws(MachineError) -> Region {
    guard let place = payload.place, GuestTree.contains(place, memory),
      place.contains(payload.entry)
    else { throw .guestOutsideMemory }
    let isTaken: Bool
    do throws(DeviceTreeError) {
      // Neither the tree nor the image counts here.
      let nothing = Region(from: 0, to: 0)
      let used = try UsedMemory(
        tree: tree, treeRegion: nothing, image: nothing, interrupts: LiveInterruptTables(tree))
      isTaken = used.first(overlapping: place) != nil
    } catch { throw .badDeviceTree(error) }
    guard !isTaken else { throw .guestPlaceTaken }
    return place
  }

  /// The room that there is for the guest's tree. The MMU is still off, for this looks at tables that the interrupt
  /// controller uses.
  static func roomForTree(
    _ tree: DeviceTree, at address: UInt64, _ payload: Payload,
    _ machine: borrowing MachineDescription
  ) throws(MachineError) -> GuestTree.Room {
    // `findPlace` has seen that the image lies in memory.
    guard let image = payload.memory else { throw .tooLittleMemory }
    let old = Region(from: address, to: address &+ UInt64(tree.totalSize))
    do throws(DeviceTreeError) {
      let interrupts = LiveInterruptTables(tree)
      // A guest that is no Image has left the image's memory when its tree is written.
      var used = try UsedMemory(
        tree: tree, treeRegion: old, image: payload.place ?? image, interrupts: interrupts)
      used.add(machine.hypervisor)
      return GuestTree.Room(
        old: old, guest: payload.place, kernel: payload.entry, in: machine.memory
      ) { used.first(overlapping: $0) }
    } catch { throw .badDeviceTree(error) }
  }

  /// Writes the guest's device tree where there is room for it. The loader's stays untouched, unless the guest's takes
  /// its place.
  ///
  /// - Parameters:
  ///   - stride: the redistributors' stride, if the guest must be told one.
  ///   - firstUnused: the beginning of the scratch memory.
  ///   - body: is called after the last use of the loader's tree, and before the guest's is at its place.
  /// - Returns: where the guest finds its tree.
  static func giveTreeToGuest(
    _ tree: DeviceTree, at address: UInt64, _ room: GuestTree.Room,
    _ machine: borrowing MachineDescription, redistributorStride stride: UInt64?,
    scratch firstUnused: PhysicalAddress, beforeWriting body: () -> Void
  ) throws(MachineError) -> UInt64 {
    // No vCPU is there yet, and no more page tables are needed for now: their room is scratch memory.
    let start = UInt(firstUnused.rawValue)
    let scratch = unsafe UnsafeMutableRawBufferPointer(
      start: UnsafeMutableRawPointer(bitPattern: start),
      count: Int(el2_address_of___scratch_end() &- start))
    let size: Int
    do throws(DeviceTreeError) {
      let edits = try GuestTree.edits(of: tree, machine, redistributorStride: stride)
      size = unsafe try tree.write(edits, into: scratch)
    } catch {
      if error == .destinationTooSmall { throw .treeTooLarge }
      throw .badDeviceTree(error)
    }
    guard let place = room.place(size: size) else { throw .treeDoesNotFit }
    body()
    // The caches hold nothing that is older than memory: the loader may have used the place past them. The guest
    // reads it with its MMU off.
    var caches = CoreCaches()
    caches.publish(place, count: UInt64(size)) {
      // Either the loader's tree, after its last use, or RAM that nobody uses.
      let bytes = unsafe UnsafeMutableRawBufferPointer(
        start: UnsafeMutableRawPointer(bitPattern: UInt(place)), count: size)
      unsafe bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: scratch[..<size]))
    }
    return place
  }
}
