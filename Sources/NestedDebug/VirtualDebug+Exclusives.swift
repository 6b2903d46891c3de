import ArmDebug

// Exclusives of a guest that is stepped. Every exception return clears the monitor of the processor, so a
// store-exclusive fails whenever EL2 was entered between its load-exclusive and it. EL2 therefore notes
// the loaded value, and performs the store itself if memory still holds that value.
//
// A compare-and-exchange detects another value, where a monitor detects another store. Uses of exclusives
// cannot depend on the difference in a way that CAS would not allow (Arm ARM B2.9).
extension VirtualDebug {
  /// The instruction of `entry` has completed. It may be a load-exclusive, or matter to one.
  mutating func noteCompletion<Hardware: GuestProcessor & ~Copyable>(
    of entry: SteppedEntry, hardware: inout Hardware
  ) {
    // mutant: clearsMonitor
    guard let instruction = entry.instruction, !instruction.isExceptionReturn, !instruction.isCLREX
    else {
      exclusives.clear()
      return
    }
    guard let exclusive = ExclusiveInstruction(instruction) else {
      exclusives.advance()
      return
    }
    guard exclusive.isLoad else {
      exclusives.storeFailed()
      return
    }
    let pstate = entry.context.pstate
    guard let address = entry.exclusiveAddress, address & (exclusive.size &- 1) == 0,
      !exclusive.isUnpredictable,
      let value = valueLoaded(exclusive, at: address, pstate, hardware: &hardware)
    else {
      exclusives.clear()
      return
    }
    exclusives.loaded(.init(address: address, size: exclusive.size, value: value))
  }

  /// Looks for a store-exclusive ahead of a guest that has run without being stepped: it may be past the
  /// load. A linear search suffices, because these sequences are written as one piece.
  mutating func lookForStoreExclusive<Hardware: GuestProcessor & ~Copyable>(
    ahead context: GuestContext, hardware: inout Hardware
  ) {
    var remaining = 32
    var isAhead = false
    hardware.forEachInstruction(from: context.pc) { instruction in
      if let exclusive = ExclusiveInstruction(instruction) {
        isAhead = !exclusive.isLoad
        return false
      }
      remaining &-= 1
      return remaining > 0 && !instruction.endsExclusiveSequence
    }
    if isAhead { exclusives.follow() }
  }

  /// Completes the instruction that the guest is about to be stepped over, if it is the store-exclusive of a
  /// load that EL2 has noted.
  ///
  /// - Returns: false if the processor must run the instruction, or must first report the watchpoint of
  ///   `exclusives.watchedByte`.
  mutating func completeStoreExclusive<Hardware: GuestProcessor & ~Copyable>(
    _ instruction: Instruction?, context: inout GuestContext, hardware: inout Hardware
  ) -> Bool {
    exclusives.watchedByte = nil
    let pstate = context.pstate
    guard let load = exclusives.load,
      let store = instruction.flatMap(ExclusiveInstruction.init), !store.isLoad,
      !store.isUnpredictable,
      // These come before the instruction itself: illegal execution state, branch targets, breakpoints.
      !pstate.il, pstate.btype == 0, !breaks(at: context, hardware: &hardware)
    else { return false }
    let address = baseAddress(of: store, pstate, hardware: &hardware)
    // A misaligned stack pointer is another fault.
    guard load.address == address, load.size == store.size, store.rn != 31 || address & 0xF == 0
    else { return false }

    if let byte = byteWatched(  // mutant: storeIsWatched
      ofAccessAt: address, size: store.size, kind: .store, from: pstate.el, hardware: &hardware)
    {
      exclusives.watchedByte = byte
      return false
    }
    let replacement = valueStored(store, pstate, hardware: &hardware)
    switch hardware.compareAndExchange(
      ExclusiveStore(
        address: address, size: store.size, el: pstate.el, expected: load.value,
        replacement: replacement))
    {
    // mutant: storedStatus
    case .stored: complete(store, status: 0, context: &context, hardware: &hardware)
    case .differs: complete(store, status: 1, context: &context, hardware: &hardware)
    case .fault(let syndrome):
      inject(syndrome, faultAddress: address, context: &context, hardware: &hardware)
    case .impossible: return false
    }
    return true
  }

  private mutating func complete<Hardware: GuestProcessor & ~Copyable>(
    _ store: ExclusiveInstruction, status: UInt64, context: inout GuestContext,
    hardware: inout Hardware
  ) {
    if store.rs != 31 { hardware.write(.x(store.rs), status) }
    exclusives.clear()
    instructionEmulated(context: &context)
  }

  /// The address that a load- or store-exclusive is about to access.
  func baseAddress<Hardware: GuestProcessor & ~Copyable>(
    of exclusive: ExclusiveInstruction, _ pstate: PState, hardware: inout Hardware
  ) -> UInt64 {
    if exclusive.rn != 31 { return hardware.read(.x(exclusive.rn)) }
    return hardware.read(pstate.el == .el1 && pstate.spsel ? .spEL1 : .spEL0)
  }

  // MARK: Registers and memory

  /// The value that a load-exclusive found. A part that went to XZR is read again: the guest does not know
  /// its value.
  private func valueLoaded<Hardware: GuestProcessor & ~Copyable>(
    _ load: ExclusiveInstruction, at address: UInt64, _ pstate: PState, hardware: inout Hardware
  ) -> ExclusiveValue? {
    var value = valueStored(load, pstate, hardware: &hardware)
    guard load.rt == 31 || load.isPair && load.rt2 == 31 else { return value }
    guard let memory = hardware.load(load.size, at: address, from: pstate.el) else { return nil }
    // The registers' parts are 0 here where they are XZR.
    switch (load.isPair, load.elementSize) {
    case (true, 8):
      if load.rt == 31 { value.low = memory.low }
      if load.rt2 == 31 { value.high = memory.high }
    case (true, _):
      if load.rt == 31 { value.low |= memory.low & 0xFFFF_FFFF }
      if load.rt2 == 31 { value.low |= memory.low & 0xFFFF_FFFF_0000_0000 }
    default: value.low = memory.low
    }
    return value
  }

  /// The registers of an exclusive in the layout of memory: the first of a pair at the lower address, each in
  /// the guest's byte order (SCTLR_EL1.EE and E0E).
  private func valueStored<Hardware: GuestProcessor & ~Copyable>(
    _ exclusive: ExclusiveInstruction, _ pstate: PState, hardware: inout Hardware
  ) -> ExclusiveValue {
    let isBigEndian = hardware.read(.sctlr)[bit: pstate.el == .el0 ? 24 : 25]
    let unused = 64 &- 8 &* exclusive.elementSize
    func element(_ n: Int) -> UInt64 {
      let register = n == 31 ? 0 : hardware.read(.x(n))
      return isBigEndian ? register.byteSwapped &>> unused : (register &<< unused) &>> unused
    }
    let first = element(exclusive.rt)
    guard exclusive.isPair else { return ExclusiveValue(low: first) }
    let second = element(exclusive.rt2)
    return exclusive.elementSize == 8
      ? ExclusiveValue(low: first, high: second) : ExclusiveValue(low: first | (second &<< 32))
  }
}

extension VirtualDebug {
  /// The identifiers that the guest's context breakpoints compare.
  func contextIdentifiers<Hardware: GuestProcessor & ~Copyable>(
    _ hardware: inout Hardware
  ) -> ContextIdentifiers {
    ContextIdentifiers(
      contextIDR: UInt32(truncatingIfNeeded: hardware.read(.contextidr)), vmid: vmid)
  }

  /// Whether a breakpoint fires before the instruction at PC.
  private func breaks<Hardware: GuestProcessor & ~Copyable>(
    at context: GuestContext, hardware: inout Hardware
  ) -> Bool {
    let identifiers = contextIdentifiers(&hardware)
    for n in 0..<capabilities.breakpointCount
    where plan.bank.breakpoint(
      n, matches: context.pc, at: context.pstate.el, in: identifiers, of: capabilities)
    {
      return true
    }
    return false
  }

  /// The lowest byte of an access that a watchpoint watches. It has the tag of `address`.
  func byteWatched<Hardware: GuestProcessor & ~Copyable>(
    ofAccessAt address: UInt64, size: UInt64, kind: AccessKind, from el: ExceptionLevel,
    hardware: inout Hardware
  ) -> UInt64? {
    let identifiers = contextIdentifiers(&hardware)
    let start = address.untagged
    var lowest: UInt64?
    for n in 0..<capabilities.watchpointCount
    where plan.bank.watchpoint(
      n, matches: address, size: size, kind: kind, at: el, in: identifiers, of: capabilities)
    {
      guard let range = plan.bank.watchpoints[n].range else { continue }
      let byte = address &+ (max(range.first, start) &- start)
      lowest = min(lowest ?? byte, byte)
    }
    return lowest
  }
}
