internal import DeviceTree
internal import EL2Support
internal import NestedDebug
internal import RemoteProtocol

/// What all cores share. Written by the boot core before any guest runs; later each field by whom its
/// comment names.
struct SharedState: ~Copyable {
  let machine: MachineDescription
  let redistributors: RedistributorMap
  let interrupts: InterruptController<GICv3Hardware>
  var stage2: TranslationTables
  var memory: PhysicalMemory
  /// The core that the debug link's interrupt goes to.
  let linkCore: Int
  /// How firmware, and so the guest, writes CPU_SUSPEND's argument.
  let powerStateFormat: PSCI.PowerState.Format
  /// What the debugger asks for on every vCPU. Written by the link core while everything stands still.
  var requests = DebugRequests()
  /// Written by the link core while everything stands still.
  var clock = GuestClock()
  /// Written while everything stands still: by the link core, and by the core that it asks for an access.
  var devices = GuestDevices()
  /// Written by the link core.
  var packetClock = PacketClock()
}

/// EL2's state, at the places that the linker script gives it.
enum EL2 {
  /// What all cores share.
  static var shared: Fixed<SharedState> { Fixed(at: el2_address_of___shared_storage_start()) }

  /// The debugger's server. It belongs to the link core, and is apart from ``shared`` because it
  /// calls back into what uses that.
  static var server: Fixed<DebugServer> {
    Fixed(at: el2_address_of___shared_storage_start() &+ serverOffset)
  }

  private static let serverOffset: UInt = 0x20000
  private static let vcpuStride: UInt = 0x10000
  static let stackSize: UInt = 0x1_0000
  /// The lowest bytes of each stack, which are not mapped: a stack that overflows is a fault with a
  /// report, not somebody else's memory overwritten.
  static let stackGuard: UInt = 0x1000

  static func vcpu(_ index: Int) -> Fixed<VCPU> { Fixed(at: address(ofVCPU: index)) }

  static func address(ofVCPU index: Int) -> UInt {
    el2_address_of___vcpu_storage_start() &+ UInt(index & (maximumVCPUs &- 1)) &* vcpuStride
  }

  /// The vCPU of the core that executes this.
  static var current: Fixed<VCPU> { Fixed(at: UInt(el2_read_tpidr_el2())) }

  /// One past the highest byte of a core's EL2 stack.
  static func stackTop(of index: Int) -> UInt {
    el2_address_of___stacks_start() &+ (UInt(index & (maximumVCPUs &- 1)) &+ 1) &* stackSize
  }

  /// Whether everything fits where the linker script has room for it. A test asks; the figures are
  /// compile-time constants.
  static var fits: Bool {
    MemoryLayout<SharedState>.size <= Int(serverOffset)
      && MemoryLayout<DebugServer>.size <= 0x20000
      && MemoryLayout<VCPU>.size <= Int(vcpuStride)
  }
}
