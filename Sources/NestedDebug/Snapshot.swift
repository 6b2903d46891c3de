import ArmDebug

// Saves and restores the guest's debug registers. A snapshot holds neither the debugger's requests nor the
// plan.
extension VirtualDebug {
  /// The guest's debug registers as a record. In native mode the caller must first make guest state
  /// current: `captureGuestState`.
  public func snapshot() -> SnapshotRecord {
    var record = SnapshotRecord(capabilities: capabilities.snapshotWord)
    for index in 0..<SnapshotSlot.count {
      record.setRegister(index, guest[SnapshotSlot(index)])
    }
    record.seal()
    return record
  }

  /// Replaces the guest's debug registers by `record`, while the vCPU stands still. The next
  /// `prepareToRun` brings them into the hardware, in the mode that the requests need. Until then the
  /// content of the hardware is not relied on, as after a reset.
  ///
  /// - Throws: `otherProcessor` or `reservedBits`; the registers are then as they were.
  public mutating func restore(_ record: SnapshotRecord) throws(SnapshotError) {
    guard record.capabilities == capabilities.snapshotWord else { throw .otherProcessor }
    var restored = GuestDebugState()
    for index in 0..<SnapshotSlot.count {
      let slot = SnapshotSlot(index)
      let value = record.register(index)
      guard value & ~slot.mask(on: capabilities) == 0 else { throw .reservedBits }
      restored[slot] = value
      // OSLSR_EL1.OSLM is no storage: its value is fixed.
      guard restored[slot] == value else { throw .reservedBits }
    }
    guest = restored
    planned = nil
    holdsExternalRegisters = capabilities.external != nil
    allowsFastPath = false
    // The registers of the hardware are no longer the guest's. In shared mode they never were.
    if mode == .native { mode = .reset }
  }
}

/// What one doubleword of a record holds.
enum SnapshotSlot {
  case register(DebugRegister)
  /// DTRRX in the lower half, DTRTX in the upper.
  case channel

  /// How many there are.
  static let count = 8 + 4 * ComparatorBank.capacity

  /// Slot number `index`, 0 to `count` - 1.
  init(_ index: Int) {
    let n = (index &- 8) / 4
    switch index {
    case 0: self = .register(.mdscr)
    case 1: self = .register(.mdccint)
    case 2: self = .register(.oslsr)
    case 3: self = .register(.osdlr)
    case 4: self = .register(.oseccr)
    case 5: self = .channel
    case 6: self = .register(.dbgprcr)
    case 7: self = .register(.dbgclaimclr)
    default:
      switch index & 3 {
      case 0: self = .register(.dbgbvr(n))
      case 1: self = .register(.dbgbcr(n))
      case 2: self = .register(.dbgwvr(n))
      default: self = .register(.dbgwcr(n))
      }
    }
  }

  /// The bits that can be set on a processor with `capabilities`. A comparator that it lacks has none.
  func mask(on capabilities: DebugCapabilities) -> UInt64 {
    switch self {
    case .register(let register): register.description(on: capabilities)?.mask ?? 0
    case .channel: .max
    }
  }
}

extension GuestDebugState {
  /// What one doubleword of a record holds.
  subscript(slot: SnapshotSlot) -> UInt64 {
    get {
      switch slot {
      case .channel: dtrtx &<< 32 | dtrrx
      case .register(let register): self[register]
      }
    }
    set {
      switch slot {
      case .channel:
        dtrrx = newValue & 0xFFFF_FFFF
        dtrtx = newValue &>> 32
      case .register(let register): self[register] = newValue
      }
    }
  }
}

extension DebugCapabilities {
  /// The fields of ID_AA64DFR0_EL1 from which these capabilities were decoded.
  var snapshotWord: UInt64 {
    var word: UInt64 = 0
    word[bits: 0...3] = UInt64(version)
    word[bits: 12...15] = UInt64(truncatingIfNeeded: breakpointCount &- 1)
    word[bits: 20...23] = UInt64(truncatingIfNeeded: watchpointCount &- 1)
    word[bits: 28...31] = UInt64(truncatingIfNeeded: contextAwareCount &- 1)
    word[bits: 36...39] = hasDoubleLock ? 0 : 0xF
    return word
  }
}
