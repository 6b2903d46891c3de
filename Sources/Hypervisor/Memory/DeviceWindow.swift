internal import DeviceTree
internal import EL2Support

/// A page of EL2's own translation through which EL2 reaches one page of the guest's devices, and only while it
/// does: no speculation of another time touches a device, and no table grows with the devices that are looked at.
struct DeviceWindow {
  /// The highest page of the 48 bits, where no machine has anything that EL2 maps one to one.
  static let address: UInt64 = 0x0000_ffff_ffff_f000

  /// Where the window's descriptor lies, once there is one.
  private var entry: UInt64?

  /// Makes the window show the page of `physical`. It must be closed.
  ///
  /// - Returns: the address in the window.
  mutating func open<Memory: TableMemory>(
    _ physical: UInt64, in tables: TranslationTables, memory: inout Memory
  ) throws(TranslationError) -> UInt64 {
    let offset = physical & (TranslationTables.pageSize &- 1)
    let entry = try makeEntry(in: tables, memory: &memory)
    // It was invalid, so nothing of it can be in a TLB.
    memory.store(
      physical & TranslationTables.addressMask | Stage1.registers | 0b11, to: entry)
    return Self.address | offset
  }

  /// Makes the window show nothing.
  func close<Memory: TableMemory>(memory: inout Memory) {
    guard let entry else { return }
    memory.store(0, to: entry)
    memory.invalidate()
  }

  private mutating func makeEntry<Memory: TableMemory>(
    in tables: TranslationTables, memory: inout Memory
  ) throws(TranslationError) -> UInt64 {
    if let entry { return entry }
    // The tables down to it come into being with a mapping, which is taken back.
    let page = Region(from: Self.address, to: Self.address &+ TranslationTables.pageSize)
    try tables.set(page, attributes: Stage1.registers, in: &memory)
    try tables.set(page, attributes: nil, in: &memory)
    guard let made = tables.pageEntry(of: Self.address, in: memory) else { throw .outOfTablePages }
    entry = made
    return made
  }
}

extension TranslationTables {
  /// Where the descriptor of the page at `address` lies, or nil if no table reaches down to it.
  func pageEntry<Memory: TableMemory>(of address: UInt64, in memory: Memory) -> UInt64? {
    var table = root
    var level = startLevel
    while level < 3 {
      let index = address / Self.span(ofLevel: level) & (level == startLevel ? .max : 511)
      let descriptor = memory.load(table &+ index &* 8)
      guard descriptor & 0b11 == 0b11 else { return nil }
      table = descriptor & Self.addressMask
      level &+= 1
    }
    return table &+ (address / Self.pageSize & 511) &* 8
  }
}

/// The tables of EL2's own translation, in use.
struct OwnTables: TableMemory {
  var memory: PhysicalMemory

  func load(_ address: UInt64) -> UInt64 { memory.load(address) }

  mutating func store(_ descriptor: UInt64, to address: UInt64) {
    memory.store(descriptor, to: address)
    // So that the walk of the next access finds it.
    el2_dsb_ish()
    el2_isb()
  }

  mutating func allocatePage() -> UInt64? { memory.allocatePage() }

  /// The window is all that changes while the tables are in use.
  func invalidate() {
    el2_tlbi_vae2is(UInt(DeviceWindow.address))
    el2_dsb_ish()
    el2_isb()
  }

  /// Those of the core that executes this, which all cores share.
  static var tables: TranslationTables {
    TranslationTables(
      root: el2_read_ttbr0_el2() & TranslationTables.addressMask, startLevel: 0, inputBits: 48)
  }
}
