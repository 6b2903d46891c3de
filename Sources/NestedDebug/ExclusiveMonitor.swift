import ArmDebug

/// A substitute for the guest's exclusives monitor while the guest is stepped: each exception return to
/// the guest clears the monitor of the processor (Arm ARM B2.9.2).
struct ExclusiveMonitor: Equatable, Sendable {
  /// What a load-exclusive found.
  struct Load: Equatable, Sendable {
    /// The value of the base register, with its tag.
    var address: UInt64
    /// Bytes.
    var size: UInt64
    var value: ExclusiveValue
  }

  /// For how many instructions EL2 steps the guest only to find a store-exclusive. The architecture
  /// guarantees nothing for sequences of more than 128 bytes, and one that fails runs twice.
  static let reach: UInt8 = 64

  /// The last load-exclusive that the guest was stepped over, until its store-exclusive or anything else
  /// that clears a monitor.
  private(set) var load: Load?

  /// For how many more instructions EL2 steps the guest, although nobody else does.
  private var remaining: UInt8 = 0

  /// The guest has run without being stepped, so it may be past a load-exclusive that EL2 has not seen.
  private(set) var ranUnseen = true

  /// The lowest watched byte that the store-exclusive at PC is about to write. The processor would not
  /// report it, because the store fails in its own monitor.
  var watchedByte: UInt64?

  /// Whether the guest is stepped on until a store-exclusive has run.
  var isFollowed: Bool { remaining > 0 }

  /// Whether nothing is noted and nothing followed.
  var isIdle: Bool { load == nil && remaining == 0 && watchedByte == nil }

  /// A load-exclusive has run. One that repeats an earlier one, as in a spin loop, does not extend the
  /// search for a store.
  mutating func loaded(_ load: Load) {
    if self.load == nil { remaining = Self.reach }
    self.load = load
    advance()
  }

  /// A store-exclusive is ahead whose load EL2 has not seen. It will fail. If the guest tries again, EL2
  /// steps it over the load.
  mutating func follow() { remaining = Self.reach }  // mutant: followsUnseenLoad

  /// The processor has run a store-exclusive. If EL2 had noted a load, it could not complete the store,
  /// and another attempt would end in the same way.
  mutating func storeFailed() {
    if load == nil { advance() } else { clear() }
  }

  /// Another instruction has run.
  mutating func advance() { if remaining > 0 { remaining &-= 1 } }

  /// Something that clears a monitor has happened: a store, an exception, a return, CLREX. While EL2
  /// looks for the load of a store that has failed it goes on: the loop may contain exceptions.
  mutating func clear() {
    guard load != nil else { return advance() }  // mutant: searchesAcrossExceptions
    load = nil
    remaining = 0
  }

  /// The guest is about to be entered, stepped or not.
  mutating func enter(stepping: Bool) {
    ranUnseen = !stepping
    if !stepping { load = nil }
  }
}
