internal import ArmDebug
internal import DeviceTree
internal import EL2Support

/// The machine's interrupt controller as the rest of EL2 sees it. Nothing outside this folder knows which
/// controller it is, or names one of its registers.
///
/// A GICv2 comes in here: as a second case beside the GICv3 below, chosen from the device tree, with the same
/// `InterruptController` over a `GICv2Hardware` that supplies
/// - `VirtualInterface` from GICH: `ListRegister` to and from the 32 bits of GICH_LR<n>, SGIs with the source
///   CPU in them (`sgisHaveSources`), GICH_VTR, GICH_HCR and GICH_VMCR as they are, one GICH_APR for both
///   groups, no trap of acknowledges or deactivations, and a DSB in place of an ISB before the guest goes on;
/// - `DistributorHardware` from GICD and GICC: GICC_IAR as it was read in `AcknowledgedInterrupt` (the number is
///   its bits [9:0]), GICC_DIR at the frame's second page, be that 4 KiB or 64 KiB away, GICD_SGIR with the CPU
///   interface numbers that each core reads in its banked GICD_ITARGETSR0, ITARGETSR bytes for `route`, the
///   executing core's banked registers for whatever `processor`; nothing sleeps, and there are no LPIs;
/// - its own half for the guest's accesses, as `GuestGICD.swift` is for a GICv3: `accessBits`,
///   `accessPriority` and `accessConfiguration` complete the registers that both have, `enableGroups`
///   GICD_CTLR, and `sendSGI` what a trapped GICD_SGIR asks for. GICV is mapped to the guest at GICC's address.
struct MachineInterrupts: ~Copyable {
  private let controller: InterruptController<GICv3Hardware>
  private let redistributors: RedistributorMap

  /// The controller of the machine as the firmware left it. EL2 has its registers mapped.
  ///
  /// - Parameter privateInterrupts: one for each vCPU, as `PrivateInterrupts()` makes them.
  init(
    _ machine: borrowing MachineDescription, _ redistributors: consuming RedistributorMap,
    privateInterrupts: PerVCPU<PrivateInterrupts>
  ) {
    let own = OwnInterrupts(
      // Any from 0 to 7: where there is an EL3, it usually keeps the others for itself.
      kick: InterruptNumber(7), maintenance: InterruptNumber(machine.maintenanceINTID),
      timer: InterruptNumber(machine.hypervisorTimerINTID), links: machine.link.interrupts)
    controller = InterruptController(
      hardware: machine.gicV3Hardware(redistributors), own: own,
      privateInterrupts: privateInterrupts)
    self.redistributors = redistributors
  }

  // MARK: Starting and stopping

  /// Takes the distributor over, once, before the guest runs. The debug link's interrupt goes to `bootCore`,
  /// which must be the core that calls this.
  func startDistributor(bootCore: Int) throws(MachineError) {
    do throws(InterruptControllerFault) {
      try controller.startDistributor(bootProcessor: bootCore)
    } catch { throw .interruptControllerStuck(error) }
  }

  /// Starts the executing core, `core`, with `interface` as its vCPU's state, before anything else is done with
  /// either.
  func startCore(
    _ interface: inout VirtualCPUInterface, core: Int
  ) throws(MachineError) {
    do throws(InterruptControllerFault) {
      try controller.startCore(&interface, processor: core)
    } catch { throw .interruptControllerStuck(error) }
  }

  /// The vCPU of the executing core is turned on: it has a CPU interface out of reset.
  func startVCPU(_ interface: inout VirtualCPUInterface) { controller.startVCPU(&interface) }

  /// The vCPU of the executing core is turned off. The core goes on getting EL2's own interrupts.
  func stopVCPU(_ interface: inout VirtualCPUInterface) { controller.stopVCPU(&interface) }

  // MARK: Physical interrupts

  /// Fast path for the physical interrupt for which the executing core came to EL2.
  ///
  /// - Parameter guestIsMasked: PSTATE.I of the guest.
  /// - Returns: nil if it is handled. Otherwise what is acknowledged already, or `none`, for
  ///   ``handlePhysicalInterrupt(_:acknowledged:guestIsMasked:)`` to go on with.
  @inline(__always)
  func deliverOnFastPath(
    _ interface: inout VirtualCPUInterface, guestIsMasked: @autoclosure () -> Bool
  ) -> AcknowledgedInterrupt? {
    controller.deliverOnFastPath(&interface, guestIsMasked: guestIsMasked())
  }

  /// Handles the physical interrupts for which the executing core came to EL2.
  ///
  /// - Returns: the first of EL2's own that the caller must see to. If more are pending, the core comes to
  ///   EL2 again at once.
  func handlePhysicalInterrupt(
    _ interface: inout VirtualCPUInterface, acknowledged: AcknowledgedInterrupt, guestIsMasked: Bool
  ) -> HypervisorInterrupt? {
    controller.handlePhysicalInterrupt(
      &interface, acknowledged: acknowledged, guestIsMasked: guestIsMasked)
  }

  /// Calls the core of vCPU `core` into EL2, whether or not the vCPU is turned on.
  func kick(_ core: Int) { controller.kick(core) }

  // MARK: A core that waits in EL2

  /// Only EL2's own interrupts reach the executing core from now on.
  func beginWaiting(_ interface: inout VirtualCPUInterface) { controller.beginWaiting(&interface) }

  /// All interrupts reach it again.
  func endWaiting(_ interface: inout VirtualCPUInterface) { controller.endWaiting(&interface) }

  /// Acknowledges one interrupt that has arrived while the core waits, so that a WFI waits for the next.
  func takeOwnInterrupt(_ interface: inout VirtualCPUInterface) {
    controller.takeOwnInterrupt(&interface)
  }

  // MARK: The guest's interrupts

  /// Brings what the guest is offered up to date, before the executing core goes back to the guest.
  func synchronize(_ interface: inout VirtualCPUInterface) { controller.synchronize(&interface) }

  /// Withholds the guest's interrupts, or no longer.
  func setWithheld(_ isWithheld: Bool, _ interface: inout VirtualCPUInterface) {
    controller.setWithheld(isWithheld, &interface)
  }

  /// Whether an interrupt waits that would wake the executing core's vCPU from WFI. The caller must have
  /// called ``synchronize(_:)``.
  func hasPendingVirtualInterrupt(_ interface: borrowing VirtualCPUInterface) -> Bool {
    controller.hasPendingVirtualInterrupt(interface)
  }

  /// ISR_EL1.I and .F as the vCPU of the executing core would read them now, whether or not its interrupts are
  /// withheld.
  func virtualInterruptStatus() -> UInt64 { controller.virtualInterruptStatus() }

  // MARK: The guest's accesses

  /// Completes a trapped access of a system register, `value` being what is written.
  ///
  /// - Returns: nil if the register is none of the interrupt controller's.
  func accessSystemRegister(
    _ access: SystemRegisterAccess, value: UInt64, _ interface: inout VirtualCPUInterface
  ) -> TrappedInterruptAccess? {
    controller.accessCPUInterface(access, value: value, &interface)
  }

  /// What of the interrupt controller is at a physical address; nil if nothing is.
  func place(of physical: UInt64, _ machine: borrowing MachineDescription) -> Place? {
    if machine.distributor.contains(physical) {
      return .distributor(offset: physical &- machine.distributor.address)
    }
    return redistributors.place(of: physical).map { .redistributor($0) }
  }

  /// A register that the guest accesses in memory.
  enum Place: Equatable {
    case distributor(offset: UInt64)
    case redistributor(RedistributorMap.Place)

    /// The offset that the access at this place has.
    var offset: Int {
      switch self {
      case .distributor(let offset), .redistributor(.processor(_, let offset)),
        .redistributor(.unused(_, let offset, _)):
        Int(truncatingIfNeeded: offset)
      case .redistributor(.nothing): 0
      }
    }
  }

  /// Completes an access at `place`, by the vCPU of `interface`. Returns what is read, and 0 for a write. The
  /// caller must call ``synchronize(_:)`` before the guest goes on.
  func access(
    _ access: RegisterAccess, at place: Place, by interface: inout VirtualCPUInterface
  ) -> UInt64 {
    switch place {
    case .distributor: controller.accessDistributor(access, by: &interface)
    case .redistributor(.processor(let processor, _)):
      controller.accessRedistributor(of: processor, access, by: &interface)
    case .redistributor(.unused(let base, _, let isLast)):
      InterruptController<GICv3Hardware>.accessUnusedRedistributor(access, isLast: isLast) {
        // A redistributor's frame, which the map has found, and which EL2 has mapped.
        unsafe el2_mmio_read32(UInt(base) &+ UInt($0))
      }
    case .redistributor(.nothing): 0
    }
  }
}
