internal import ArmDebug
internal import EL2Support
internal import NestedDebug

/// An instruction of coprocessor 14 that a program at AArch32 EL0 has tried while the debug registers
/// are emulated.
struct CoprocessorExit {
  let vcpu: Fixed<VCPU>
  let access: CoprocessorAccess
  private let exits: Exits
  /// Bytes of the instruction.
  let length: UInt64

  /// Nil if the syndrome is not of one of the three classes that such instructions have.
  init?(vcpu: Fixed<VCPU>, syndrome: Syndrome, exits: Exits) {
    guard let access = CoprocessorAccess(syndrome) else { return nil }
    self.exits = exits
    self.vcpu = vcpu
    self.access = access
    length = syndrome.il ? 4 : 2
  }

  private var frame: Fixed<TrapFrame> { vcpu.value.frame }

  func handle() -> ExitReason {
    guard access.passesCondition(in: frame.value.context.pstate) else { return complete() }
    switch access.operands {
    case .word(let register, let rt):
      guard let register = AArch32DebugRegister(register) else { return injectUndefined() }
      return accessWord(register, rt)
    case .pair(let opc1, let crm, let rt, let rt2):
      // There is no MCRR of a debug register.
      guard let register = AArch32DebugRegister(pairOpc1: opc1, crm: crm), access.isRead,
        case .read(let value) = vcpu.value.debug.access(register, isRead: true, value: 0)
      else { return injectUndefined() }
      frame.value[rt: rt] = value & 0xFFFF_FFFF
      frame.value[rt: rt2] = value &>> 32
      return complete()
    case .memory(let transfer): return accessMemory(transfer)
    }
  }

  private func accessWord(_ register: AArch32DebugRegister, _ rt: UInt8) -> ExitReason {
    let value = access.isRead ? 0 : frame.value[rt: rt] & 0xFFFF_FFFF
    switch vcpu.value.debug.access(register, isRead: access.isRead, value: value) {
    case .read(let read):
      if rt == 31, register.readsIntoFlags {
        frame.value.context.pstate.flags = read &>> 28
      } else {
        // With R15 in any other MRC the instruction is CONSTRAINED UNPREDICTABLE: nothing is written.
        frame.value[rt: rt] = read & 0xFFFF_FFFF
      }
    case .written: break
    case .undefined: return injectUndefined()
    }
    return complete()
  }

  // MARK: LDC and STC

  /// Moves a word between the debug communications channel and the program's memory, with the
  /// exceptions that the access has: alignment, translation, watchpoint, in this order (Arm ARM
  /// D1.3.5). Nothing is moved before all of them are ruled out.
  ///
  /// One thing is not as the processor does it: where it manages the dirty state of pages (FEAT_HAFDBS),
  /// an STC through EL2 does not mark the page.
  private func accessMemory(_ transfer: CoprocessorTransfer) -> ExitReason {
    let context = frame.value.context
    let base =
      transfer.base == 31
      ? CoprocessorTransfer.programCounter(context.pc, isT32: context.pstate.t)
      : UInt32(truncatingIfNeeded: frame.value[rt: transfer.base])
    let (word, writeBack) = transfer.addresses(base: base)
    let address = UInt64(word)
    let isStore = access.isRead

    // These instructions are aligned whatever SCTLR_EL1.A says.
    guard address & 3 == 0 else { return injectAbort(status: 0b100001, address, isStore) }
    var space = GuestAddressSpace.ofThisCore
    let physical: PhysicalAddress
    switch space.destination(of: VirtualAddress(address), from: .el0, isStore: isStore) {
    case .memory(let place, _): physical = place
    case .fault(let status): return injectAbort(status: status, address, isStore)
    // There is nothing at that address, or it is a device, on which this would be another access.
    case .other, .withheld: return injectAbort(status: Self.externalAbort, address, isStore)
    }
    var hardware = CoreDebugHardware()
    guard
      !vcpu.value.debug.watches(
        address, size: 4, isStore: isStore, in: context.pstate, hardware: &hardware)
    else {
      return exits.handleDebugException(.watchpoint(isStore: isStore), address)
    }

    var value: UInt64 = 0
    if !isStore {
      guard let word = space.word(at: physical) else {
        return injectAbort(status: Self.externalAbort, address, isStore)
      }
      value = UInt64(context.pstate.inEndianness(word))
    }
    switch vcpu.value.debug.access(.dbgdtrint, isRead: access.isRead, value: value) {
    case .read(let read):
      let word = context.pstate.inEndianness(UInt32(truncatingIfNeeded: read))
      guard space.setWord(at: physical, word) else {
        return injectAbort(status: Self.externalAbort, address, isStore)
      }
    case .written: break
    case .undefined: return injectUndefined()
    }
    if let writeBack { frame.value[rt: transfer.base] = UInt64(writeBack) }
    return complete()
  }

  /// A synchronous external abort, not on a table walk (Arm ARM D24.2.40, DFSC).
  private static var externalAbort: UInt64 { 0b010000 }

  /// The data abort that the program's access takes to EL1.
  private func injectAbort(
    status: UInt64, _ address: UInt64, _ isStore: Bool
  ) -> ExitReason {
    var hardware = CoreDebugHardware()
    vcpu.value.debug.inject(
      Syndrome(.dataAbortLower, iss: status | (isStore ? 1 &<< 6 : 0)), faultAddress: address,
      context: &frame.value.context, hardware: &hardware)
    return .debugRegister
  }

  // MARK: Ends

  private func complete() -> ExitReason {
    vcpu.value.debug.instructionEmulated(context: &frame.value.context, length: length)
    return .debugRegister
  }

  private func injectUndefined() -> ExitReason {
    exits.injectUndefined()
    return .other
  }
}
