internal import EL2Support

/// Firmware that answers SMC: EL3, or QEMU in its place. The caller must know that it is there.
enum Firmware {
  /// What it returns in x0.
  static func smc(_ call: PSCI.Call) -> UInt64 {
    var registers = InlineArray<18, UInt64>(repeating: 0)
    registers[0] = UInt64(call.id)
    registers[1] = call.x1
    registers[2] = call.x2
    registers[3] = call.x3
    var span = registers.mutableSpan
    // The assembly reads and writes 18 doublewords, which is what the span has.
    unsafe span.withUnsafeMutableBufferPointer { unsafe el2_smc($0.baseAddress) }
    return registers[0]
  }

  /// Hands a guest's SMC on. x0 to x17 are arguments and results: SMCCC 1.0 leaves x4 to x17 UNKNOWN, later
  /// versions keep them. Firmware keeps x18 to x30 in every version; the guest's are in the frame. The client ID
  /// that SMCCC 1.0 has in W7 goes on as the guest gives it: to firmware there is one client, as there is bare.
  /// Firmware that does not return takes the core with it, as it does bare.
  static func pass(_ frame: Fixed<TrapFrame>) {
    // x0 to x17 are the first of the frame, in order.
    unsafe el2_smc(frame.rawPointer.assumingMemoryBound(to: UInt64.self))
  }
}

/// What a secondary core finds at the address that it is started with (`Boot.S` has the offsets).
struct SecondaryBoot {
  var mair: UInt64
  var tcr: UInt64
  var ttbr0: UInt64
  var sctlr: UInt64
  var stackTop: UInt64
  var core: UInt64

  /// Writes the record of a core that is about to start in EL2, with this core's translation.
  ///
  /// - Parameter stackTop: of the core that is started; its stack is not in use yet.
  /// - Returns: the record's address.
  private static func write(for core: Int, stackTop: UInt) -> UInt64 {
    // The record lies at the far end of the stack.
    let record = stackTop &- CoreStacks.size &+ CoreStacks.guardSize
    // That end of a stack belongs to its core, which does not run.
    unsafe Fixed<SecondaryBoot>(at: record).initialize(
      to: SecondaryBoot(
        mair: el2_read_mair_el2(), tcr: el2_read_tcr_el2(), ttbr0: el2_read_ttbr0_el2(),
        sctlr: el2_read_sctlr_el2(), stackTop: UInt64(stackTop), core: UInt64(core)))
    // The core reads it with its MMU off, past the caches.
    GuestMemory.cleanToCoherency(
      UInt64(record), count: UInt64(MemoryLayout<SecondaryBoot>.size))
    return UInt64(record)
  }

  /// Has firmware start the core of that affinity.
  ///
  /// - Returns: firmware's answer.
  static func start(_ core: Int, affinity: UInt64, stackTop: UInt) -> UInt64 {
    Firmware.smc(
      PSCI.Call(
        x0: PSCI.Function.cpuOn.smc64, affinity, UInt64(el2_address_of_el2_secondary_entry()),
        write(for: core, stackTop: stackTop)))
  }

  /// Lets the core that waits in a place of the pen start.
  static func release(_ core: Int, from place: Fixed<PenPlace>, stackTop: UInt) {
    place.value.record = write(for: core, stackTop: stackTop)
    GuestMemory.cleanToCoherency(
      UInt64(place.address), count: UInt64(MemoryLayout<PenPlace>.size))
    el2_sev()
  }
}
