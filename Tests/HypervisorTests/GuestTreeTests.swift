import DeviceTree
import Testing

@testable import Hypervisor

private let mib: UInt64 = 1 << 20
private let gib: UInt64 = 1 << 30

private func region(_ address: UInt64, _ size: UInt64) -> Region {
  Region(from: address, to: address + size)
}

/// A board with a GICv3 and as much as EL2 needs beside it. Its tree is packed: no byte is left over.
struct TestBoard {
  var cells = 1
  var memory = [region(0x4000_0000, 0x4000_0000)]
  /// What `/memory` has as its `reg`, where it is not `memory`: the loader has not filled it in.
  var hasEmptyMemory = false
  var interruptCells = 3
  var memreserve: [Region] = []
  /// Children of /reserved-memory, and whether each is `no-map`.
  var reserved: [(Region, noMap: Bool)] = []
  var cpus = 2

  private func number(_ value: UInt64) -> [UInt32] {
    cells == 1 ? [UInt32(value)] : [UInt32(value >> 32), UInt32(truncatingIfNeeded: value)]
  }

  private func reg(_ regions: [Region]) -> [UInt32] {
    regions.flatMap { number($0.address) + number($0.size) }
  }

  func tree() throws -> DeviceTree {
    var tree = FlatTree()
    tree.reservations = memreserve
    tree.begin("")
    tree.add("#address-cells", [UInt32(cells)])
    tree.add("#size-cells", [UInt32(cells)])
    tree.add("interrupt-parent", [1])
    tree.begin("memory@40000000")
    tree.add("device_type", text: "memory")
    tree.add("reg", reg(hasEmptyMemory ? [region(0x4000_0000, 0)] : memory))
    tree.end()
    tree.begin("cpus")
    tree.add("#address-cells", [1])
    tree.add("#size-cells", [0])
    for n in 0..<cpus {
      tree.begin("cpu@\(n)")
      tree.add("device_type", text: "cpu")
      tree.add("reg", [UInt32(n)])
      tree.add("enable-method", text: "psci")
      tree.end()
    }
    tree.end()
    tree.begin("psci")
    tree.add("compatible", text: "arm,psci-1.0")
    tree.add("method", text: "smc")
    tree.end()
    tree.begin("interrupt-controller@8000000")
    tree.add("compatible", text: "arm,gic-v3")
    tree.add("phandle", [1])
    tree.add("#interrupt-cells", [UInt32(interruptCells)])
    tree.add("reg", reg([region(0x800_0000, 0x1_0000), region(0x80a_0000, 0x4_0000)]))
    tree.add("interrupts", interrupt(1, 9))
    tree.end()
    tree.begin("virtio_mmio@a000000")
    tree.add("compatible", text: "virtio,mmio")
    tree.add("reg", reg([region(0xa00_0000, 0x200)]))
    tree.add("interrupts", interrupt(0, 16))
    tree.end()
    if !reserved.isEmpty {
      tree.begin("reserved-memory")
      tree.add("#address-cells", [UInt32(cells)])
      tree.add("#size-cells", [UInt32(cells)])
      tree.add("ranges", [])
      for (n, (region, noMap)) in reserved.enumerated() {
        tree.begin("reserved@\(n)")
        tree.add("reg", reg([region]))
        if noMap { tree.add("no-map", []) }
        tree.end()
      }
      tree.end()
    }
    tree.end()
    return try tree.finished()
  }

  /// A specifier; a fourth cell is the phandle of a set of CPUs, or 0.
  private func interrupt(_ kind: UInt32, _ number: UInt32) -> [UInt32] {
    [kind, number, 4] + [UInt32](repeating: 0, count: interruptCells - 3)
  }

  /// Runs `body` with what EL2 makes of the board.
  func withMachine(
    hypervisor: Region, _ tree: DeviceTree, _ body: (borrowing MachineDescription) throws -> Void
  ) throws {
    try body(
      try MachineDescription(
        tree, hypervisor: hypervisor, affinities: .forTests(cpus) { _ in 0 }, bootAffinity: 0,
        firmwareIsEL3: true, console: nil
      ) { _ in true })
  }
}

@Suite("Where the guest's device tree goes")
struct GuestTreeTests {
  struct Row: CustomTestStringConvertible {
    var testDescription: String
    var ram: [Region]
    var used: [Region] = []
    var kernel: UInt64 = gib + 2 * mib
    var place: UInt64?
  }

  static let rows = [
    Row(
      testDescription: "the highest free block within 512 MiB of the kernel",
      ram: [region(gib, 2 * gib)], used: [region(gib, 64 * mib)], place: gib + 512 * mib),
    Row(
      testDescription: "below EL2, where RAM ends earlier", ram: [region(gib, 256 * mib)],
      used: [region(gib, 64 * mib), region(gib + 252 * mib, 4 * mib)], place: gib + 250 * mib),
    Row(
      testDescription: "not in a block that somebody else has a page of",
      ram: [region(gib, 256 * mib)],
      used: [region(gib + 252 * mib, 4 * mib), region(gib + 251 * mib, 4096)],
      place: gib + 248 * mib),
    Row(
      testDescription: "not in a block that is not RAM as a whole", ram: [region(gib, 63 * mib)],
      used: [region(gib, 32 * mib)], place: gib + 60 * mib),
    Row(
      testDescription: "further away, where nothing near the kernel is free",
      ram: [region(gib, gib), region(8 * gib, gib)],
      used: [region(gib, gib)], place: 9 * gib - 2 * mib),
    Row(
      testDescription: "below the kernel, where nothing above it is free",
      ram: [region(gib, 512 * mib)], used: [region(gib + 128 * mib, 384 * mib)],
      kernel: gib + 128 * mib, place: gib + 126 * mib),
    Row(
      testDescription: "below 512 GiB, whatever RAM there is above",
      ram: [region(gib, 4 * mib), region(511 * gib, 8 * gib)], used: [region(gib, 4 * mib)],
      place: 512 * gib - 2 * mib),
    Row(
      testDescription: "nowhere, where all of RAM is above 512 GiB and used below",
      ram: [region(gib, 4 * mib), region(1024 * gib, gib)], used: [region(gib, 4 * mib)],
      place: nil),
    Row(
      testDescription: "near a kernel that is above 512 GiB itself: nowhere",
      ram: [region(1024 * gib, gib)], kernel: 1024 * gib, place: nil),
  ]

  @Test("is a block of 2 MiB of its own", arguments: rows)
  func block(_ row: Row) {
    var ram = RegionList<16>()
    for region in row.ram { _ = ram.append(region) }
    let place = GuestTree.freeBlock(aboveKernel: row.kernel, in: ram) { range in
      row.used.first { $0.overlaps(range) }
    }
    #expect(place == row.place)
  }

  @Test("is the loader's tree's place, as long as it is large enough there")
  func staysWhereItFits() {
    let old = region(0x4800_0000, 0x2000)
    func room(free: Bool) -> GuestTree.Room {
      var ram = RegionList<16>()
      _ = ram.append(region(gib, gib))
      return GuestTree.Room(old: old, guest: nil, kernel: gib, in: ram) { free ? nil : $0 }
    }
    #expect(room(free: true).place(size: 0x2000) == 0x4800_0000)
    #expect(room(free: true).place(size: 0x2001) == gib + 510 * mib)
    #expect(room(free: false).place(size: 0x2000) == 0x4800_0000)
    #expect(room(free: false).place(size: 0x2001) == nil)
  }

  @Test(
    "for a guest that is no Image it is the beginning of RAM, if that is free",
    arguments: [
      // The guest's place, another region in use, and the tree's place.
      (region(gib + 2 * mib, mib), region(0, 0), gib),
      (region(gib, mib), region(0, 0), 0x4800_0000),
      (region(gib + 2 * mib, mib), region(gib + 0x1000, 0x1000), 0x4800_0000),
      // It lies over the loader's tree, too.
      (region(gib, 256 * mib), region(0, 0), gib + 510 * mib),
    ] as [(Region, Region, UInt64)])
  func placedGuest(guest: Region, other: Region, place: UInt64) {
    var ram = RegionList<16>()
    _ = ram.append(region(gib, gib))
    let old = region(0x4800_0000, 0x2000)
    let room = GuestTree.Room(old: old, guest: guest, kernel: guest.address, in: ram) { range in
      [guest, other, old].first { $0.overlaps(range) }
    }
    #expect(room.place(size: 0x1800) == place)
  }

  @Test(
    "a packed tree grows by an entry when EL2 is taken out of the middle of RAM, and moves",
    arguments: [1, 2])
  func packedTreeMoves(cells: Int) throws {
    let board = TestBoard(cells: cells)
    let tree = try board.tree()
    try board.withMachine(hypervisor: region(0x6000_0000, 4 * mib), tree) { machine in
      let edits = try GuestTree.edits(of: tree, machine, redistributorStride: nil)
      let new = try written(tree, edits)
      // The debug link is gone, which would make room. A tree whose link is no node of its own has none.
      var memoryOnly = DeviceTree.Edits(of: tree)
      try memoryOnly.excludeFromMemory(machine.hypervisor)
      let size = try tree.size(with: memoryOnly)
      #expect(size == tree.totalSize + 8 * cells)
      var ram = RegionList<16>()
      _ = ram.append(region(gib, gib))
      let room = GuestTree.Room(
        old: region(0x4800_0000, UInt64(tree.totalSize)), guest: nil, kernel: gib, in: ram
      ) { _ in nil }
      #expect(room.place(size: size) == room.block)
      let memory = try #require(new.root.child(named: "memory")).regions()
      #expect(
        IteratorSequence(memory).map { $0 } == [
          region(0x4000_0000, 0x2000_0000), region(0x6040_0000, 0x1fc0_0000),
        ])
    }
  }

  @Test("the end of RAM makes it no larger")
  func endOfMemory() throws {
    let tree = try TestBoard().tree()
    var edits = DeviceTree.Edits(of: tree)
    try edits.excludeFromMemory(region(0x7fc0_0000, 4 * mib))
    #expect(try tree.size(with: edits) == tree.totalSize)
  }

  /// The edited tree, in memory that stays.
  private func written(
    _ tree: DeviceTree, _ edits: borrowing DeviceTree.Edits
  ) throws -> DeviceTree {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 8)
    _ = try unsafe tree.write(edits, into: memory)
    return try unsafe DeviceTree(validating: UnsafeRawBufferPointer(memory))
  }

  // MARK: Reservations

  static let reservations = [
    region(0x4600_0000, 0x20_0000), region(0x7fe0_0000, 0x20_0000), region(0x7000_0000, 0x1000),
    region(0x601f_f000, 0x1000),
  ]

  @Test(
    "Neither EL2 nor the tree goes where /memreserve/ or /reserved-memory is, of whatever size",
    arguments: [false, true])
  func avoidsReservations(inTheTree: Bool) throws {
    var board = TestBoard()
    if inTheTree {
      board.reserved = Self.reservations.enumerated().map { ($1, noMap: $0 % 2 == 0) }
    } else {
      board.memreserve = Self.reservations
    }
    let tree = try board.tree()
    let image = region(0x4020_0000, 32 * mib)
    var ram = RegionList<16>()
    try MachineDescription.readMemory(tree, into: &ram)
    let interrupts = LiveInterruptTables.none
    let before = try UsedMemory(tree: tree, at: 0x4800_0000, image: image, interrupts: interrupts)
    let place = Placement.highest(
      8 * mib, in: ram, below: .max, obstacle: { before.first(overlapping: $0) })
    let hypervisor = try #require(place)
    var used = try UsedMemory(tree: tree, at: 0x4800_0000, image: image, interrupts: interrupts)
    used.add(hypervisor)
    let free = GuestTree.freeBlock(aboveKernel: image.address, in: ram) {
      used.first(overlapping: $0)
    }
    let block = try #require(free)
    #expect(hypervisor == region(0x7f60_0000, 8 * mib))
    // 0x6000_0000 holds a reservation of a page.
    #expect(block == 0x5fe0_0000)
    for reservation in Self.reservations {
      #expect(!reservation.overlaps(hypervisor))
      #expect(!reservation.overlaps(region(block, GuestTree.block)))
    }
  }

  @Test("The guest's tree has every reservation of the loader's")
  func keepsReservations() throws {
    var board = TestBoard()
    board.memreserve = Self.reservations
    board.reserved = Self.reservations.map { ($0, noMap: true) }
    let tree = try board.tree()
    try board.withMachine(hypervisor: region(0x6800_0000, 4 * mib), tree) { machine in
      let new = try written(
        tree, try GuestTree.edits(of: tree, machine, redistributorStride: nil))
      #expect(Array(IteratorSequence(new.reservations)) == Self.reservations)
      let nodes = try #require(new.reservedMemoryNodes)
      #expect(
        IteratorSequence(nodes).compactMap { try? $0.region(0) } == Self.reservations)
    }
  }

  @Test(
    "What may not be mapped (no-map) is neither the guest's RAM to EL2, nor hidden from the guest")
  func noMap() throws {
    var board = TestBoard()
    board.reserved = [
      (region(0x4600_0000, 0x20_0000), noMap: true), (region(0x4700_0000, 0x20_0000), noMap: false),
    ]
    let tree = try board.tree()
    try board.withMachine(hypervisor: region(0x6000_0000, 4 * mib), tree) { machine in
      let kept = machine.isGuestMemory(PhysicalAddress(0x4600_0000))
      let open = machine.isGuestMemory(PhysicalAddress(0x4700_0000))
      let hidden = machine.owned.isHidden(PhysicalAddress(0x4600_0000))
      let own = machine.owned.isHidden(PhysicalAddress(0x6000_0000))
      #expect(!kept && open && !hidden && own)
    }
  }
}

@Suite("Trees as boards have them")
struct BoardTreeTests {
  @Test("one or two address cells, three or four interrupt cells", arguments: [1, 2], [3, 4])
  func cells(address: Int, interrupt: Int) throws {
    let board = TestBoard(cells: address, interruptCells: interrupt)
    let tree = try board.tree()
    try board.withMachine(hypervisor: region(0x6000_0000, 4 * mib), tree) { machine in
      let distributor = machine.distributor
      let memory = machine.memory[0]
      let (link, intid) = (machine.link.device.base, machine.link.interrupts[0]?.number.rawValue)
      let maintenance = machine.maintenanceINTID
      #expect(distributor == region(0x800_0000, 0x1_0000))
      #expect(memory == region(0x4000_0000, 0x4000_0000))
      #expect(link == 0xa00_0000 && intid == 48 && maintenance == 25)
    }
  }

  @Test("a memory node without a size is the loader's to fill in, and one sentence says so")
  func noMemory() throws {
    let board = TestBoard(hasEmptyMemory: true)
    let tree = try board.tree()
    let error = #expect(throws: MachineError.self) {
      try board.withMachine(hypervisor: region(0x6000_0000, 4 * mib), tree) { _ in }
    }
    guard case .noMemory? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    let sentence = MachineError.noMemory.sentence.description
    #expect(sentence.contains("boot loader") && sentence.contains("/memory"))
  }
}
