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
  case noGranule
  case hostModeOnly
  case shortAddresses
  case noDebugLink
  case badDebugLink
  case noPayload
  case treeDoesNotFit
  case treeTooLarge
  case translation(TranslationError)
  case regions(OwnedRegionError)

  var sentence: TextLine {
    let line =
      switch self {
      case .noEL2: 0
      case .noDeviceTree: 1
      case .badDeviceTree: 2
      case .noMemory: 3
      case .tooManyRegions: 4
      case .tooLittleMemory: 5
      case .noCPUs: 6
      case .bootCPUMissing: 7
      case .noGICv3: 8
      case .noGranule: 9
      case .noDebugLink: 10
      case .badDebugLink: 11
      case .noPayload: 12
      case .treeDoesNotFit: 13
      case .translation(.outOfTablePages): 14
      case .translation(.outOfRange): 15
      case .translation(.unaligned): 21
      case .translation(.breaksWhatIsInUse): 22
      case .regions(.overlap): 23
      case .regions(.full): 24
      case .treeTooLarge: 16
      case .hostModeOnly: 17
      case .shortAddresses: 18
      case .noRoom: 19
      case .interruptTablesInKernel: 20
      }
    return TextLine(
      line,
      of: """
        not started at EL2, from where alone the guest can be run beneath: boot at EL2 (QEMU: -M virt,virtualization=on).
        x0 does not point at a device tree: boot it as an arm64 Image, whose boot protocol passes one.
        the device tree cannot be used:
        the device tree names no memory: add a /memory node.
        the device tree names more memory or redistributor regions than there is room for (16 and 8).
        the memory does not hold hypervisor and guest kernel: give the machine more memory.
        the device tree names no CPUs: add a /cpus node.
        the CPU that started is not among the CPUs of the device tree: name it in /cpus, with its affinity as reg.
        there is no GICv3 with system registers, which the guest's interrupts need (QEMU: -M virt,gic-version=3).
        the CPU has no 4 KiB translation granule, which EL2's page tables need.
        there is no virtio console on a virtio-mmio transport to be the debug link (QEMU: -device virtio-serial-device,bus=virtio-mmio-bus.0 and a virtserialport on it).
        the virtio console that should be the debug link has no second port (QEMU: -device virtserialport with a chardev).
        no guest kernel follows the hypervisor: make the image with `stepwell image --kernel IMAGE -o OUT`.
        the edited device tree does not fit where the old one lies: leave some slack in it.
        the pool of page tables is used up: the machine's memory is more scattered than there is room for.
        the device tree names addresses beyond what the CPU can address.
        the device tree is larger than the 2 MiB that EL2 and an operating system have room for: make it smaller.
        the CPU's EL2 can only be a host (HCR_EL2.E2H is always 1), which nothing can be run beneath: use another CPU.
        the CPU can address less than the machine's device tree and its boot CPU call for: boot on this CPU.
        no range of memory that is free is large enough for EL2, which takes some MiB in one piece: give the machine more memory.
        the interrupt controller still uses tables of whoever ran before (LPIs are on) where the guest kernel goes: boot from firmware, or turn them off before (QEMU: -M virt,its=off).
        a region of memory or of a device is not made of whole 4 KiB pages, which EL2's page tables are: correct its reg in the device tree.
        the hypervisor would have changed page tables that are in use: this is a fault of its own, please report it.
        two of these share a 4 KiB page in the device tree: interrupt controller, debug link, console, a no-map reservation, and the hypervisor's own memory: correct their reg.
        the device tree has more no-map reservations and redistributor regions than there is room for (64 with what EL2 drives).
        """)
  }
}
