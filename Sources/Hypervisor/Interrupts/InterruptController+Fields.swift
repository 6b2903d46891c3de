// The guest's accesses of the registers that have a field for each interrupt. They are completed on
// the hardware, except for
// - EL2's own interrupts, whose fields read as 0 and ignore writes;
// - SGIs and groups, which are virtual;
// - interrupts that EL2 has acknowledged and the guest has not: they are active in hardware and
//   pending to the guest.
//
// Of the last, those of the accessing vCPU itself are seen exactly. One that is in another vCPU's
// list register appears as it is in hardware: as if that vCPU had just acknowledged it.

/// One access of a 32-bit register with one bit for each interrupt.
private struct BitAccess {
  let register: InterruptRegister
  let first: InterruptNumber
  let frame: InterruptFrame
  let offset: Int
  /// The fields that are the hardware's: neither EL2's own nor SGIs.
  let physical: UInt32
  /// The fields that are SGIs of the guest's.
  let sgis: UInt32
  /// The vCPU whose private interrupts these are; nil for shared ones.
  let processor: Int?
}

extension InterruptController where Hardware: ~Copyable {
  /// Completes an access of `field` in `frame` by the vCPU of `interface`.
  func accessField(
    _ field: InterruptField, in frame: InterruptFrame, _ access: RegisterAccess,
    by interface: inout VirtualCPUInterface
  ) -> UInt64 {
    switch field.register {
    case .groupModifier, .nonSecureAccess, .nonMaskable, .targets:
      // RES0 with affinity routing, for Non-secure software, or without what GICD_TYPER hides.
      return 0
    case .route:
      return accessRoute(field.number, access)
    case .priority:
      return accessPriority(field.number, in: frame, access, by: &interface)
    case .configuration:
      return accessConfiguration(field.number, in: frame, access)
    default:
      guard access.size == 4 else { return 0 }
      var processor: Int?
      var (ofSGIs, sgis): (UInt32, UInt32) = (0, 0)
      if case .redistributor(let index) = frame {
        processor = index
        if field.number.rawValue == 0 { (ofSGIs, sgis) = (0xffff, self.sgis.mask) }
      }
      let bits = BitAccess(
        register: field.register, first: field.number, frame: frame, offset: access.offset,
        physical: ~own.mask(from: field.number) & ~ofSGIs, sgis: sgis, processor: processor)
      guard let word = access.word else { return UInt64(read(bits, by: interface)) }
      write(bits, word, by: &interface)
      return 0
    }
  }

  // MARK: One bit for each interrupt

  private func read(_ bits: BitAccess, by interface: borrowing VirtualCPUInterface) -> UInt32 {
    let isOwn = bits.processor == nil || bits.processor == interface.processor
    switch bits.register {
    case .group:
      return groupWord(bits)
    case .setEnable, .clearEnable:
      return hardware.read32(bits.frame, bits.offset) & bits.physical
        | (bits.processor.map { redistributors[$0].enabledSGIs } ?? 0) & bits.sgis
    case .setPending, .clearPending:
      let held = isOwn ? heldPending(from: bits.first, interface) : 0
      return hardware.read32(bits.frame, bits.offset) & bits.physical | held
        | (bits.processor.map { redistributors[$0].pendingSGIs } ?? 0) & bits.sgis
    case .setActive, .clearActive:
      let value = hardware.read32(bits.frame, bits.offset) & bits.physical
      guard isOwn else { return value }
      return value & ~heldPending(from: bits.first, interface)
        | activeSGIs(interface) & bits.sgis
    default:
      return 0
    }
  }

  private func write(
    _ bits: BitAccess, _ value: UInt32, by interface: inout VirtualCPUInterface
  ) {
    let sgis = value & bits.sgis
    let physical = value & bits.physical
    switch bits.register {
    case .group:
      setGroupWord(bits, value)
      changed(bits, physical | bits.sgis, by: interface)
    case .setEnable:
      hardware.write32(bits.frame, bits.offset, physical)
      if let processor = bits.processor { redistributors[processor].enable(sgis: sgis) }
      if sgis != 0 { changed(bits, sgis, by: interface) }
    case .clearEnable:
      hardware.write32(bits.frame, bits.offset, physical)
      if let processor = bits.processor { redistributors[processor].disable(sgis: sgis) }
      // From here on no core acknowledges them, so what is active now is all there is to withdraw.
      waitForWrite(bits.frame)
      changed(bits, physical | sgis, by: interface)
    case .setPending:
      // What EL2 holds as pending is pending: once more would be once too often.
      let held = isOwn(bits, interface) ? heldPending(from: bits.first, interface) : 0
      let index = bits.first.wordIndex
      if let processor = bits.processor {
        redistributors[processor].softwarePending.set(physical, held: held, at: index)
        redistributors[processor].setPending(sgis: sgis & ~held)
      } else {
        distributor.softwarePending.set(physical, held: held, at: index)
      }
      hardware.write32(bits.frame, bits.offset, physical & ~held)
      if sgis != 0 { changed(bits, sgis, by: interface) }
    case .clearPending:
      if isOwn(bits, interface) {
        withdraw(value & (bits.physical | bits.sgis), from: bits.first, &interface) {
          controller, number, interface in controller.drop(number, &interface)
        }
      }
      hardware.write32(bits.frame, bits.offset, physical)
      let index = bits.first.wordIndex
      if let processor = bits.processor {
        redistributors[processor].softwarePending.clear(physical, at: index)
        redistributors[processor].clearPending(sgis: sgis)
      } else {
        distributor.softwarePending.clear(physical, at: index)
      }
    case .setActive:
      if isOwn(bits, interface) {
        withdraw(physical, from: bits.first, &interface) {
          controller, number, interface in controller.giveBack(number, &interface)
        }
        interface.active.unorderedSGIs |= sgis & ~activeSGIs(interface)
      }
      hardware.write32(bits.frame, bits.offset, physical)
    case .clearActive:
      var held: UInt32 = 0
      if isOwn(bits, interface) {
        held = heldPending(from: bits.first, interface)
        deactivate(value & (bits.physical | bits.sgis), from: bits.first, &interface)
      }
      hardware.write32(bits.frame, bits.offset, physical & ~held)
    default:
      break
    }
  }

  private func isOwn(_ bits: BitAccess, _ interface: borrowing VirtualCPUInterface) -> Bool {
    bits.processor == nil || bits.processor == interface.processor
  }

  private func groupWord(_ bits: BitAccess) -> UInt32 {
    guard distributor.hasSingleSecurityState else { return 0 }
    guard let processor = bits.processor else { return distributor.groupWord(from: bits.first) }
    return redistributors[processor].groupWord(from: bits.first)
  }

  private func setGroupWord(_ bits: BitAccess, _ value: UInt32) {
    guard distributor.hasSingleSecurityState else { return }
    let value = value & (bits.physical | bits.sgis)
    guard let processor = bits.processor else {
      return distributor.setGroupWord(from: bits.first, value)
    }
    redistributors[processor].setGroupWord(from: bits.first, value)
  }

  // MARK: What EL2 holds for the executing core's vCPU

  /// The interrupts from `first` on that the guest has pending though they are not so in hardware:
  /// a bit each. SGIs count here as well.
  private func heldPending(
    from first: InterruptNumber, _ interface: borrowing VirtualCPUInterface
  ) -> UInt32 {
    let registers = ListRegisterFile(
      reading: hardware, count: virtualInterface.listRegisterCount)
    return interface.queue.mask(from: first) | registers.mask(from: first) { $0.isPending }
  }

  private func activeSGIs(_ interface: borrowing VirtualCPUInterface) -> UInt32 {
    let registers = ListRegisterFile(
      reading: hardware, count: virtualInterface.listRegisterCount)
    return registers.mask(from: InterruptNumber(0)) { $0.isActive } | interface.active.activeSGIs
  }

  /// Takes those of `mask` that the guest has pending out of list registers and queue, and hands
  /// each physical one to `body`.
  private func withdraw(
    _ mask: UInt32, from first: InterruptNumber, _ interface: inout VirtualCPUInterface,
    _ body: (borrowing Self, InterruptNumber, inout VirtualCPUInterface) -> Void
  ) {
    var registers = ListRegisterFile(
      reading: hardware, count: virtualInterface.listRegisterCount)
    for n in 0..<registers.count where registers[n].isPending {
      let distance = registers[n].number.rawValue &- first.rawValue
      guard distance < 32 && mask & 1 << distance != 0 else { continue }
      if registers[n].isHardwareLinked { interface.queue.insert(registers[n].number) }
      registers[n].isPending = false
    }
    registers.write(to: hardware)
    var rest = mask & interface.queue.mask(from: first)
    while rest != 0 {
      let number = InterruptNumber(first.rawValue &+ UInt32(rest.trailingZeroBitCount))
      body(self, number, &interface)
      rest &= rest &- 1
    }
  }

  /// Makes those of `mask` that the guest is handling inactive to it. The caller does the same in
  /// hardware.
  private func deactivate(
    _ mask: UInt32, from first: InterruptNumber, _ interface: inout VirtualCPUInterface
  ) {
    var registers = ListRegisterFile(
      reading: hardware, count: virtualInterface.listRegisterCount)
    for n in 0..<registers.count where registers[n].isActive {
      let distance = registers[n].number.rawValue &- first.rawValue
      if distance < 32 && mask & 1 << distance != 0 { registers[n].isActive = false }
    }
    registers.write(to: hardware)
    var rest = mask
    while rest != 0 {
      interface.active.deactivate(
        InterruptNumber(first.rawValue &+ UInt32(rest.trailingZeroBitCount)))
      rest &= rest &- 1
    }
  }

  /// A guest's write of ICC_DIR_EL1, which traps (ESR_EL2.EC 0x18) after active interrupts had to
  /// leave the list registers of a guest with EOImode 1.
  func deactivate(_ value: UInt64, _ interface: inout VirtualCPUInterface) {
    let number = InterruptNumber(UInt32(truncatingIfNeeded: value & 0xff_ffff))
    let control = VirtualMachineControl(rawValue: hardware.read(.ichVMCR))
    guard control.splitsDeactivation, number.kind == .sgi || number.isPeripheral,
      number.kind == .sgi || !own.contains(number)
    else { return }
    let first = InterruptNumber(number.rawValue & ~31)
    let bit = number.bit
    // Pending to the guest, and active only because EL2 holds it: there is nothing to deactivate.
    let isHeld = heldPending(from: first, interface) & bit != 0
    deactivate(bit, from: first, &interface)
    if number.isPeripheral && !isHeld { hardware.write(.iccDIR, UInt64(number.rawValue)) }
  }

  // MARK: Wider fields

  private func accessPriority(
    _ first: InterruptNumber, in frame: InterruptFrame, _ access: RegisterAccess,
    by interface: inout VirtualCPUInterface
  ) -> UInt64 {
    guard access.size == 1 || access.size == 4 else { return 0 }
    var result: UInt64 = 0
    for n in 0..<access.size {
      let number = InterruptNumber(first.rawValue &+ UInt32(n))
      let shift = UInt64(n) &* 8
      guard let value = access.value else {
        result |= UInt64(guestPriority(of: number, in: frame, at: access.offset &+ n)) << shift
        continue
      }
      let byte = UInt8(truncatingIfNeeded: value >> shift)
      setGuestPriority(of: number, in: frame, at: access.offset &+ n, byte)
    }
    if access.value != nil {
      changed(
        frame, InterruptNumber(first.rawValue & ~31),
        (1 << UInt32(access.size) &- 1) << (first.rawValue & 31), by: interface)
    }
    return result
  }

  private func guestPriority(
    of number: InterruptNumber, in frame: InterruptFrame, at offset: Int
  ) -> UInt8 {
    if case .redistributor(let processor) = frame, number.kind == .sgi {
      return redistributors[processor].priority(ofSGI: Int(number.rawValue))
    }
    return own.contains(number) ? 0 : hardware.read8(frame, offset)
  }

  private func setGuestPriority(
    of number: InterruptNumber, in frame: InterruptFrame, at offset: Int, _ value: UInt8
  ) {
    if case .redistributor(let processor) = frame, number.kind == .sgi {
      guard sgis.contains(number) else { return }
      redistributors[processor].setPriority(
        ofSGI: Int(number.rawValue), value & sgis.priorityBits)
    } else if !own.contains(number) {
      hardware.write8(frame, offset, value)
    }
  }

  private func accessConfiguration(
    _ first: InterruptNumber, in frame: InterruptFrame, _ access: RegisterAccess
  ) -> UInt64 {
    guard access.size == 4 else { return 0 }
    // Two bits for each of sixteen interrupts.
    var hidden: UInt32 = 0
    let mask = own.mask(from: first)
    for n in 0..<16 as Range<UInt32> where mask & 1 << n != 0 { hidden |= 0b11 << (n &* 2) }
    let current = hardware.read32(frame, access.offset)
    guard let word = access.word else { return UInt64(current & ~hidden) }
    // EL2's fields never change, so this needs no lock.
    if first.kind != .sgi {
      hardware.write32(frame, access.offset, word & ~hidden | current & hidden)
    }
    return 0
  }

  private func accessRoute(_ number: InterruptNumber, _ access: RegisterAccess) -> UInt64 {
    guard access.size == 4 || access.size == 8, !own.contains(number) else { return 0 }
    // IRM, one of many, is not offered (see GICD_TYPER).
    let mode: UInt64 = access.offset & 7 == 0 ? 1 << 31 : 0
    switch (access.size, access.value) {
    case (4, let value?):
      hardware.write32(.distributor, access.offset, UInt32(truncatingIfNeeded: value & ~mode))
    case (_, let value?):
      hardware.write64(.distributor, access.offset, value & ~mode)
    case (4, nil):
      return UInt64(hardware.read32(.distributor, access.offset)) & ~mode
    case (_, nil):
      return hardware.read64(.distributor, access.offset) & ~mode
    }
    return 0
  }

  // MARK: Telling the vCPUs

  /// Whether vCPU `processor` runs and has not yet looked at what changed.
  func isRevalidationPending(on processor: Int) -> Bool {
    redistributors[processor].isOnline && redistributors[processor].needsRevalidation
  }

  /// Something about the interrupts of vCPU `processor` changed, through the vCPU `author`: it
  /// looks before it next runs the guest.
  func changed(for processor: Int, by author: Int) {
    guard redistributors[processor].isOnline else { return }
    redistributors[processor].requestRevalidation()
    if processor != author { kick(processor) }
  }

  /// Something changed for all vCPUs.
  func changedForAll(by author: Int) {
    for processor in 0..<processorCount { changed(for: processor, by: author) }
  }

  private func changed(
    _ bits: BitAccess, _ mask: UInt32, by interface: borrowing VirtualCPUInterface
  ) {
    changed(bits.frame, bits.first, mask, by: interface)
  }

  /// The guest's settings for the interrupts in `mask`, from `first` on, changed. Of physical ones
  /// only those matter that EL2 has acknowledged: they are active.
  private func changed(
    _ frame: InterruptFrame, _ first: InterruptNumber, _ mask: UInt32,
    by interface: borrowing VirtualCPUInterface
  ) {
    if case .redistributor(let processor) = frame {
      let sgis: UInt32 = first.rawValue == 0 ? 0xffff : 0
      if mask & sgis != 0 || active(first, frame) & mask != 0 {
        changed(for: processor, by: interface.processor)
      }
      return
    }
    var rest = active(first, frame) & mask
    guard rest != 0 else { return }
    redistributors[interface.processor].requestRevalidation()
    // Most often the vCPU changes an interrupt that it is handling itself.
    let registers = ListRegisterFile(
      reading: hardware, count: virtualInterface.listRegisterCount)
    rest &= ~(registers.mask(from: first) { _ in true } | interface.queue.mask(from: first))
    if rest != 0 { changedForAll(by: interface.processor) }
  }

  private func active(_ first: InterruptNumber, _ frame: InterruptFrame) -> UInt32 {
    hardware.read32(frame, InterruptRegister.setActive.offset(of: first))
  }
}
