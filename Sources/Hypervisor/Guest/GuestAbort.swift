internal import ArmDebug
internal import DeviceTree
internal import EL2Support
internal import NestedDebug

/// A stage-2 fault of the guest: an access of the interrupt controller that EL2 completes, the first use of an address
/// that is not mapped yet, or an address that is not the guest's.
struct GuestAbort {
  let cores: EL2Cores
  let vcpu: Fixed<VCPU>
  let syndrome: Syndrome
  /// FAR_EL2: the virtual address.
  let faultAddress: UInt64

  private var isInstruction: Bool { syndrome.exceptionClass == .instructionAbortLower }
  private var access: DataAbort { DataAbort(iss: syndrome.iss) }

  func handle() -> ExitReason {
    // First of all: whatever of EL2's own faults on the way writes HPFAR_EL2.
    let page = StageTwoFault(access).page(hpfar: el2_read_hpfar_el2())
    guard let address = page.map({ $0 &+ faultAddress & Page.offsetMask }) ?? translated else {
      // The guest has changed its tables meanwhile: it tries again, and faults by the new ones if at all.
      return .stage2Map
    }
    let owner = cores.shared.value.machine.owned.owner(of: PhysicalAddress(oneToOne: address))
    if !isInstruction && !access.isTableWalk {
      switch owner {
      case .distributor, .redistributors:
        let shared = cores.shared
        if let place = shared.value.interrupts.place(of: address.rawValue, shared.value.machine) {
          return complete(at: place)
        }
      case .cpuInterfaces, .hypervisor, .debugLink, .console, .firmware, nil: break
      }
    }
    if access.isTranslationFault, owner?.isHidden != true, mapOnDemand(address) {
      return .stage2Map
    }
    refuse()
    return .stage2Refused
  }

  /// The intermediate address by the guest's own stage 1; nil if that does not permit the access.
  private var translated: IntermediateAddress? {
    let el: ExceptionLevel = vcpu.value.frame.value.context.pstate.isEL0 ? .el0 : .el1
    let stage1 = CoreAddressHardware().translate(
      VirtualAddress(faultAddress), from: el, isStore: !isInstruction && access.isWrite)
    guard let stage1, !stage1.isFault else { return nil }
    return IntermediateAddress(stage1.outputPage) &+ faultAddress & Page.offsetMask
  }

  /// Maps the gigabyte around an address that no node of the device tree named.
  ///
  /// - Returns: false if the address cannot be mapped.
  private func mapOnDemand(_ address: IntermediateAddress) -> Bool {
    guard Stage2Lock.take() else {
      // Whoever holds it may be mapping this very gigabyte. The guest tries again, and an interrupt or a standstill
      // comes in between.
      return true
    }
    defer { Stage2Lock.release() }
    do throws(TranslationError) {
      try cores.shared.value.stage2.mapOnDemand(address)
      return true
    } catch {
      return false
    }
  }

  // MARK: The interrupt controller

  private func complete(at place: MachineInterrupts.Place) -> ExitReason {
    complete(place.offset) {
      cores.shared.value.interrupts.access($0, at: place, by: &vcpu.value.interrupts)
    }
    return switch place {
    case .distributor: .distributor
    case .redistributor: .redistributor
    }
  }

  private func complete(_ offset: Int, _ body: (RegisterAccess) -> UInt64) {
    let frame = vcpu.value.frame
    // Without ISV the syndrome does not say what was accessed: a pair, a writeback form, a SIMD
    // register. No driver uses these on device registers, and such an access is refused as a bus would.
    guard access.isValid else {
      refuse()
      return
    }
    let size = access.size
    if access.isWrite {
      let mask = size == 8 ? UInt64.max : (1 &<< UInt64(8 &* size)) &- 1
      _ = body(.write(offset, size: size, frame.value[rt: access.register] & mask))
    } else {
      frame.value[rt: access.register] = access.extend(body(.read(offset, size: size)))
    }
    vcpu.value.debug.instructionEmulated(
      context: &frame.value.context, length: syndrome.il ? 4 : 2)
  }

  // MARK: Refusal

  /// What a bus says of an address where nothing is: a synchronous external abort, on the access or
  /// on the table walk (DFSC and IFSC 0b010000, 0b0101xx).
  private func refuse() {
    var iss: UInt64 = access.isTableWalk ? 0x14 | syndrome.iss & 3 : 0x10
    // WnR and CM are the guest's to see; stage-2 details are not.
    if !isInstruction { iss |= syndrome.iss & (1 &<< 6 | 1 &<< 8) }
    var hardware = CoreDebugHardware()
    vcpu.value.debug.inject(
      Syndrome(isInstruction ? .instructionAbortLower : .dataAbortLower, iss: iss),
      faultAddress: faultAddress, context: &vcpu.value.frame.value.context, hardware: &hardware)
  }
}

/// The lock around changes of stage 2 while vCPUs run.
enum Stage2Lock {
  /// How often a core looks before it goes back to its guest: long enough for a change, which takes some thousand
  /// instructions.
  private static var attempts: Int { 1 &<< 16 }

  /// - Returns: false if another core has kept it for too long.
  static func take() -> Bool {
    for _ in 0..<attempts where EL2Cores().exchange(.stage2Lock, of: 0, 1) == 0 {
      return true
    }
    return false
  }

  static func release() { EL2Cores().store(.stage2Lock, of: 0, 0) }
}
