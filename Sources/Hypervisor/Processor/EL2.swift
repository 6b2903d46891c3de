internal import DeviceTree
internal import EL2Support
internal import NestedDebug
internal import RemoteProtocol

/// What all cores share. Written by the boot core before any guest runs; later each field by whom its
/// comment names.
struct SharedState: ~Copyable {
  let machine: MachineDescription
  let vcpus: PerVCPU<VCPU>
  let stacks: CoreStacks
  /// Where cores of a spin table wait. Written by whoever turns a vCPU on, while that is ON_PENDING.
  let pen: PerVCPU<PenPlace>
  let interrupts: MachineInterrupts
  /// Written under ``CoreWord/stage2Lock``, or while everything stands still.
  var stage2: GuestStage2
  /// The core that the debug link's interrupt goes to.
  let linkCore: Int
  /// How firmware, and so the guest, writes CPU_SUSPEND's argument.
  let powerStateFormat: PSCI.PowerState.Format
  /// Written by the link core while everything stands still.
  var clock = GuestClock()
  /// Written while everything stands still: by the link core, and by the core that it asks for an access.
  var devices = GuestDevices()
  /// Written by the link core.
  var packetClock = PacketClock()
}

/// The ``CoreWord``s of one core, a cache line: `el2_core_words` in `EL2Support.h`.
struct CoreWordLine {
  private let words = InlineArray<16, UInt32>(repeating: 0)
}

/// EL2's state, at the places that the linker script gives it.
enum EL2 {
  /// What all cores share.
  static var shared: Fixed<SharedState> {
    // The linker script sets the storage aside; the boot core initialises it before anything reads it.
    unsafe Fixed(at: el2_address_of___shared_storage_start())
  }

  /// The debugger's server. It belongs to the link core, and is apart from ``shared`` because it
  /// calls back into what uses that. There is one, with a driver of its own type: what each byte of a
  /// packet passes through makes no choice.
  static var virtioServer: Fixed<DebugServer<EL2Cores, DebugLinkDriver.Virtio>> {
    // As `shared`.
    unsafe Fixed(at: el2_address_of___shared_storage_start() &+ serverOffset)
  }

  /// The same, where the link is a serial line.
  static var serialServer: Fixed<DebugServer<EL2Cores, DebugLinkDriver.Serial>> {
    // As `shared`.
    unsafe Fixed(at: el2_address_of___shared_storage_start() &+ serverOffset)
  }

  /// What the debugger asks for on every vCPU. Written by the link core while everything stands still.
  static var requests: Fixed<DebugRequests> {
    // As `shared`.
    unsafe Fixed(at: el2_address_of___shared_storage_start() &+ requestsOffset)
  }

  /// Makes ``requests``, with room for some five hundred. On the boot core, once.
  static func initializeRequests() {
    let start = el2_address_of___shared_storage_start() &+ requestsOffset &+ 64
    // The linker script sets the memory aside, and nobody else is given it.
    let memory = unsafe UnsafeMutableRawBufferPointer(
      start: UnsafeMutableRawPointer(bitPattern: start),
      count: Int(serverOffset &- requestsOffset &- 64))
    requests.initialize(to: unsafe DebugRequests(memory: memory))
  }

  private static let requestsOffset: UInt = 0x18000
  private static let serverOffset: UInt = 0x20000
  static func vcpu(_ index: Int) -> Fixed<VCPU> { shared.value.vcpus.place(of: index) }

  /// The vCPU of the core that executes this.
  static var current: Fixed<VCPU> {
    // `Core.start` puts the place of the core's vCPU into TPIDR_EL2, which nobody else writes.
    unsafe Fixed(at: UInt(el2_read_tpidr_el2()))
  }

  /// What EL2 takes of memory for each vCPU, in bytes: its stack, its state and what else is per vCPU.
  static let memoryPerVCPU: UInt = 0x2_0000

  /// Whether everything fits where the linker script, or the memory of a vCPU, has room for it. A test
  /// asks; the figures are compile-time constants.
  static var fits: Bool {
    MemoryLayout<SharedState>.size <= Int(requestsOffset)
      && MemoryLayout<DebugRequests>.size <= 64
      && MemoryLayout<DebugServer<EL2Cores, DebugLinkDriver.Virtio>>.size <= 0x20000
      && MemoryLayout<DebugServer<EL2Cores, DebugLinkDriver.Serial>>.size <= 0x20000
      && max(DebugLinkDriver.Virtio.memoryNeeded, DebugLinkDriver.Serial.memoryNeeded) <= 0x50000
      && UInt(MemoryLayout<VCPU>.stride) <= memoryPerVCPU &- CoreStacks.size &- 0x1000
  }
}
