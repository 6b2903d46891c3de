internal import NestedDebug
internal import RemoteProtocol

/// What the code that stops, resumes and powers the vCPUs, and the debugger's server, need of the rest of EL2.
///
/// At EL2 this is ``EL2Cores``, the one place that knows where EL2's state is. The tests have a model whose
/// every access of a word is a point where another core may go on.
protocol Platform: Cores {
  // MARK: State

  /// The vCPU of that number. It belongs to its core; the link core may touch it while the machine stands
  /// still.
  func vcpu(_ index: Int) -> Fixed<VCPU>
  /// The core that the debug link's interrupt goes to.
  var linkCore: Int { get }
  /// The guest's time. Written by the link core while everything stands still.
  var clock: GuestClock { get nonmutating set }
  /// What the debugger asks for. Written by the link core while everything stands still.
  var requests: Fixed<DebugRequests> { get }
  /// Written by the link core while everything stands still.
  var devices: GuestDevices { get nonmutating set }
  /// Written by the link core.
  var packetClock: PacketClock { get nonmutating set }

  // MARK: The core that executes this, and its vCPU

  associatedtype Counters: CounterHardware
  /// The performance counters.
  var counters: Counters { get }
  associatedtype View: ViewHardware
  /// The registers that are live in the core.
  var viewHardware: View { get }

  /// Reads the guest's debug registers into guest state.
  func captureGuestState(of vcpu: Fixed<VCPU>)
  /// From here on only EL2's own interrupts reach the core.
  func beginWaiting(_ vcpu: Fixed<VCPU>)
  /// Acknowledges what has arrived, so that a WFI waits for what comes next.
  func takeOwnInterrupt(_ vcpu: Fixed<VCPU>)
  /// All interrupts reach the core again.
  func endWaiting(_ vcpu: Fixed<VCPU>)
  /// CNTVOFF_EL2.
  func setVirtualOffset(_ offset: UInt64)
  /// Gives the registers that are live in the core their values at reset.
  func resetGuestRegisters(of vcpu: Fixed<VCPU>)
  /// Takes the vCPU's interrupts away from it: CPU_OFF.
  func stopInterrupts(of vcpu: Fixed<VCPU>)
  /// Waits in standby until an interrupt is pending for the vCPU, or for any shorter time.
  func standBy(_ vcpu: Fixed<VCPU>)

  // MARK: The guest's machine, and the firmware below

  /// The vCPU of that affinity, or nil. Bits that are not of an affinity field are 0.
  func vcpu(affinity: UInt64) -> Int?
  /// Whether the guest's RAM has a byte at `address`.
  func isGuestMemory(_ address: UInt64) -> Bool
  associatedtype AddressHardware: GuestAddressHardware
  /// The guest's memory, by stage 1 of the vCPU whose core executes this.
  var addressSpace: GuestAddressSpace<AddressHardware> { get }
  /// Whether the guest itself reaches what lies at the physical address.
  func isGuests(_ physical: PhysicalAddress) -> Bool
  /// The device tree has a trusted OS.
  var hasTrustedOS: Bool { get }
  /// Somebody answers an SMC of EL2's.
  var hasFirmware: Bool { get }
  /// Somebody can switch the machine off and reset it.
  var canEndMachine: Bool { get }
  /// Switches the machine off, or resets it. On the link core.
  ///
  /// - Returns: the answer of whoever should have done it, and has not.
  func endMachine(_ call: PSCI.Call) -> UInt64
  /// What firmware says of CPU_SUSPEND's argument.
  var powerStateFormat: PSCI.PowerState.Format { get }
  /// Firmware's answer; NOT_SUPPORTED where there is none.
  func callFirmware(_ call: PSCI.Call) -> UInt64
  /// Hands a guest's SMC to firmware, with x0 to x17 of `frame` as arguments and results.
  func passToFirmware(_ frame: Fixed<TrapFrame>)
  /// Has firmware start a physical core, in EL2.
  func startCore(_ core: Int) -> PSCI.Status

  // MARK: The way to people

  /// Sees to the debugger. On the link core.
  func serveDebugger()
  /// Tells the debugger that the machine's power goes off. On the link core.
  func tellDebuggerOfEnd()
  /// Writes to the console.
  func say(_ text: StaticString)
}
