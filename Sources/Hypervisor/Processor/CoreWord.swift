internal import EL2Support

/// Words by which cores signal each other. Accesses are sequentially consistent: "I am parked" must
/// not pass "may I run?", or two cores could each miss the other's word.
enum CoreWord: UInt32 {
  /// Everything is to stand still, whatever ``mayRun`` says: 1 until the debugger lets go. Of core 0.
  case standstill
  /// The vCPU is one of those that run when the machine runs: 1, or 0 while the debugger holds it.
  case mayRun
  /// The core is in EL2's waiting loop, and its vCPU's registers may be looked at.
  case isParked
  /// The physical core has entered EL2.
  case isAlive
  /// The vCPU's power state, a ``PSCI/Power``.
  case power
  /// A ``CoreRequest`` waits for this core (1) or is done (0).
  case request
  /// The vCPU has called for the machine to be switched off or reset, and has no answer yet.
  case ending
  /// Guards the stage-2 tables. Of core 0.
  case stage2Lock
  /// Guards what must be seen of several vCPUs' ``power`` at once. Of core 0.
  case powerLock

  func load(_ core: Int) -> UInt32 { el2_word_load(UInt32(truncatingIfNeeded: core), rawValue) }

  func store(_ core: Int, _ value: UInt32) {
    el2_word_store(UInt32(truncatingIfNeeded: core), rawValue, value)
  }

  func exchange(_ core: Int, _ value: UInt32) -> UInt32 {
    el2_word_exchange(UInt32(truncatingIfNeeded: core), rawValue, value)
  }
}
