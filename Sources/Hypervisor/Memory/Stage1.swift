internal import DeviceTree
internal import EL2Support

/// EL2's own translation: one to one, what EL2 needs and no more. The attributes are those of a leaf.
enum Stage1 {
  private static let accessFlag: UInt64 = 1 &<< 10
  private static let innerShareable: UInt64 = 3 &<< 8
  /// AP[1] is RES1 in a regime without EL0.
  private static let ap1: UInt64 = 1 &<< 6
  private static let readOnly: UInt64 = 1 &<< 7
  private static let executeNever: UInt64 = 1 &<< 54
  private static let device: UInt64 = 1 &<< 2  // MAIR index 1

  /// The program's instructions. Index 0 of MAIR_EL2 is Normal write-back.
  static let text = accessFlag | innerShareable | ap1 | readOnly
  /// Constants.
  static let constants = text | executeNever
  /// EL2's data, and the guest's memory as EL2 reads and writes it.
  static let data = accessFlag | innerShareable | ap1 | executeNever
  /// Registers of devices that EL2 drives.
  static let registers = accessFlag | ap1 | executeNever | device
}

// MARK: What is mapped at boot

extension Stage1 {
  /// The guest's RAM, less what nobody may map as memory, and the registers that EL2 drives.
  static func map<Memory: TableMemory & ~Copyable>(
    _ machine: borrowing MachineDescription, in tables: OwnTables, pool: inout PagePool,
    memory: inout Memory
  ) throws(TranslationError) {
    var tlb = UnusedTables<PhysicalAddress>()
    for index in 0..<machine.memory.count {
      guard let pages = AddressRange<PhysicalAddress>(machine.memory[index])?.pagesWithin else {
        continue
      }
      try tables.change(
        pages, to: Mapping(attributes: data), while: .none, pool: &pool, memory: &memory, tlb: &tlb)
    }
    for index in 0..<machine.owned.count {
      let entry = machine.owned[index]
      let mapping: Mapping? =
        switch entry.owner {
        case .hypervisor: Mapping(attributes: data)
        case .distributor, .redistributors, .cpuInterfaces, .debugLink, .console:
          Mapping(attributes: registers)
        case .firmware: nil
        }
      try tables.change(
        entry.range, to: mapping, while: .none, pool: &pool, memory: &memory, tlb: &tlb)
    }
  }

  /// The parts of the program, within what is mapped as data already.
  static func mapProgram(
    in tables: OwnTables, pool: inout PagePool, memory: inout PhysicalMemory
  ) throws(TranslationError) {
    var tlb = UnusedTables<PhysicalAddress>()
    let start = UInt64(el2_address_of___image_start())
    let textEnd = UInt64(el2_address_of___text_end())
    let constantsEnd = UInt64(el2_address_of___rodata_end())
    if let range = AddressRange<PhysicalAddress>(Region(from: start, to: textEnd)) {
      try tables.change(
        range, to: Mapping(attributes: text), while: .none, pool: &pool, memory: &memory,
        tlb: &tlb)
    }
    if let range = AddressRange<PhysicalAddress>(Region(from: textEnd, to: constantsEnd)) {
      try tables.change(
        range, to: Mapping(attributes: constants), while: .none, pool: &pool, memory: &memory,
        tlb: &tlb)
    }
  }
}

extension Stage1 {
  /// The lowest page of each stack, which must not be mapped.
  static func unmapGuards(
    of stacks: CoreStacks, in tables: OwnTables, pool: inout PagePool,
    memory: inout PhysicalMemory
  ) throws(TranslationError) {
    var tlb = UnusedTables<PhysicalAddress>()
    for core in 0..<stacks.count {
      let page = PhysicalAddress(UInt64(stacks.guardPage(of: core)))
      try tables.change(
        AddressRange(pageOf: page), to: nil, while: .none, pool: &pool, memory: &memory, tlb: &tlb)
    }
  }
}

/// EL2's own tables.
typealias OwnTables = TranslationTables<PhysicalAddress>

extension OwnTables {
  /// Those of the core that executes this, which all cores share.
  static var ofThisCore: OwnTables {
    OwnTables(
      root: PhysicalAddress(el2_read_ttbr0_el2() & Descriptor.addressMask), startLevel: 0,
      inputBits: 48)
  }
}

/// The TLBs of EL2's own translation, of all cores.
struct OwnTLB: TableTLB {
  mutating func invalidate(_ range: AddressRange<PhysicalAddress>) {
    if range.pageCount <= 64 {
      var page = range.first.page
      for _ in 0..<range.pageCount {
        el2_tlbi_vae2is(UInt(page.rawValue))
        page = page &+ Page.size
      }
    } else {
      el2_tlbi_alle2is()
    }
    el2_dsb_ish()
    el2_isb()
  }
}
