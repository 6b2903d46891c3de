internal import ArmDebug
internal import DeviceTree
internal import EL2Support

/// The machine's interrupt controller as the rest of EL2 sees it. Nothing outside this folder knows which
/// controller it is, or names one of its registers.
struct MachineInterrupts: ~Copyable {
  private let controller: MachineInterruptController

  /// The controller of the machine as the firmware left it. EL2 has its registers mapped.
  ///
  /// - Parameter privateInterrupts: one for each vCPU, as `PrivateInterrupts()` makes them.
  init(
    _ machine: borrowing MachineDescription, _ parts: consuming InterruptControllerParts,
    privateInterrupts: PerVCPU<PrivateInterrupts>
  ) {
    let own = OwnInterrupts(
      // Any from 0 to 7: where there is an EL3, it usually keeps the others for itself.
      kick: InterruptNumber(7), maintenance: InterruptNumber(machine.maintenanceINTID),
      timer: InterruptNumber(machine.hypervisorTimerINTID), links: machine.link.interrupts)
    switch consume parts {
    case .gicV3(let redistributors):
      controller = .gicV3(
        InterruptController(
          hardware: machine.gicV3Hardware(redistributors), own: own,
          privateInterrupts: privateInterrupts),
        redistributors)
    case .gicV2(let frames):
      controller = .gicV2(
        InterruptController(
          hardware: GICv2Hardware(frames), own: own, privateInterrupts: privateInterrupts))
    }
  }

  // MARK: Starting and stopping

  /// Takes the distributor over, once, before the guest runs. The debug link's interrupt goes to `bootCore`,
  /// which must be the core that calls this.
  func startDistributor(bootCore: Int) throws(MachineError) {
    do throws(InterruptControllerFault) {
      switch controller {
      case .gicV3(let gic, _): try gic.startDistributor(bootProcessor: bootCore)
      case .gicV2(let gic): try gic.startDistributor(bootProcessor: bootCore)
      }
    } catch { throw .interruptControllerStuck(error) }
  }

  /// Starts the executing core, `core`, with `interface` as its vCPU's state, before anything else is done with
  /// either.
  func startCore(
    _ interface: inout VirtualCPUInterface, core: Int
  ) throws(MachineError) {
    do throws(InterruptControllerFault) {
      switch controller {
      case .gicV3(let gic, _): try gic.startCore(&interface, processor: core)
      case .gicV2(let gic): try gic.startCore(&interface, processor: core)
      }
    } catch { throw .interruptControllerStuck(error) }
  }

  /// The vCPU of the executing core is turned on: it has a CPU interface out of reset.
  func startVCPU(_ interface: inout VirtualCPUInterface) {
    switch controller {
    case .gicV3(let gic, _): gic.startVCPU(&interface)
    case .gicV2(let gic): gic.startVCPU(&interface)
    }
  }

  /// The vCPU of the executing core is turned off. The core goes on getting EL2's own interrupts.
  func stopVCPU(_ interface: inout VirtualCPUInterface) {
    switch controller {
    case .gicV3(let gic, _): gic.stopVCPU(&interface)
    case .gicV2(let gic): gic.stopVCPU(&interface)
    }
  }

  // MARK: Physical interrupts

  /// Fast path for the physical interrupt for which the executing core came to EL2.
  ///
  /// - Parameters:
  ///   - guestIsMasked: PSTATE.I of the guest.
  ///   - isCalled: whether another core asks this one for something besides interrupts.
  /// - Returns: nil if it is handled. Otherwise what is acknowledged already, or `none`, for
  ///   ``handlePhysicalInterrupt(_:acknowledged:guestIsMasked:)`` to go on with.
  @inline(__always)
  func deliverOnFastPath(
    _ interface: inout VirtualCPUInterface, guestIsMasked: @autoclosure () -> Bool,
    isCalled: @autoclosure () -> Bool
  ) -> AcknowledgedInterrupt? {
    switch controller {
    case .gicV3(let gic, _):
      gic.deliverOnFastPath(&interface, guestIsMasked: guestIsMasked(), isCalled: isCalled())
    case .gicV2(let gic): Self.deliver(gic, &interface, guestIsMasked: guestIsMasked())
    }
  }

  /// The fast path of a GICv2, out of the way of that of a GICv3. SGIs, which have a source there, are not on it.
  @inline(never)
  private static func deliver(
    _ gic: borrowing InterruptController<GICv2Hardware>, _ interface: inout VirtualCPUInterface,
    guestIsMasked: Bool
  ) -> AcknowledgedInterrupt? {
    gic.deliverOnFastPath(&interface, guestIsMasked: guestIsMasked, isCalled: true)
  }

  /// Handles the physical interrupts for which the executing core came to EL2.
  ///
  /// - Returns: the first of EL2's own that the caller must see to. If more are pending, the core comes to
  ///   EL2 again at once.
  func handlePhysicalInterrupt(
    _ interface: inout VirtualCPUInterface, acknowledged: AcknowledgedInterrupt, guestIsMasked: Bool
  ) -> HypervisorInterrupt? {
    switch controller {
    case .gicV3(let gic, _):
      gic.handlePhysicalInterrupt(
        &interface, acknowledged: acknowledged, guestIsMasked: guestIsMasked)
    case .gicV2(let gic):
      gic.handlePhysicalInterrupt(
        &interface, acknowledged: acknowledged, guestIsMasked: guestIsMasked)
    }
  }

  /// Calls the core of vCPU `core` into EL2, whether or not the vCPU is turned on.
  func kick(_ core: Int) {
    switch controller {
    case .gicV3(let gic, _): gic.kick(core)
    case .gicV2(let gic): gic.kick(core)
    }
  }

  // MARK: A core that waits in EL2

  /// Only EL2's own interrupts reach the executing core from now on.
  func beginWaiting(_ interface: inout VirtualCPUInterface) {
    switch controller {
    case .gicV3(let gic, _): gic.beginWaiting(&interface)
    case .gicV2(let gic): gic.beginWaiting(&interface)
    }
  }

  /// All interrupts reach it again.
  func endWaiting(_ interface: inout VirtualCPUInterface) {
    switch controller {
    case .gicV3(let gic, _): gic.endWaiting(&interface)
    case .gicV2(let gic): gic.endWaiting(&interface)
    }
  }

  /// Acknowledges one interrupt that has arrived while the core waits, so that a WFI waits for the next.
  func takeOwnInterrupt(_ interface: inout VirtualCPUInterface) {
    switch controller {
    case .gicV3(let gic, _): gic.takeOwnInterrupt(&interface)
    case .gicV2(let gic): gic.takeOwnInterrupt(&interface)
    }
  }

  // MARK: The guest's interrupts

  /// Brings what the guest is offered up to date, before the executing core goes back to the guest.
  func synchronize(_ interface: inout VirtualCPUInterface) {
    switch controller {
    case .gicV3(let gic, _): gic.synchronize(&interface)
    case .gicV2(let gic): gic.synchronize(&interface)
    }
  }

  /// Withholds the guest's interrupts, or no longer.
  func setWithheld(_ isWithheld: Bool, _ interface: inout VirtualCPUInterface) {
    switch controller {
    case .gicV3(let gic, _): gic.setWithheld(isWithheld, &interface)
    case .gicV2(let gic): gic.setWithheld(isWithheld, &interface)
    }
  }

  /// Whether an interrupt waits that would wake the executing core's vCPU from WFI. The caller must have
  /// called ``synchronize(_:)``.
  func hasPendingVirtualInterrupt(_ interface: borrowing VirtualCPUInterface) -> Bool {
    switch controller {
    case .gicV3(let gic, _): gic.hasPendingVirtualInterrupt(interface)
    case .gicV2(let gic): gic.hasPendingVirtualInterrupt(interface)
    }
  }

  /// ISR_EL1.I and .F as the vCPU of the executing core would read them now, whether or not its interrupts are
  /// withheld.
  func virtualInterruptStatus() -> UInt64 {
    switch controller {
    case .gicV3(let gic, _): gic.virtualInterruptStatus()
    case .gicV2(let gic): gic.virtualInterruptStatus()
    }
  }

  // MARK: The guest's accesses

  /// Completes a trapped access of a system register, `value` being what is written.
  ///
  /// - Returns: nil if the register is none of the interrupt controller's.
  func accessSystemRegister(
    _ access: SystemRegisterAccess, value: UInt64, _ interface: inout VirtualCPUInterface
  ) -> TrappedInterruptAccess? {
    switch controller {
    case .gicV3(let gic, _): gic.accessCPUInterface(access, value: value, &interface)
    // The guest has its CPU interface in memory. Such a register is UNDEFINED to it, or not there.
    case .gicV2: nil
    }
  }

  /// Fast path for a guest's write of ICC_SGI1R_EL1.
  ///
  /// - Returns: false, and nothing is done, if the executing core's vCPU must be looked at afterwards.
  @inline(__always)
  func requestSGIOnFastPath(
    _ value: UInt64, from interface: borrowing VirtualCPUInterface
  ) -> Bool {
    switch controller {
    case .gicV3(let gic, _): gic.requestSGIOnFastPath(value, from: interface)
    case .gicV2: false
    }
  }

  /// What of the interrupt controller is at a physical address; nil if nothing is.
  func place(of physical: UInt64, _ machine: borrowing MachineDescription) -> Place? {
    if machine.distributor.contains(physical) {
      return .distributor(offset: physical &- machine.distributor.address)
    }
    switch controller {
    case .gicV3(_, let redistributors):
      guard let place = redistributors.place(of: physical) else { return nil }
      return .redistributor(place)
    case .gicV2: return nil
    }
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
    switch controller {
    case .gicV3(let gic, _):
      switch place {
      case .distributor: gic.accessDistributor(access, by: &interface)
      case .redistributor(.processor(let processor, _)):
        gic.accessRedistributor(of: processor, access, by: &interface)
      case .redistributor(.unused(let base, _, let isLast)):
        InterruptController<GICv3Hardware>.accessUnusedRedistributor(access, isLast: isLast) {
          // A redistributor's frame, which the map has found, and which EL2 has mapped.
          unsafe el2_mmio_read32(UInt(base) &+ UInt($0))
        }
      case .redistributor(.nothing): 0
      }
    case .gicV2(let gic): gic.accessDistributor(access, by: &interface)
    }
  }
}

/// The one of the two controllers that the device tree names, with the same policy over it.
private enum MachineInterruptController: ~Copyable {
  /// With the redistributors' places.
  case gicV3(InterruptController<GICv3Hardware>, RedistributorMap)
  case gicV2(InterruptController<GICv2Hardware>)
}
