internal import ArmDebug
internal import DeviceTree
internal import EL2Support
internal import NestedDebug

/// A stage-2 fault of the guest's: an access of the interrupt controller that EL2 completes, the first
/// use of an address that is not mapped yet, or an address that is not the guest's.
struct GuestAbort {
  let vcpu: Fixed<VCPU>
  let syndrome: Syndrome
  /// FAR_EL2: the virtual address.
  let faultAddress: UInt64

  private var isInstruction: Bool { syndrome.exceptionClass == .instructionAbortLower }
  private var access: DataAbort { DataAbort(iss: syndrome.iss) }

  /// The intermediate physical address: HPFAR_EL2 has its page, FAR_EL2 the offset. (HPFAR_EL2 is
  /// valid for every fault that EL2 gets: translation faults, and faults of a table walk.)
  private var physical: UInt64 {
    (el2_read_hpfar_el2() &>> 4 & 0xff_ffff_ffff) &<< 12 | faultAddress & 0xfff
  }

  func handle() {
    let physical = physical
    let shared = EL2.shared
    if !isInstruction && !access.isTableWalk {
      if let place = shared.value.interrupts.place(of: physical, shared.value.machine) {
        complete(at: place)
        return
      }
    }
    if access.isTranslationFault, Stage2.isGuests(physical, shared.value.machine),
      Stage2.mapOnDemand(physical)
    {
      vcpu.value.exits.count(.stage2Map)
      return
    }
    vcpu.value.exits.count(.stage2Refused)
    refuse()
  }

  // MARK: The interrupt controller

  private func complete(at place: MachineInterrupts.Place) {
    switch place {
    case .distributor: vcpu.value.exits.count(.distributor)
    case .redistributor: vcpu.value.exits.count(.redistributor)
    }
    complete(place.offset) {
      EL2.shared.value.interrupts.access($0, at: place, by: &vcpu.value.interrupts)
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

extension Stage2 {
  /// Whether an address is one that the guest may reach: not EL2's, not the interrupt controller's,
  /// not the debug link's.
  static func isGuests(_ physical: UInt64, _ machine: borrowing MachineDescription) -> Bool {
    if machine.hypervisor.contains(physical) || machine.linkPage.contains(physical) { return false }
    if machine.distributor.contains(physical) { return false }
    for index in 0..<machine.redistributors.count
    where machine.redistributors[index].contains(physical) {
      return false
    }
    return true
  }

  /// The whole gigabytes that `region` lies in.
  static func gigabytes(around region: Region) -> Region {
    let gigabyte: UInt64 = 1 &<< 30
    let end = (region.end &- 1) | (gigabyte &- 1)
    return Region(from: region.address & ~(gigabyte &- 1), to: end == .max ? end : end &+ 1)
  }

  /// Maps the gigabyte around an address that no node of the device tree named.
  ///
  /// - Returns: false if it lies beyond what stage 2 reaches or the pool of tables is used up.
  static func mapOnDemand(_ physical: UInt64) -> Bool {
    let shared = EL2.shared
    let region = gigabytes(around: Region(from: physical, to: physical &+ 1))
    return withLock {
      // Another vCPU may have been faster.
      if shared.value.stage2.lookup(physical, in: shared.value.memory) != nil { return true }
      // A gigabyte that holds something of EL2's was mapped at boot: what faults in it stays so.
      do throws(TranslationError) {
        try shared.value.stage2.set(region, attributes: open, in: &shared.value.memory)
        return true
      } catch {
        return false
      }
    }
  }

  private static func withLock<Result>(_ body: () -> Result) -> Result {
    while CoreWord.stage2Lock.exchange(0, 1) != 0 {}
    defer { CoreWord.stage2Lock.store(0, 0) }
    return body()
  }
}
