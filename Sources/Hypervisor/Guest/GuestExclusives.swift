internal import ArmDebug
internal import EL2Support
internal import NestedDebug

// The guest's registers and memory for the exclusives that EL2 completes.
extension CoreDebugHardware {
  mutating func read(_ register: GeneralRegister) -> UInt64 {
    switch register {
    case .x(let n): EL2.current.value.frame.value[rt: UInt8(truncatingIfNeeded: n)]
    case .spEL0: el2_read_sp_el0()
    case .spEL1: el2_read_sp_el1()
    }
  }

  mutating func write(_ register: GeneralRegister, _ value: UInt64) {
    guard case .x(let n) = register else { return }
    EL2.current.value.frame.value[rt: UInt8(truncatingIfNeeded: n)] = value
  }

  mutating func load(
    _ size: UInt64, at address: UInt64, from el: ExceptionLevel
  ) -> ExclusiveValue? {
    let par = GuestTranslation.result(of: address, from: el)
    guard let physical = Self.exchangeable(par, address) else { return nil }
    return switch size {
    case 1: ExclusiveValue(low: UInt64(el2_mmio_read8(physical)))
    case 2: ExclusiveValue(low: UInt64(el2_mmio_read16(physical)))
    case 4: ExclusiveValue(low: UInt64(el2_mmio_read32(physical)))
    case 8: ExclusiveValue(low: el2_mmio_read64(physical))
    case 16:
      ExclusiveValue(low: el2_mmio_read64(physical), high: el2_mmio_read64(physical &+ 8))
    default: nil
    }
  }

  mutating func compareAndExchange(_ store: ExclusiveStore) -> ExclusiveStoreOutcome {
    let par = GuestTranslation.result(of: store.address, from: store.el, isStore: true)
    if let iss = par.storeAbort { return .fault(Syndrome(.dataAbortLower, iss: iss)) }
    guard let physical = Self.exchangeable(par, store.address) else { return .impossible }
    if let failure = Self.markDirty(store.address, UInt64(physical)) { return failure }
    let (old, new) = (store.expected, store.replacement)
    let stored: Bool
    switch store.size {
    case 1: stored = el2_compare_exchange8(physical, old.low, new.low)
    case 2: stored = el2_compare_exchange16(physical, old.low, new.low)
    case 4: stored = el2_compare_exchange32(physical, old.low, new.low)
    case 8: stored = el2_compare_exchange64(physical, old.low, new.low)
    case 16: stored = el2_compare_exchange128(physical, old.low, old.high, new.low, new.high)
    default: return .impossible
    }
    return stored ? .stored : .differs
  }

  /// Does to the guest's tables what the processor does when it writes to a clean page, which it may and
  /// EL2's own store does not: else the guest would lose what is written. The release semantics of what
  /// follows put the store behind it. The TLB may go on holding the old descriptor; the processor then
  /// does the same once more.
  ///
  /// - Returns: nil if the page is dirty now, or why it cannot be made so.
  private static func markDirty(
    _ address: UInt64, _ physical: UInt64
  ) -> ExclusiveStoreOutcome? {
    let tables = GuestTables(
      tcr: el2_read_tcr_el1(), ttbr0: el2_read_ttbr0_el1(), ttbr1: el2_read_ttbr1_el1())
    guard el2_read_sctlr_el1() & 1 != 0, tables.managesDirtyState else { return nil }
    let shared = EL2.shared
    let leaf = tables.leaf(mapping: address, to: physical) {
      shared.value.machine.isGuestMemory($0) ? el2_mmio_read64(UInt($0)) : nil
    }
    guard let leaf else { return .impossible }
    let clean = GuestTables.Leaf.clean
    guard leaf.descriptor & clean != 0 else { return nil }
    // Another processor's change of the descriptor comes first; the guest's store fails, as it may.
    return el2_compare_exchange64(
      UInt(leaf.location), leaf.descriptor, leaf.descriptor & ~clean) ? nil : .differs
  }

  /// Where EL2 reaches the word. It must be RAM of the guest's, and Write-Back to the guest as it is to
  /// EL2: of two attributes for one location neither coherency nor the exclusives monitor would know
  /// (Arm ARM B2.11, "Mismatched memory attributes"). With its caches off the guest's memory is not.
  private static func exchangeable(_ par: TranslationResult, _ address: UInt64) -> UInt? {
    guard par.isWriteBack,
      let physical = GuestMemory.physicalAddress(ofPAR: par.rawValue, address: address),
      EL2.shared.value.machine.isGuestMemory(physical)
    else { return nil }
    return UInt(physical)
  }
}
