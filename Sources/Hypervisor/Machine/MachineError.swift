internal import DeviceTree

/// Why the machine cannot be used: each one sentence for the console that says what is wrong and what
/// to do.
enum MachineError: Error {
  case noEL2
  case noDeviceTree
  case badDeviceTree(DeviceTreeError)
  case noMemory
  case tooManyRegions
  case tooLittleMemory
  case noCPUs
  case bootCPUMissing
  case noGICv3
  case noGranule
  case noDebugLink
  case badDebugLink
  case noPayload
  case treeDoesNotFit
  case translation(TranslationError)

  var sentence: StaticString {
    switch self {
    case .noEL2:
      "started below EL2, so there is nothing to run the guest beneath: boot at EL2 (QEMU: -M virt,virtualization=on)."
    case .noDeviceTree:
      "x0 does not point at a device tree: boot it as an arm64 Image, whose boot protocol passes one."
    case .badDeviceTree:
      "the device tree cannot be used:"
    case .noMemory:
      "the device tree names no memory: add a /memory node."
    case .tooManyRegions:
      "the device tree names more memory or redistributor regions than there is room for (16 and 8)."
    case .tooLittleMemory:
      "the memory does not hold hypervisor and guest kernel: give the machine more memory."
    case .noCPUs:
      "the device tree names no CPUs: add a /cpus node."
    case .bootCPUMissing:
      "the CPU that started is not among the first 8 CPUs of the device tree."
    case .noGICv3:
      "there is no GICv3 with system registers, which the guest's interrupts need (QEMU: -M virt,gic-version=3)."
    case .noGranule:
      "the CPU has no 4 KiB translation granule, which EL2's page tables need."
    case .noDebugLink:
      "there is no virtio console on a virtio-mmio transport to be the debug link (QEMU: -device virtio-serial-device,bus=virtio-mmio-bus.0 and a virtserialport on it)."
    case .badDebugLink:
      "the virtio console that should be the debug link has no second port (QEMU: -device virtserialport with a chardev)."
    case .noPayload:
      "no guest kernel follows the hypervisor: make the image with `stepwell image --kernel IMAGE -o OUT`."
    case .treeDoesNotFit:
      "the edited device tree does not fit where the old one lies: leave some slack in it."
    case .translation(.outOfTablePages):
      "the pool of page tables is used up: the machine's memory is more scattered than there is room for."
    case .translation(.outOfRange):
      "the device tree names addresses beyond what the CPU can address."
    }
  }
}
