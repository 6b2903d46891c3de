internal import DeviceTree
internal import RemoteProtocol

/// Why the machine cannot be used: each one sentence for the console that says what is wrong and what
/// to do.
enum MachineError: Error {
  case noEL2
  case noDeviceTree
  case badDeviceTree(DeviceTreeError)
  case noMemory
  case tooManyRegions
  case tooLittleMemory
  case noRoom
  case interruptTablesInKernel
  case noCPUs
  case bootCPUMissing
  case noGICv3
  case noInterruptController
  case noVirtualInterface
  case interruptControllerFrames
  case interruptControllerStuck(InterruptControllerFault)
  case noGranule
  case hostModeOnly
  case shortAddresses
  /// None of these UARTs can be the link, and there is no virtio console.
  case noDebugLink(UARTSurvey)
  case badDebugLink
  case noPayload
  case treeDoesNotFit
  case guestOutsideMemory
  case guestPlaceTaken
  case treeTooLarge
  case translation(TranslationError)
  case regions(OwnedRegionError)

  /// What is wrong, and what to do.
  var sentence: StaticString {
    switch self {
    case .noEL2:
      """
      not started at EL2, from where alone the guest can be run beneath: boot at EL2 (QEMU: -M \
      virt,virtualization=on).
      """
    case .noDeviceTree:
      """
      x0 does not point at a device tree: boot it as an arm64 Image, whose boot protocol passes \
      one.
      """
    case .badDeviceTree:
      """
      the device tree cannot be used:
      """
    case .noMemory:
      """
      the device tree names no memory, which the boot loader must fill in before it starts the image: \
      boot with the board's own loader, or give the /memory node a reg with the place and size of RAM.
      """
    case .tooManyRegions:
      """
      the device tree names more memory or redistributor regions than there is room for (16 and \
      8).
      """
    case .tooLittleMemory:
      """
      the memory does not hold hypervisor and guest kernel: give the machine more memory.
      """
    case .noCPUs:
      """
      the device tree names no CPUs: add a /cpus node.
      """
    case .bootCPUMissing:
      """
      the CPU that started is not among the CPUs of the device tree: name it in /cpus, with its \
      affinity as reg.
      """
    case .noGICv3:
      """
      the device tree names a GICv3, but not every CPU has its system registers and a redistributor, which \
      the guest's interrupts need: boot with the device tree of this machine.
      """
    case .noInterruptController:
      """
      the device tree names no GICv3 (arm,gic-v3) and no GICv2 (arm,gic-400 and its like), one of which the \
      guest's interrupts need: this machine cannot be used.
      """
    case .noVirtualInterface:
      """
      the GICv2 of the device tree has no virtual interface, which the guest's interrupts need: if the hardware \
      has one, name the frames of GICH and GICV in its reg.
      """
    case .interruptControllerFrames:
      """
      the frames of the device tree's GICv2 are not whole pages, or overlap: correct the reg of its node.
      """
    case .noGranule:
      """
      the CPU has no 4 KiB translation granule, which EL2's page tables need.
      """
    case .noDebugLink:
      """
      there is nothing to be the debug link, neither a virtio console on a virtio-mmio transport (QEMU: -device \
      virtio-serial-device,bus=virtio-mmio-bus.0 and a virtserialport on it) nor a UART that is free: enable a \
      second UART in the device tree. UARTs in it:
      """
    case .badDebugLink:
      """
      the virtio console that should be the debug link has no second port (QEMU: -device \
      virtserialport with a chardev).
      """
    case .noPayload:
      """
      no guest kernel follows the hypervisor: make the image with `stepwell image --kernel IMAGE \
      -o OUT`.
      """
    case .treeDoesNotFit:
      """
      the guest's device tree is larger than the loader's, and no block of 2 MiB of RAM below 512 GiB \
      is free for it: give the machine more memory, or leave some slack in the tree.
      """
    case .guestOutsideMemory:
      """
      the guest's place (its ELF file's physical addresses, or --at), or its first instruction, is not in the \
      machine's memory: link it for an address in RAM, or give another --at.
      """
    case .guestPlaceTaken:
      """
      the guest's place (its ELF file's physical addresses, or --at) is in use by a reservation or by the \
      initial file system: link it for another address, or give another --at.
      """
    case .translation(.outOfTablePages):
      """
      the pool of page tables is used up: the machine's memory is more scattered than there is \
      room for.
      """
    case .translation(.outOfRange):
      """
      the device tree names addresses beyond what the CPU can address.
      """
    case .treeTooLarge:
      """
      the device tree is larger than the 2 MiB that EL2 and an operating system have room for: \
      make it smaller.
      """
    case .hostModeOnly:
      """
      the CPU's EL2 can only be a host (HCR_EL2.E2H is always 1), which nothing can be run \
      beneath: use another CPU.
      """
    case .shortAddresses:
      """
      the CPU can address less than the machine's device tree and its boot CPU call for: boot on \
      this CPU.
      """
    case .noRoom:
      """
      no range of memory that is free is large enough for EL2, which takes some MiB in one piece: \
      give the machine more memory.
      """
    case .interruptTablesInKernel:
      """
      the interrupt controller still uses tables of whoever ran before (LPIs are on) where the \
      guest kernel goes: boot from firmware, or turn them off before (QEMU: -M virt,its=off).
      """
    case .interruptControllerStuck(.writeIncomplete):
      """
      the interrupt controller has not completed a write within a second (GICD_CTLR.RWP or \
      GICR_CTLR.RWP stays 1): see that its clock and power are on.
      """
    case .interruptControllerStuck(.asleep):
      """
      the CPU's redistributor has not woken up within a second (GICR_WAKER.ChildrenAsleep stays \
      1): have the firmware power it on.
      """
    case .translation(.unaligned):
      """
      a region of memory or of a device is not made of whole 4 KiB pages, which EL2's page tables \
      are: correct its reg in the device tree.
      """
    case .translation(.breaksWhatIsInUse):
      """
      the hypervisor would have changed page tables that are in use: this is a fault of its own, \
      please report it.
      """
    case .regions(.overlap):
      """
      two of these share a 4 KiB page in the device tree: interrupt controller, debug link, \
      console, a no-map reservation, and the hypervisor's own memory: correct their reg.
      """
    case .regions(.full):
      """
      the device tree has more no-map reservations and redistributor regions than there is room \
      for (64 with what EL2 drives).
      """
    }
  }
}
