import ArmDebug
import DeviceTree
import Testing

@testable import Hypervisor

/// The TLBs of a machine whose VTTBR_EL2 is `vttbr`: tables, what is held under each VMID, and what was done.
private final class ModelStage2 {
  enum Event: Equatable {
    case vttbr(UInt64), page(UInt64), stage1, both, complete, synchronize
  }
  var events: [Event] = []
  var words: [UInt64: UInt64] = [:]
  var stores = 0
}

private struct ModelMemory: TableMemory {
  let model: ModelStage2
  func load(_ address: PhysicalAddress) -> UInt64 { model.words[address.rawValue] ?? 0 }
  mutating func store(_ descriptor: UInt64, to address: PhysicalAddress) {
    model.words[address.rawValue] = descriptor
    model.stores += 1
  }
  mutating func publish() {}
}

private struct ModelHardware: Stage2Hardware {
  let model: ModelStage2
  var inForce: UInt64 = 0
  var vttbr: UInt64 {
    get { inForce }
    set {
      inForce = newValue
      model.events.append(.vttbr(newValue))
    }
  }
  mutating func invalidateStage2(_ page: IntermediateAddress) {
    model.events.append(.page(page.rawValue))
  }
  mutating func invalidateStage1() { model.events.append(.stage1) }
  mutating func invalidateBothStages() { model.events.append(.both) }
  mutating func complete() { model.events.append(.complete) }
  mutating func synchronize() { model.events.append(.synchronize) }
}

/// A stage 2 that expectations can have.
private final class Machine {
  let model = ModelStage2()
  var stage2: Stage2<ModelMemory, ModelHardware>

  init(startLevel: Int = 1, addressBits: Int = 40, pages: UInt64 = 64) throws {
    stage2 = try Stage2(
      startLevel: startLevel, addressBits: addressBits,
      pool: PagePool(
        from: PhysicalAddress(0x10_1000), to: PhysicalAddress(0x10_1000 + pages * 4096)),
      memory: ModelMemory(model: model), hardware: ModelHardware(model: model))
  }

  func translate(
    _ address: UInt64, in tree: Stage2<ModelMemory, ModelHardware>.Tree
  ) -> Stage2<ModelMemory, ModelHardware>.Translation? {
    stage2.translate(IntermediateAddress(address), in: tree)
  }

  func mapOnDemand(_ address: UInt64) throws(TranslationError) {
    try stage2.mapOnDemand(IntermediateAddress(address))
  }

  func armed() -> UInt64 { stage2.vttbr(.armed) }
  func open() -> UInt64 { stage2.vttbr(.open) }
  var available: UInt64 { stage2.pool.available }
}

private func range(_ first: UInt64, _ count: UInt64) -> AddressRange<IntermediateAddress> {
  guard let range = AddressRange(from: IntermediateAddress(first), count: count) else {
    preconditionFailure("a test's range is empty")
  }
  return range
}

@Suite("Stage 2 of the guest")
struct Stage2Tests {
  private static let gigabyte: UInt64 = 1 << 30

  @Test(
    "The permissions of a leaf are those asked for, by S2AP and XN",
    arguments: 0...7 as ClosedRange<UInt8>)
  func attributes(rawValue: UInt8) {
    let access = Stage2Access(rawValue: rawValue)
    let leaf = access.attributes
    #expect(leaf >> 6 & 1 == UInt64(rawValue) & 1, "S2AP[0]: read")
    #expect(leaf >> 7 & 1 == UInt64(rawValue) >> 1 & 1, "S2AP[1]: write")
    #expect(leaf >> 53 & 3 == (rawValue & 4 != 0 ? 0 : 0b10), "XN")
    #expect(leaf >> 2 & 0xf == 0xf, "MemAttr: Normal write-back")
    #expect(leaf >> 8 & 3 == 3 && leaf >> 10 & 1 == 1, "SH, AF")
    #expect(Stage2Access(leaf: leaf) == access)
  }

  @Test(
    "Each tree has a root and a VMID of its own; the guest's is 0",
    arguments: [(1, 36), (1, 40), (1, 42), (0, 48)])
  func roots(startLevel: Int, addressBits: Int) throws {
    let machine = try Machine(startLevel: startLevel, addressBits: addressBits)
    let (armed, open) = (machine.armed(), machine.open())
    #expect(armed >> 48 == 0 && open >> 48 == 1)
    let size = rootPages(startLevel: startLevel, inputBits: addressBits) * 4096
    for root in [armed, open] { #expect(root & 0xffff_ffff_ffff & (size - 1) == 0) }
    let distance = Int64(armed) - Int64(open & 0xffff_ffff_ffff)
    #expect(UInt64(distance.magnitude) >= size)
    #expect(armed & 1 == 0 && open & 1 == 0, "CnP")
  }

  @Test(
    "Up to 64 pages are invalidated one by one, under the VMID of the tree; stage 1 only when that is complete",
    arguments: [1, 64, 65] as [UInt64], [true, false])
  func invalidation(pages: UInt64, isOpen: Bool) throws {
    let machine = try Machine()
    let tree = isOpen ? Stage2<ModelMemory, ModelHardware>.Tree.open : .armed
    let pieces = range(0x4000_0000, pages * 4096)
    try machine.stage2.change(range(0x4000_0000, 0x20_0000), to: .read, in: tree, while: .none)
    try machine.stage2.change(range(0x4000_0000, 0x1000), to: .all, in: tree, while: .none)
    machine.model.events = []
    try machine.stage2.change(pieces, to: .execute, in: tree, while: .none)
    let vttbr = isOpen ? machine.open() : machine.armed()
    let singles = (0..<pages).map { ModelStage2.Event.page(0x4000_0000 + $0 * 4096) }
    let invalidation = pages <= 64 ? singles + [.complete, .stage1] : [.both]
    #expect(
      machine.model.events == [.vttbr(vttbr), .synchronize] + invalidation
        + [.complete, .synchronize, .vttbr(0), .synchronize])
  }

  @Test("What armed says is nothing to open; a page of armed may lead to its copy")
  func copies() throws {
    let machine = try Machine()
    try machine.stage2.change(range(0x4000_0000, Self.gigabyte), to: .all, while: .none)
    let copy = PhysicalAddress(0x7fff_5000)
    try machine.stage2.change(
      range(0x4123_4000, 0x1000), to: .execute, output: copy, in: .armed, while: .none)
    #expect(
      machine.translate(0x4123_4567, in: .armed)
        == .init(output: PhysicalAddress(0x7fff_5567), access: .execute))
    for address in [0x4123_3fff, 0x4123_5000] as [UInt64] {
      #expect(
        machine.translate(address, in: .armed)
          == .init(output: PhysicalAddress(address), access: .all))
    }
    #expect(
      machine.translate(0x4123_4567, in: .open)
        == .init(output: PhysicalAddress(0x4123_4567), access: .all))
    #expect(throws: TranslationError.unaligned) {
      try machine.stage2.change(
        range(0x4123_4000, 0x1000), to: .execute, output: copy &+ 8, in: .armed, while: .none)
    }
  }

  @Test("On demand the gigabyte is mapped in both trees, while vCPUs run: nothing is invalidated")
  func demand() throws {
    let machine = try Machine()
    try machine.mapOnDemand(0x12_3456_7890)
    #expect(machine.model.events == [])
    for tree in [Stage2<ModelMemory, ModelHardware>.Tree.armed, .open] {
      for address in [0x12_0000_0000, 0x12_3fff_ffff] as [UInt64] {
        #expect(
          machine.translate(address, in: tree)
            == .init(output: PhysicalAddress(address), access: .all))
      }
      #expect(machine.translate(0x12_4000_0000, in: tree) == nil)
    }
    let stores = machine.model.stores
    try machine.mapOnDemand(0x12_3456_0000)
    #expect(machine.model.stores == stores, "another vCPU was faster")
    #expect(throws: TranslationError.outOfRange) { try machine.mapOnDemand(1 << 40) }
  }

  @Test("What was hidden at boot stays hidden, whatever is mapped on demand around it")
  func hidden() throws {
    let machine = try Machine()
    try machine.stage2.mapGigabytes(of: Region(from: 0x4000_0000, to: 0x6000_0000))
    var owned = OwnedRegions()
    try owned.add(Region(from: 0x800_0000, to: 0x801_0000), .distributor)
    try owned.add(Region(from: 0x5fc0_0000, to: 0x6000_0000), .hypervisor)
    try owned.add(Region(from: 0x900_0000, to: 0x900_1000), .console)
    try machine.stage2.mapGigabytes(of: Region(from: 0, to: 1))
    try machine.stage2.hide(owned)
    for tree in [Stage2<ModelMemory, ModelHardware>.Tree.armed, .open] {
      for address in [0x800_0000, 0x800_ffff, 0x5fc0_0000, 0x5fff_ffff] as [UInt64] {
        #expect(machine.translate(address, in: tree) == nil)
        #expect(throws: TranslationError.breaksWhatIsInUse) { try machine.mapOnDemand(address) }
        #expect(machine.translate(address, in: tree) == nil)
      }
      for address in [0x7ff_ffff, 0x801_0000, 0x900_0000, 0x5fbf_ffff, 0x6000_0000] as [UInt64] {
        #expect(machine.translate(address, in: tree)?.output.rawValue == address)
      }
    }
  }

  @Test("Both trees change or none")
  func both() throws {
    // Roots of two pages each, and one page between to align them.
    let machine = try Machine(pages: 4 + 1 + 2)
    #expect(machine.available == 3)
    let stores = machine.model.stores
    #expect(throws: TranslationError.outOfTablePages) {
      try machine.stage2.change(range(0x4000_0000, 0x1000), to: .all, while: .none)
    }
    #expect(machine.model.stores == stores && machine.available == 3)
  }
}

@Suite("HPFAR_EL2, Arm ARM D24.2.66")
struct StageTwoFaultTests {
  @Test(
    "is used where it is valid: not for a permission fault that is not a table walk's",
    arguments: 0..<0x40 as Range<UInt64>)
  func validity(status: UInt64) {
    for isWalk in [false, true] {
      let access = DataAbort(iss: status | (isWalk ? 1 << 7 : 0))
      let page = StageTwoFault(access).page(hpfar: 0x1234_5670)
      // Address size 0b0000LL, translation 0b0001LL, access flag 0b0010LL.
      let isValid = isWalk || status >> 2 < 3
      #expect((page != nil) == isValid)
      if let page { #expect(page.rawValue == 0x12_3456_7000) }
    }
  }
}

@Suite("Whose a region is")
struct OwnedRegionsTests {
  /// A list that expectations can have.
  private final class List {
    var regions = OwnedRegions()
    func owner(of address: UInt64) -> RegionOwner? { regions.owner(of: PhysicalAddress(address)) }
    func isHidden(_ address: UInt64) -> Bool { regions.isHidden(PhysicalAddress(address)) }
    func add(_ first: UInt64, _ end: UInt64, _ owner: RegionOwner) throws(OwnedRegionError) {
      try regions.add(Region(from: first, to: end), owner)
    }
    var count: Int { regions.count }
  }

  @Test("Regions are whole pages")
  func pages() throws {
    let list = List()
    try list.add(0x1800, 0x2001, .debugLink)
    #expect(list.owner(of: 0xfff) == nil)
    #expect(list.owner(of: 0x1000) == .debugLink && list.owner(of: 0x2fff) == .debugLink)
    #expect(list.owner(of: 0x3000) == nil)
    try list.add(0x9000, 0x9000, .console)
    #expect(list.count == 1, "an empty region is nobody's")
  }

  @Test("Two owners of one page are an error; one owner's regions may overlap")
  func overlap() throws {
    let list = List()
    try list.add(0x1000, 0x2800, .distributor)
    #expect(throws: OwnedRegionError.overlap) { try list.add(0x2f00, 0x3000, .redistributors) }
    #expect(list.count == 1)
    try list.add(0x2f00, 0x3000, .distributor)
    try list.add(0x3000, 0x4000, .redistributors)
  }

  @Test("Too many are an error")
  func full() throws {
    let list = List()
    for index in 0..<UInt64(OwnedRegions.capacity) {
      try list.add(index << 12, index << 12 | 1, .firmware)
    }
    #expect(throws: OwnedRegionError.full) { try list.add(1 << 30, 1 << 31, .firmware) }
  }

  @Test("The guest reaches its console and firmware's memory; nothing of these is its RAM")
  func hidden() throws {
    for owner in [
      RegionOwner.distributor, .redistributors, .hypervisor, .debugLink, .console, .firmware,
    ] {
      let list = List()
      try list.add(0x4000_0000, 0x4000_1000, owner)
      #expect(list.isHidden(0x4000_0000) == (owner != .console && owner != .firmware))
      #expect(!list.isHidden(0x4000_1000))
    }
  }

  @Test("RAM less what is owned is the guest's, whatever the order and overlap of the owned")
  func rest() throws {
    for owned: [(UInt64, UInt64)] in [
      [], [(0x4000, 0x5000)], [(0x1000, 0x2000), (0xf000, 0x1_1000)],
      [(0x8000, 0x9000), (0x3000, 0x4000), (0x5000, 0x6000), (0x4000, 0x5000)],
      [(0x8000, 0xb000), (0x9000, 0xa000), (0x7000, 0x9000)], [(0, 0x2_0000)],
    ] {
      let list = List()
      for (first, end) in owned { try list.add(first, end, .firmware) }
      var rest = RegionList<96>()
      let region = Region(from: 0x1800, to: 0xf800)
      let fits = list.regions.appendRest(of: region, to: &rest)
      #expect(fits)
      for address in stride(from: 0 as UInt64, to: 0x1_2000, by: 0x400) {
        let isRest = region.contains(address) && list.owner(of: address) == nil
        let isListed = rest.contains(address)
        #expect(isListed == isRest, "\(String(address, radix: 16))")
      }
    }
    let list = List()
    try list.add(0x2000, 0x3000, .firmware)
    var short = RegionList<1>()
    let fits = list.regions.appendRest(of: Region(from: 0x1000, to: 0x4000), to: &short)
    #expect(!fits)
  }

  /// A tree whose /reserved-memory has a no-map region that is not whole pages, one for everybody, one that is not
  /// operational, one that is malformed, and one without a place.
  private static func tree() throws -> DeviceTree {
    var tree = FlatTree()
    tree.begin("")
    tree.add("#address-cells", [2])
    tree.add("#size-cells", [2])
    tree.begin("reserved-memory")
    tree.add("#address-cells", [2])
    tree.add("#size-cells", [2])
    tree.add("ranges", [])
    for (name, cells, isNoMap, status) in [
      ("secure", [0, 0x4ff0_0800, 0, 0x10_0000, 0, 0x5000_3000, 0, 0x1000], true, "okay"),
      ("pool", [0, 0x5100_0000, 0, 0x1000], false, "okay"),
      ("off", [0, 0x5200_0000, 0, 0x1000], true, "disabled"),
      ("malformed", [0x5300_0000], true, "okay"),
    ] as [(String, [UInt32], Bool, String)] {
      tree.begin(name)
      tree.add("reg", cells)
      if isNoMap { tree.add("no-map", []) }
      tree.add("status", text: status)
      tree.end()
    }
    tree.begin("anywhere")
    tree.add("size", [0, 0x400_0000])
    tree.add("no-map", [])
    tree.end()
    tree.end()
    tree.end()
    return try tree.finished()
  }

  @Test("EL2 maps RAM as memory, what it drives as a device, and what firmware reserves not at all")
  func mappings() throws {
    var machine = MachineDescription(affinities: PerVCPU([0]))
    let fits = machine.memory.append(Region(from: 0x4000_0000, to: 0x6000_0000))
    #expect(fits)
    try machine.owned.add(Region(from: 0x800_0000, to: 0x801_0000), .distributor)
    try machine.owned.add(Region(from: 0x80a_0000, to: 0x80e_0000), .redistributors)
    try machine.owned.add(Region(from: 0x5fc0_0000, to: 0x6000_0000), .hypervisor)
    try machine.owned.add(Region(from: 0xa00_0000, to: 0xa00_1000), .debugLink)
    try machine.owned.add(Region(from: 0x900_0000, to: 0x900_1000), .console)
    try machine.owned.addReservations(of: Self.tree())
    let regime = ModelRegime<PhysicalAddress>()
    var memory = ModelTableMemory(model: regime.model)
    try Stage1.map(machine, in: regime.tables, pool: &regime.pool.pool, memory: &memory)
    let expectations: [(UInt64, UInt64?)] = [
      (0x4000_0000, Stage1.data), (0x4fef_ffff, Stage1.data), (0x4ff0_0000, nil),
      (0x4ff0_0800, nil), (0x5000_0fff, nil), (0x5000_1000, Stage1.data), (0x5000_3000, nil),
      (0x5000_4000, Stage1.data), (0x5100_0000, Stage1.data), (0x5200_0000, Stage1.data),
      (0x5300_0000, Stage1.data), (0x5fc0_0000, Stage1.data), (0x5fff_ffff, Stage1.data),
      (0x6000_0000, nil), (0x3fff_ffff, nil), (0x800_0000, Stage1.registers),
      (0x80d_ffff, Stage1.registers), (0x801_0000, nil), (0xa00_0fff, Stage1.registers),
      (0x900_0000, Stage1.registers), (0x901_0000, nil),
    ]
    for (address, attributes) in expectations {
      let found = regime.translate(address)
      #expect(
        found.map { $0.descriptor & ~Descriptor.addressMask & ~3 } == attributes,
        "\(String(address, radix: 16))")
      #expect(found == nil || found?.output.rawValue == address)
    }
  }
}
