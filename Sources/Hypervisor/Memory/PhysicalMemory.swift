internal import EL2Support

/// The memory that EL2 maps one to one, as page tables need it.
struct PhysicalMemory: TableMemory {
  func load(_ address: PhysicalAddress) -> UInt64 {
    // Tables lie in EL2's own pool, which is mapped one to one.
    unsafe el2_mmio_read64(UInt(address.rawValue))
  }

  mutating func store(_ descriptor: UInt64, to address: PhysicalAddress) {
    // As in `load`.
    unsafe el2_mmio_write64(UInt(address.rawValue), descriptor)
  }

  mutating func publish() {
    el2_dsb_ish()
    // An access of this core's own that follows must not have been translated before.
    el2_isb()
  }
}

extension PagePool {
  /// The whole pool that the linker script set aside.
  static var ofTheImage: PagePool {
    PagePool(
      from: PhysicalAddress(UInt64(el2_address_of___page_pool_start())),
      to: PhysicalAddress(UInt64(el2_address_of___page_pool_end())))
  }
}

/// EL2's means to invalidate what is held of the guest's translation.
struct CoreStage2Hardware: Stage2Hardware {
  var vttbr: UInt64 {
    get { el2_read_vttbr_el2() }
    nonmutating set { el2_write_vttbr_el2(newValue) }
  }
  mutating func invalidateStage2(_ page: IntermediateAddress) {
    el2_tlbi_ipas2e1is(page.rawValue)
  }
  mutating func invalidateStage1() { el2_tlbi_vmalle1is() }
  mutating func invalidateBothStages() { el2_tlbi_vmalls12e1is() }
  mutating func complete() { el2_dsb_ish() }
  mutating func synchronize() { el2_isb() }
}

/// That of the one guest there is.
typealias GuestStage2 = Stage2<PhysicalMemory, CoreStage2Hardware>
