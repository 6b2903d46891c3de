/// What the guest may do at an intermediate address.
struct Stage2Access: FlagSet {
  var rawValue: UInt8
  static let read = Stage2Access(rawValue: 1)
  static let write = Stage2Access(rawValue: 2)
  static let execute = Stage2Access(rawValue: 4)
  static let all = Stage2Access(rawValue: 7)
}

extension Stage2Access {
  /// MemAttr: Normal write-back in both stages leaves the memory type to the guest's own stage 1: of the two
  /// types the stricter wins (Arm ARM D8.6.4). Device here would make unaligned accesses fault that the guest's
  /// write-combining mappings allow.
  private static let normalWriteBack: UInt64 = 0b1111 &<< 2
  private static let innerShareable: UInt64 = 3 &<< 8
  private static let accessFlag: UInt64 = 1 &<< 10
  /// S2AP[0] and S2AP[1].
  private static let readPermission: UInt64 = 1 &<< 6
  private static let writePermission: UInt64 = 1 &<< 7
  /// XN[1], which forbids what it says with FEAT_XNX and without; XN[0] is 0.
  private static let executeNever: UInt64 = 1 &<< 54

  /// Those of a leaf (Arm ARM D8.3.2).
  var attributes: UInt64 {
    var value = Self.normalWriteBack | Self.innerShareable | Self.accessFlag
    if contains(.read) { value |= Self.readPermission }
    if contains(.write) { value |= Self.writePermission }
    if !contains(.execute) { value |= Self.executeNever }
    return value
  }

  /// What a leaf permits.
  init(leaf: UInt64) {
    self.init(rawValue: 0)
    if leaf & Self.readPermission != 0 { insert(.read) }
    if leaf & Self.writePermission != 0 { insert(.write) }
    if leaf & Self.executeNever == 0 { insert(.execute) }
  }
}

/// The instructions and the register by which EL2 invalidates what the TLBs hold of the guest's translation. The
/// TLB instructions act on the VMID in VTTBR_EL2, and on all cores.
protocol Stage2Hardware: ~Copyable {
  /// VTTBR_EL2.
  var vttbr: UInt64 { get set }
  /// TLBI IPAS2E1IS: what is held of stage 2 alone.
  mutating func invalidateStage2(_ page: IntermediateAddress)
  /// TLBI VMALLE1IS: what is held of stage 1, combined with stage 2 or not.
  mutating func invalidateStage1()
  /// TLBI VMALLS12E1IS: both.
  mutating func invalidateBothStages()
  /// DSB ISH.
  mutating func complete()
  /// ISB.
  mutating func synchronize()
}

/// What the TLBs hold under one VMID, whichever VMID is in force (Arm ARM D8.17).
struct Stage2TLB<Hardware: Stage2Hardware>: TableTLB {
  var hardware: Hardware
  /// VTTBR_EL2 of the tables.
  let vttbr: UInt64

  /// A range of more pages is invalidated with everything else of the VMID.
  static var mostSinglePages: UInt64 { 64 }

  mutating func invalidate(_ range: AddressRange<IntermediateAddress>) {
    let inForce = hardware.vttbr
    hardware.vttbr = vttbr
    // The TLB instructions take the VMID from the new value.
    hardware.synchronize()
    if range.pageCount <= Self.mostSinglePages {
      var page = range.first.page
      for _ in 0..<range.pageCount {
        hardware.invalidateStage2(page)
        page = page &+ Page.size
      }
      // By intermediate address only stage 2 alone is found. The combined entries come after it is gone, or a walk
      // would make new ones of what is old.
      hardware.complete()
      hardware.invalidateStage1()
    } else {
      hardware.invalidateBothStages()
    }
    hardware.complete()
    hardware.synchronize()
    hardware.vttbr = inForce
    hardware.synchronize()
  }
}

/// The guest's stage 2: two trees, both one to one and both without what is EL2's, but for what the debugger has
/// changed in ``Tree/armed``.
///
/// Its one writer is whoever holds the stage-2 lock: ``mapOnDemand(_:)`` while vCPUs run, and everything else while
/// they stand still.
struct Stage2<Memory: TableMemory, Hardware: Stage2Hardware>: ~Copyable {
  enum Tree {
    /// What the guest runs by.
    case armed
    /// What one instruction is completed by that *armed* keeps from completing, and where EL2 reads what lies
    /// there really.
    case open

    /// In VTTBR_EL2.VMID. A VMID each: what is cached of one tree must not serve the other. The guest runs under
    /// 0, as a kernel that is entered at EL2 leaves it beneath itself when it goes on at EL1; its VMID breakpoints
    /// compare with it (DBGBCR.BT).
    var vmid: UInt16 {
      switch self {
      case .armed: 0
      case .open: 1
      }
    }
  }

  /// What an intermediate address leads to.
  struct Translation: Equatable {
    var output: PhysicalAddress
    var access: Stage2Access
  }

  private let armed: TranslationTables<IntermediateAddress>
  private let open: TranslationTables<IntermediateAddress>
  private var memory: Memory
  private var hardware: Hardware
  private(set) var pool: PagePool

  /// Two trees with nothing in them.
  ///
  /// - Parameters:
  ///   - startLevel: level of the first lookup, 0 or 1, as VTCR_EL2.SL0 says.
  ///   - addressBits: bits of an intermediate address, as VTCR_EL2.T0SZ says.
  ///   - pool: where all tables come from.
  init(
    startLevel: Int, addressBits: Int, pool: consuming PagePool, memory: Memory, hardware: Hardware
  ) throws(TranslationError) {
    var pool = pool
    var memory = memory
    let pages = rootPages(startLevel: startLevel, inputBits: addressBits)
    guard let first = pool.takeRun(of: pages, in: &memory),
      let second = pool.takeRun(of: pages, in: &memory)
    else { throw .outOfTablePages }
    armed = TranslationTables(root: first, startLevel: startLevel, inputBits: addressBits)
    open = TranslationTables(root: second, startLevel: startLevel, inputBits: addressBits)
    self.pool = pool
    self.memory = memory
    self.hardware = hardware
    self.memory.publish()
  }

  /// Bits of an intermediate address.
  var addressBits: Int { armed.inputBits }

  /// VTTBR_EL2 for a tree. CnP is 0: each core keeps to itself what it holds, so that one core can invalidate what
  /// it has cached of *open* without the others.
  func vttbr(_ tree: Tree) -> UInt64 { tables(tree).root.rawValue | UInt64(tree.vmid) &<< 48 }

  private func tables(_ tree: Tree) -> TranslationTables<IntermediateAddress> {
    switch tree {
    case .armed: armed
    case .open: open
    }
  }

  /// What a tree says of an address; nil if it leads nowhere.
  func translate(_ address: IntermediateAddress, in tree: Tree) -> Translation? {
    guard let found = tables(tree).translate(address, in: memory) else { return nil }
    return Translation(output: found.output, access: Stage2Access(leaf: found.descriptor))
  }

  /// Gives the guest `access` to a range of whole pages in one tree, or takes the range away (nil).
  ///
  /// - Parameters:
  ///   - output: where the range leads, if not to itself: a copy of a page.
  ///   - users: ``TableUsers/running`` while any vCPU may execute guest code.
  mutating func change(
    _ range: AddressRange<IntermediateAddress>, to access: Stage2Access?,
    output: PhysicalAddress? = nil, in tree: Tree, while users: TableUsers
  ) throws(TranslationError) {
    let offset = output.map { $0.rawValue &- range.first.rawValue } ?? 0
    let mapping = access.map { Mapping(attributes: $0.attributes, offset: offset) }
    var tlb = Stage2TLB(hardware: hardware, vttbr: vttbr(tree))
    try tables(tree).change(
      range, to: mapping, while: users, pool: &pool, memory: &memory, tlb: &tlb)
  }

  /// Gives the guest everything in a range of both trees, one to one, or takes it away; both trees or none.
  mutating func change(
    _ range: AddressRange<IntermediateAddress>, to access: Stage2Access?, while users: TableUsers
  ) throws(TranslationError) {
    let mapping = access.map { Mapping(attributes: $0.attributes) }
    // The pool must have enough for both before either changes.
    let first = try armed.survey(range, to: mapping, in: memory)
    let second = try open.survey(range, to: mapping, in: memory)
    guard users == .none || !first.breaks && !second.breaks else { throw .breaksWhatIsInUse }
    guard first.pages &+ second.pages <= pool.available else { throw .outOfTablePages }
    try change(range, to: access, in: .armed, while: users)
    try change(range, to: access, in: .open, while: users)
  }

  /// Maps the gigabyte around an address that no node of the device tree named, while other vCPUs run. One that is
  /// mapped already, because another vCPU was faster, stays as it is.
  ///
  /// - Throws: if the address lies beyond what stage 2 reaches, or in a gigabyte that holds something of EL2's: all
  ///   of that was mapped at boot, and what faults in it stays so.
  mutating func mapOnDemand(_ address: IntermediateAddress) throws(TranslationError) {
    try change(Self.gigabyte(of: address), to: .all, while: .running)
  }

  /// The gigabyte that an address lies in.
  static func gigabyte(of address: IntermediateAddress) -> AddressRange<IntermediateAddress> {
    AddressRange(blockOf: address, size: 1 &<< 30)
  }
}

// MARK: What is there at boot

extension Stage2 {
  /// Gives the guest the whole gigabytes that a region lies in, before any vCPU runs. What lies beyond what stage 2
  /// reaches is left out: nobody can use it.
  mutating func mapGigabytes(of region: Region) throws(TranslationError) {
    guard let range = AddressRange<PhysicalAddress>(region) else { return }
    let gigabytes = AddressRange<IntermediateAddress>(
      from: Self.gigabyte(of: IntermediateAddress(oneToOne: range.first)).first,
      through: Self.gigabyte(of: IntermediateAddress(oneToOne: range.last)).last)
    guard let gigabytes, gigabytes.last.rawValue &>> UInt64(addressBits) == 0 else { return }
    try change(gigabytes, to: .all, while: .none)
  }

  /// Takes from the guest what EL2 keeps for itself, before any vCPU runs.
  mutating func hide(_ owned: borrowing OwnedRegions) throws(TranslationError) {
    for index in 0..<owned.count where owned[index].owner.isHidden {
      try change(AddressRange(oneToOne: owned[index].range), to: nil, while: .none)
    }
  }
}

/// How many pages the first table takes. One that starts at level 1 and has more than 39 bits of input is several
/// in a row (Arm ARM D8.2.5).
func rootPages(startLevel: Int, inputBits: Int) -> UInt64 {
  let covered = startLevel == 0 ? 48 : 39
  return inputBits > covered ? 1 &<< UInt64(inputBits &- covered) : 1
}
