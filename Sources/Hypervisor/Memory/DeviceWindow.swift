/// A page of EL2's own translation through which EL2 reaches one page of the guest's devices, and only while it
/// does: no speculation of another time touches a device, and no table grows with the devices that are looked at.
struct DeviceWindow {
  /// The highest page of the 48 bits, where no machine has anything that EL2 maps one to one.
  static let address = PhysicalAddress(0x0000_ffff_ffff_f000)

  private static var range: AddressRange<PhysicalAddress> { AddressRange(pageOf: address) }

  /// Makes the tables that lead to the window, while they are not in use yet: afterwards nothing more is taken from a
  /// pool.
  static func prepare<Memory: TableMemory & ~Copyable>(
    in tables: OwnTables, pool: inout PagePool, memory: inout Memory
  ) throws(TranslationError) {
    var tlb = UnusedTables<PhysicalAddress>()
    try tables.change(
      range, to: Mapping(attributes: Stage1.registers), while: .none, pool: &pool,
      memory: &memory, tlb: &tlb)
    try tables.change(range, to: nil, while: .none, pool: &pool, memory: &memory, tlb: &tlb)
  }

  /// Makes the window show the page of `physical`. It must be closed.
  ///
  /// - Returns: the address in the window.
  static func open<Memory: TableMemory & ~Copyable, TLB: TableTLB & ~Copyable>(
    _ physical: PhysicalAddress, in tables: OwnTables, memory: inout Memory, tlb: inout TLB
  ) throws(TranslationError) -> PhysicalAddress where TLB.Input == PhysicalAddress {
    let mapping = Mapping(
      attributes: Stage1.registers, offset: physical.page.rawValue &- address.rawValue)
    try show(mapping, in: tables, memory: &memory, tlb: &tlb)
    return address &+ physical.pageOffset
  }

  /// Makes the window show nothing.
  static func close<Memory: TableMemory & ~Copyable, TLB: TableTLB & ~Copyable>(
    in tables: OwnTables, memory: inout Memory, tlb: inout TLB
  ) where TLB.Input == PhysicalAddress {
    // To unmap a page never takes a table.
    try? show(nil, in: tables, memory: &memory, tlb: &tlb)
  }

  private static func show<Memory: TableMemory & ~Copyable, TLB: TableTLB & ~Copyable>(
    _ mapping: Mapping?, in tables: OwnTables, memory: inout Memory, tlb: inout TLB
  ) throws(TranslationError) where TLB.Input == PhysicalAddress {
    var noPages = PagePool(from: address, to: address)
    // Other cores run by these tables, but nobody uses the window beside the one who opens it.
    try tables.change(
      range, to: mapping, while: .none, pool: &noPages, memory: &memory, tlb: &tlb)
  }
}
