import ArmDebug

/// What stands in for the guest's exclusives monitor while it is stepped: each exception return to the
/// guest clears the processor's own (Arm ARM B2.9.2).
struct ExclusiveMonitor: Equatable, Sendable {
  /// What a load-exclusive found.
  struct Load: Equatable, Sendable {
    /// As the base register had it, tag and all.
    var address: UInt64
    /// Bytes.
    var size: UInt64
    var value: ExclusiveValue
  }

  /// How many instructions EL2 goes along for the sake of a store-exclusive alone. The architecture
  /// promises nothing to sequences of more than 128 bytes; one that fails and is repeated runs twice.
  static let reach: UInt8 = 64

  /// The load-exclusive that the guest has been stepped over last, until its store-exclusive, or
  /// whatever else clears a monitor.
  private(set) var load: Load?

  /// How many instructions EL2 still goes along, although nobody else steps.
  private var remaining: UInt8 = 0

  /// The guest has run without being stepped. It may stand behind a load-exclusive that EL2 has not
  /// seen.
  private(set) var ranUnseen = true

  /// The lowest watched byte that the store-exclusive at PC is about to write. The processor would not
  /// report it, for to its own monitor the store fails.
  var watchedByte: UInt64?

  /// Whether the guest is stepped on until a store-exclusive has run.
  var isFollowed: Bool { remaining > 0 }

  /// Whether nothing is noted and nothing followed.
  var isIdle: Bool { load == nil && remaining == 0 && watchedByte == nil }

  /// A load-exclusive has run. One that repeats another's work, as in a spin loop, is followed no
  /// further than that.
  mutating func loaded(_ load: Load) {
    if self.load == nil { remaining = Self.reach }
    self.load = load
    advance()
  }

  /// A store-exclusive is ahead whose load EL2 has not seen. It will fail, and the guest, if it tries
  /// again, be stepped over the load.
  mutating func follow() { remaining = Self.reach }  // mutant: followsUnseenLoad

  /// The processor has run a store-exclusive. If EL2 knew of a load, it could not complete the store,
  /// and could not the next time.
  mutating func storeFailed() {
    if load == nil { advance() } else { clear() }
  }

  /// Another instruction has run.
  mutating func advance() { if remaining > 0 { remaining &-= 1 } }

  /// What clears a monitor has happened: a store, an exception, a return, CLREX. A guest that looks for
  /// the load of a store that has failed is stepped on: its way back may lie across exceptions.
  mutating func clear() {
    guard load != nil else { return advance() }  // mutant: searchesAcrossExceptions
    load = nil
    remaining = 0
  }

  /// The guest is entered, stepped or not.
  mutating func enter(stepping: Bool) {
    ranUnseen = !stepping
    if !stepping { load = nil }
  }
}
