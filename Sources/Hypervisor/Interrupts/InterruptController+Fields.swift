// The guest's accesses of the registers that have a field for each interrupt. They are completed on
// the hardware, except for
// - EL2's own interrupts, whose fields read as 0 and ignore writes;
// - SGIs and groups, which are virtual;
// - interrupts that EL2 has acknowledged and the guest has not: they are active in hardware and
//   pending to the guest.
//
// Of the last, the accessing vCPU sees its own exactly. One that is in another vCPU's list register
// appears as it is in hardware: as if that vCPU had just acknowledged it.

/// One access of a 32-bit register with one bit for each interrupt.
private struct BitAccess {
  let register: InterruptRegister
  let first: InterruptNumber
  /// The fields that are the hardware's: neither EL2's own nor SGIs.
  let physical: UInt32
  /// The fields that are SGIs of the guest's.
  let sgis: UInt32
  /// The vCPU whose private interrupts these are; nil for shared ones.
  let processor: Int?
}

extension InterruptController where Hardware: ~Copyable {
  /// Completes an access of a register with a bit for each interrupt by the vCPU of `interface`: of the
  /// private interrupts of vCPU `processor`, or of shared ones.
  func accessBits(
    _ field: InterruptField, ofProcessor processor: Int?, _ access: RegisterAccess,
    by interface: inout VirtualCPUInterface
  ) -> UInt64 {
    guard access.size == 4 else { return 0 }
    let hasSGIs = processor != nil && field.number.rawValue == 0
    // An SGI with sources is made pending, and not pending, by GICD_SPENDSGIR and GICD_CPENDSGIR.
    let ignoresSGIs =
      Hardware.sgisHaveSources && access.value != nil
      && (field.register == .ispendr || field.register == .icpendr)
    let bits = BitAccess(
      register: field.register, first: field.number,
      physical: ~own.mask(from: field.number) & (hasSGIs ? 0xffff_0000 : ~0),
      sgis: hasSGIs && !ignoresSGIs ? sgis.mask : 0, processor: processor)
    guard let word = access.word else { return UInt64(read(bits, by: interface)) }
    write(bits, word, by: &interface)
    return 0
  }

  private func hardwareWord(_ bits: BitAccess) -> UInt32 {
    hardware.read(bits.register, of: bits.first, on: bits.processor ?? 0)
  }

  private func setHardwareWord(_ bits: BitAccess, _ value: UInt32) {
    hardware.write(bits.register, of: bits.first, on: bits.processor ?? 0, value)
  }

  // MARK: One bit for each interrupt

  private func read(_ bits: BitAccess, by interface: borrowing VirtualCPUInterface) -> UInt32 {
    let isOwn = bits.processor == nil || bits.processor == interface.processor
    switch bits.register {
    case .igroupr:
      return groupWord(bits)
    case .isenabler, .icenabler:
      return hardwareWord(bits) & bits.physical
        | (bits.processor.map { privateInterrupts[$0].enabledSGIs } ?? 0) & bits.sgis
    case .ispendr, .icpendr:
      let held = isOwn ? heldPending(from: bits.first, interface) : 0
      return hardwareWord(bits) & bits.physical | held
        | (bits.processor.map { privateInterrupts[$0].pendingSGIs.mask } ?? 0) & bits.sgis
    case .isactiver, .icactiver:
      let value = hardwareWord(bits) & bits.physical
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
    case .igroupr:
      setGroupWord(bits, value)
      changed(bits, physical | bits.sgis, by: interface)
    case .isenabler:
      setHardwareWord(bits, physical)
      if let processor = bits.processor { privateInterrupts[processor].enable(sgis: sgis) }
      if sgis != 0 { changed(bits, sgis, by: interface) }
    case .icenabler:
      setHardwareWord(bits, physical)
      if let processor = bits.processor { privateInterrupts[processor].disable(sgis: sgis) }
      // Afterwards no core acknowledges them, so what is active then is all there is to withdraw.
      if !hardware.waitForWrite(of: bits.first, on: bits.processor ?? 0) {
        // The guest finds RWP set as well, and the machine goes on.
        hardware.report(.writeIncomplete)
      }
      changed(bits, physical | sgis, by: interface)
    case .ispendr:
      // What EL2 holds as pending is pending already, and must not become so in hardware as well.
      let held = isOwn(bits, interface) ? heldPending(from: bits.first, interface) : 0
      let index = bits.first.wordIndex
      if let processor = bits.processor {
        privateInterrupts[processor].softwarePending.set(physical, held: held, at: index)
        privateInterrupts[processor].pendingSGIs.insert(sgis & ~held)
      } else {
        sharedInterrupts.softwarePending.set(physical, held: held, at: index)
      }
      setHardwareWord(bits, physical & ~held)
      if sgis != 0 { changed(bits, sgis, by: interface) }
    case .icpendr:
      if isOwn(bits, interface) {
        withdraw(value & (bits.physical | bits.sgis), from: bits.first, &interface) {
          controller, number, interface in controller.drop(number, &interface)
        }
      }
      setHardwareWord(bits, physical)
      let index = bits.first.wordIndex
      if let processor = bits.processor {
        privateInterrupts[processor].softwarePending.clear(physical, at: index)
        privateInterrupts[processor].pendingSGIs.remove(sgis)
      } else {
        sharedInterrupts.softwarePending.clear(physical, at: index)
      }
    case .isactiver:
      if isOwn(bits, interface) {
        withdraw(physical, from: bits.first, &interface) {
          controller, number, interface in controller.giveBack(number, &interface)
        }
        interface.active.unorderedSGIs |= sgis & ~activeSGIs(interface)
      }
      setHardwareWord(bits, physical)
    case .icactiver:
      var held: UInt32 = 0
      if isOwn(bits, interface) {
        held = heldPending(from: bits.first, interface)
        deactivate(value & (bits.physical | bits.sgis), from: bits.first, &interface)
      }
      setHardwareWord(bits, physical & ~held)
    default:
      break
    }
  }

  private func isOwn(_ bits: BitAccess, _ interface: borrowing VirtualCPUInterface) -> Bool {
    bits.processor == nil || bits.processor == interface.processor
  }

  private func groupWord(_ bits: BitAccess) -> UInt32 {
    guard sharedInterrupts.hasSingleSecurityState else { return 0 }
    guard let processor = bits.processor else {
      return sharedInterrupts.groupWord(from: bits.first)
    }
    return privateInterrupts[processor].groupWord(from: bits.first)
  }

  private func setGroupWord(_ bits: BitAccess, _ value: UInt32) {
    guard sharedInterrupts.hasSingleSecurityState else { return }
    let value = value & (bits.physical | bits.sgis)
    guard let processor = bits.processor else {
      return sharedInterrupts.setGroupWord(from: bits.first, value)
    }
    privateInterrupts[processor].setGroupWord(from: bits.first, value)
  }

  // MARK: What EL2 holds for the executing core's vCPU

  /// The interrupts from `first` on that the guest has pending though they are not so in hardware:
  /// a bit each. SGIs count here as well.
  private func heldPending(
    from first: InterruptNumber, _ interface: borrowing VirtualCPUInterface
  ) -> UInt32 {
    let registers = listRegisters
    return interface.queue.mask(from: first) | registers.mask(from: first) { $0.isPending }
  }

  private func activeSGIs(_ interface: borrowing VirtualCPUInterface) -> UInt32 {
    let registers = listRegisters
    return registers.mask(from: InterruptNumber(0)) { $0.isActive } | interface.active.activeSGIs
  }

  /// Takes those of `mask` that the guest has pending out of list registers and queue, and hands
  /// each physical one to `body`.
  private func withdraw(
    _ mask: UInt32, from first: InterruptNumber, _ interface: inout VirtualCPUInterface,
    _ body: (borrowing Self, InterruptNumber, inout VirtualCPUInterface) -> Void
  ) {
    var registers = listRegisters
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
    var registers = listRegisters
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

  /// The guest deactivates `number`. That traps after an active interrupt had to leave the list registers of
  /// a guest with EOImode 1.
  func deactivate(_ number: InterruptNumber, _ interface: inout VirtualCPUInterface) {
    guard hardware.readMachineControl().splitsDeactivation,
      number.kind == .sgi || number.isPeripheral,
      number.kind == .sgi || !own.contains(number)
    else { return }
    let first = InterruptNumber(number.rawValue & ~31)
    let bit = number.bit
    // Pending to the guest, and active only because EL2 holds it: there is nothing to deactivate.
    let isHeld = heldPending(from: first, interface) & bit != 0
    deactivate(bit, from: first, &interface)
    if number.isPeripheral && !isHeld { hardware.deactivate(number) }
  }

  // MARK: Wider fields

  /// Completes an access of IPRIORITYR, of one byte or four.
  func accessPriority(
    _ first: InterruptNumber, ofProcessor processor: Int?, _ access: RegisterAccess,
    by interface: inout VirtualCPUInterface
  ) -> UInt64 {
    guard access.size == 1 || access.size == 4 else { return 0 }
    var result: UInt64 = 0
    for n in 0..<access.size {
      let number = InterruptNumber(first.rawValue &+ UInt32(n))
      let shift = UInt64(n) &* 8
      guard let value = access.value else {
        result |= UInt64(guestPriority(of: number, on: processor ?? 0)) << shift
        continue
      }
      setGuestPriority(
        of: number, on: processor ?? 0, UInt8(truncatingIfNeeded: value >> shift))
    }
    if access.value != nil {
      let word = InterruptNumber(first.rawValue & ~31)
      let mask: UInt32 = (1 << UInt32(access.size) &- 1) << (first.rawValue & 31)
      changed(word, mask, ofProcessor: processor, by: interface)
    }
    return result
  }

  private func guestPriority(of number: InterruptNumber, on processor: Int) -> UInt8 {
    if number.kind == .sgi {
      return privateInterrupts[processor].priority(ofSGI: Int(number.rawValue))
    }
    return own.contains(number) ? 0 : hardware.readPriority(of: number, on: processor)
  }

  private func setGuestPriority(
    of number: InterruptNumber, on processor: Int, _ value: UInt8
  ) {
    if number.kind == .sgi {
      guard sgis.contains(number) else { return }
      privateInterrupts[processor].setPriority(
        ofSGI: Int(number.rawValue), value & sgis.priorityBits)
    } else if !own.contains(number) {
      hardware.writePriority(of: number, on: processor, value)
    }
  }

  /// Completes an access of ICFGR.
  func accessConfiguration(
    _ first: InterruptNumber, ofProcessor processor: Int?, _ access: RegisterAccess
  ) -> UInt64 {
    guard access.size == 4 else { return 0 }
    // Two bits for each of sixteen interrupts.
    var hidden: UInt32 = 0
    let mask = own.mask(from: first)
    for n in 0..<16 as Range<UInt32> where mask & 1 << n != 0 { hidden |= 0b11 << (n &* 2) }
    let current = hardware.read(.icfgr, of: first, on: processor ?? 0)
    guard let word = access.word else { return UInt64(current & ~hidden) }
    // EL2's fields never change, so this needs no lock.
    if first.kind != .sgi {
      hardware.write(.icfgr, of: first, on: processor ?? 0, word & ~hidden | current & hidden)
    }
    return 0
  }

  // MARK: Telling the vCPUs

  /// Whether vCPU `processor` runs and has not yet looked at what changed.
  func isRevalidationPending(on processor: Int) -> Bool {
    privateInterrupts[processor].isOnline && privateInterrupts[processor].needsRevalidation
  }

  /// Something about the interrupts of vCPU `processor` changed, through the vCPU `author`: it
  /// looks before it next runs the guest.
  func changed(for processor: Int, by author: Int) {
    guard privateInterrupts[processor].isOnline else { return }
    privateInterrupts[processor].requestRevalidation()
    if processor != author { kick(processor) }
  }

  /// Something changed for all vCPUs.
  func changedForAll(by author: Int) {
    for processor in 0..<processorCount { changed(for: processor, by: author) }
  }

  private func changed(
    _ bits: BitAccess, _ mask: UInt32, by interface: borrowing VirtualCPUInterface
  ) {
    changed(bits.first, mask, ofProcessor: bits.processor, by: interface)
  }

  /// The guest's settings for the interrupts in `mask`, from `first` on, changed. Of physical ones
  /// only those matter that EL2 has acknowledged: they are active.
  private func changed(
    _ first: InterruptNumber, _ mask: UInt32, ofProcessor processor: Int?,
    by interface: borrowing VirtualCPUInterface
  ) {
    let active = hardware.read(.isactiver, of: first, on: processor ?? 0) & mask
    if let processor {
      let sgis: UInt32 = first.rawValue == 0 ? 0xffff : 0
      if mask & sgis != 0 || active != 0 { changed(for: processor, by: interface.processor) }
      return
    }
    guard active != 0 else { return }
    privateInterrupts[interface.processor].requestRevalidation()
    // Most often the vCPU changes an interrupt that it is handling itself.
    let registers = listRegisters
    let others =
      active & ~(registers.mask(from: first) { _ in true } | interface.queue.mask(from: first))
    if others != 0 { changedForAll(by: interface.processor) }
  }
}
