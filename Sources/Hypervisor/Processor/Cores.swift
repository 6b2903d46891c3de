/// The physical cores of the machine as they signal each other.
///
/// Accesses of words are sequentially consistent: "I am parked" must not pass "may I run?", or two cores could
/// each miss the other's word.
protocol Cores {
  /// How many vCPUs there are, each bound to the core of its number.
  var count: Int { get }
  /// The number of the core that executes this.
  var current: Int { get }

  func load(_ word: CoreWord, of core: Int) -> UInt32
  func store(_ word: CoreWord, of core: Int, _ value: UInt32)
  /// Stores `value`, and returns what was there.
  func exchange(_ word: CoreWord, of core: Int, _ value: UInt32) -> UInt32
  /// Stores `new` if the word is `expected`, and returns whether it was.
  func compareExchange(
    _ word: CoreWord, of core: Int, from expected: UInt32, to new: UInt32
  ) -> Bool

  /// Interrupts `core` by an SGI that is EL2's own. What the caller has stored before, `core` sees once it has
  /// acknowledged that: the real one has a DSB before the SGI.
  func interrupt(_ core: Int)
  /// WFI. It returns at once if an interrupt is pending, and may return for no reason.
  func waitForInterrupt()
  /// YIELD, in a loop that waits for another core's word.
  func yield()

  /// CNTPCT_EL0, ticks.
  var counter: UInt64 { get }
  /// CNTFRQ_EL0, ticks a second.
  var counterFrequency: UInt64 { get }
}

extension Cores {
  /// Runs `body`, of a few instructions, while no other core runs one under the same lock.
  func withLock<Result>(_ lock: CoreWord, _ body: () -> Result) -> Result {
    while exchange(lock, of: 0, 1) != 0 { yield() }
    defer { store(lock, of: 0, 0) }
    return body()
  }

  func power(of core: Int) -> PSCI.Power {
    PSCI.Power(rawValue: load(.power, of: core)) ?? .off
  }

  func isOn(_ core: Int) -> Bool { power(of: core) == .on }
}
