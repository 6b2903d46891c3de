/// Words by which cores signal each other; ``Cores`` has the accesses.
enum CoreWord: UInt32 {
  /// The machine must stand still, whatever ``mayRun`` says: 1 until the debugger lets go. Core 0's is the
  /// machine's.
  case standstill
  /// The vCPU runs when the machine runs: 1, or 0 while the debugger holds it.
  case mayRun
  /// The core is in EL2's waiting loop, and its vCPU's registers may be looked at.
  case isParked
  /// The physical core has entered EL2.
  case isAlive
  /// The vCPU's power state, a ``PSCI/Power``.
  case power
  /// How far a ``ViewRequest`` to this core has come: an ``Asked``.
  case request
  /// The vCPU has called for the machine to be switched off or reset, and has no answer yet.
  case ending
  /// Some vCPU's ``ending`` was set since the link core last looked at them. Core 0's is the machine's: what the link
  /// core looks at at each interrupt must not depend on how many vCPUs there are.
  case someEnding
  /// Guards the stage-2 tables. Core 0's is the machine's.
  case stage2Lock
  /// Guards what must be seen of several vCPUs' ``power`` at once. Core 0's is the machine's.
  case powerLock

  /// How many there are.
  static let count = 10

  /// What ``request`` can be.
  enum Asked: UInt32 {
    /// Nothing is asked, or it is done.
    case nothing
    /// A request waits. Whoever asked may still take it back.
    case asked
    /// The core is at it.
    case taken
  }
}
