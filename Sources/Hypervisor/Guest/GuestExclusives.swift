internal import ArmDebug
internal import EL2Support
internal import NestedDebug

// The guest's registers and memory for the exclusives that EL2 completes.
extension CoreDebugHardware {
  mutating func read(_ register: GeneralRegister) -> UInt64 {
    switch register {
    case .x(let n): EL2Cores().currentVCPU.value.frame.value[rt: UInt8(truncatingIfNeeded: n)]
    case .spEL0: el2_read_sp_el0()
    case .spEL1: el2_read_sp_el1()
    }
  }

  mutating func write(_ register: GeneralRegister, _ value: UInt64) {
    guard case .x(let n) = register else { return }
    EL2Cores().currentVCPU.value.frame.value[rt: UInt8(truncatingIfNeeded: n)] = value
  }

  mutating func load(
    _ size: UInt64, at address: UInt64, from el: ExceptionLevel
  ) -> ExclusiveValue? {
    var space = GuestAddressSpace.ofThisCore
    return space.load(size, at: VirtualAddress(address), from: el)
  }

  mutating func compareAndExchange(_ store: ExclusiveStore) -> ExclusiveStoreOutcome {
    var space = GuestAddressSpace.ofThisCore
    return space.compareAndExchange(store, dirtyState: Self.managedTables)
  }

  /// The guest's tables, if its MMU is on and the processor manages the dirty state of its pages.
  private static var managedTables: GuestTables? {
    guard el2_read_sctlr_el1() & 1 != 0 else { return nil }
    let tables = GuestTables(
      tcr: el2_read_tcr_el1(), ttbr0: el2_read_ttbr0_el1(), ttbr1: el2_read_ttbr1_el1())
    return tables.managesDirtyState ? tables : nil
  }
}
