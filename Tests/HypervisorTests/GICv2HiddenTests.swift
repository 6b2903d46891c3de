import DeviceTree
import Testing

@testable import Hypervisor

@Suite("A GICv2: the distributor as the guest finds it", .bothPaths)
struct GICv2HiddenTests {
  static let link = Int(GICv2Machine.link)
  static let privateMask: UInt32 = 1 << 25 | 1 << 26

  /// Whether EL2's own interrupts are as EL2 set them up, and come.
  private func checkAlive(_ machine: GICv2Machine, _ what: Comment) {
    machine.settle()
    let group1 = machine.model.hasSecurityExtensions
    func isAsSetUp(_ source: GICv2Model.Source) -> Bool {
      source.isEnabled && source.isGroup1 == group1 && machine.model.seen(source.priority) == 0
    }
    let link = machine.model.shared[Self.link]
    #expect(isAsSetUp(link) && link.isEdge && link.targets == 1 && !link.isActive, what)
    for core in machine.model.cores.indices {
      for number in [7, 25, 26] {
        #expect(isAsSetUp(machine.model.cores[core].sources[number]), "\(what): \(number)")
      }
      machine.events = []
      machine.setLine(26, ofCore: core, true)
      #expect(machine.events.map(\.event) == [.timer], what)
    }
    machine.events = []
    machine.pulse(79)
    #expect(machine.events.map(\.event) == [.link(InterruptNumber(79))], what)
  }

  @Test("EL2's own interrupts read 0 in every register and ignore writes; the rest is the guest's")
  func everyRegister() {
    let machine = GICv2Machine(numbers: [0, 1])
    func write(_ offset: Int, _ value: UInt32) {
      machine.accessQuietly(.write(offset, size: 4, UInt64(value)))
    }
    for base in [0x080, 0x100, 0x180, 0x200, 0x280, 0x300, 0x380] {
      for n in 0..<32 {
        let hidden: UInt32 = n == 2 ? 1 << 15 : n == 0 ? Self.privateMask : 0
        write(base + 4 * n, ~0)
        let value = machine.read(base + 4 * n)
        #expect(value & hidden == 0, "0x\(String(base, radix: 16)), \(n)")
        // SGIs have their own rules.
        let known: UInt32 = n == 0 ? 0xffff_0000 & ~hidden : ~hidden
        let reads1 = base != 0x080 && base & 0x80 == 0 || base == 0x080 && Security.current == .one
        #expect(value & known == (reads1 ? known : 0), "0x\(String(base, radix: 16)), \(n)")
        for clear in [0x180, 0x280, 0x380] { write(clear + 4 * n, ~0) }
      }
    }
    for number in 0..<1020 {
      let isHidden = [25, 26, Self.link].contains(number)
      machine.accessQuietly(.write(0x400 + number, size: 1, 0x88))
      #expect(machine.read8(0x400 + number) == (isHidden ? 0 : machine.readable(0x88)))
      machine.accessQuietly(.write(0x800 + number, size: 1, 0b10))
      // Those of SGIs and PPIs say who reads, and cannot be written.
      #expect(machine.read8(0x800 + number) == (isHidden ? 0 : number < 32 ? 0b01 : 0b10))
      #expect(machine.read8(0x800 + min(number, 24), on: 1) == (number < 25 ? 0b10 : 0b10))
    }
    machine.accessQuietly(.write(0x84c, size: 4, 0x0102_0301))
    #expect(machine.read(0x84c) == 0x0002_0301, "GICD_ITARGETSR19: the link is its last byte")
    for n in 1..<64 {
      let hidden: UInt32 = n == 4 ? 0b11 << 30 : n == 1 ? 0b1111 << 18 : 0
      write(0xc00 + 4 * n, 0xaaaa_aaaa)
      #expect(machine.read(0xc00 + 4 * n) == 0xaaaa_aaaa & ~hidden)
      write(0xc00 + 4 * n, 0)
      #expect(machine.read(0xc00 + 4 * n) == 0)
    }
    write(0xc00, 0)
    #expect(machine.read(0xc00) == 0xaaaa_aaaa, "SGIs are edge-triggered, always")
    checkAlive(machine, "after every register")
  }

  @Test("a guest that writes all-ones everywhere, in any size, leaves EL2's own alive")
  func allOnes() {
    let machine = GICv2Machine(numbers: [0, 1])
    for core in 0..<2 {
      for offset in stride(from: 0, to: 0x1100, by: 4) {
        for size in [1, 2, 4, 8] where offset % size == 0 {
          machine.accessQuietly(.write(offset, size: size, .max), on: core)
          machine.accessQuietly(.read(offset, size: size), on: core)
        }
      }
      machine.setCPUInterface(control: ~0, priorityMask: ~0, on: core)
      machine.end(~0, on: core)
      machine.deactivate(~0, on: core)
    }
    for access in [
      RegisterAccess.read(-4, size: 4), .read(1, size: 4), .read(.max, size: 8),
      .write(.min, size: 4, 0), .read(0, size: 3), .write(0xfff, size: 1, 0),
      .write(0x1000, size: 4, ~0), .write(0xf02, size: 2, ~0),
    ] {
      machine.access(access)
    }
    for base in [0x180, 0x280, 0x380] {
      for core in 0..<2 { for n in 0..<32 { machine.write(base + 4 * n, ~0, on: core) } }
    }
    machine.write(0x000, 0)
    checkAlive(machine, "after all-ones")
  }

  @Test(
    "GICD_TYPER, GICD_IIDR and the identification registers are the hardware's; lines of EL2's are hidden"
  )
  func identification() {
    let machine = GICv2Machine(numbers: [0, 1])
    #expect(machine.read(0x008) == 0x0200_143b)
    #expect(machine.read(0xfe8) == 0x2b)
    #expect(machine.read(0x004) & 0xff == 31 | 1 << 5)
    machine.model.setLine(79, true)
    machine.model.setLine(80, true)
    #expect(machine.read(0xd08) == 1 << 16, "GICD_SPISR")
  }

  @Test("each vCPU finds its private interrupts as firmware left them on its own core")
  func firstView() {
    let machine = GICv2Machine(numbers: [0, 1], isGuestSetUp: false) { model in
      for core in 0..<2 {
        model.cores[core].sources[3 + core].isEnabled = true
        model.cores[core].sources[3 + core].priority = model.kept(0x70)
        model.cores[core].sources[27].priority = model.kept(0x30 + 0x20 * UInt8(core))
      }
    }
    for core in 0..<2 {
      #expect(machine.read(0x100, on: core) == 1 << (3 + UInt32(core)))
      #expect(machine.read8(0x403 + core, on: core) == machine.readable(0x70))
      #expect(machine.read8(0x404 - core, on: core) == 0)
      #expect(machine.read8(0x41b, on: core) == machine.readable(0x30 + 0x20 * UInt8(core)))
    }
  }

  @Test("SGIs that are Secure read 0 and cannot be sent")
  func secureSGIs() {
    guard Security.current != .one else { return }
    let machine = GICv2Machine(numbers: [0, 1]) { model in
      for core in 0..<2 { model.cores[core].secure = Set(8..<16) }
    }
    machine.write(0x100, 0xffff)
    #expect(machine.read(0x100) & 0xffff == 0xff)
    for sgi: UInt32 in 0..<16 { machine.sendSGI(sgi, to: 0b10) }
    #expect(machine.drain(on: 1) == Array(0..<8))
    machine.write8(0xf2c, 1)
    #expect(machine.read(0xf2c) == 0)
  }
}

@Suite("A GICv2: where its frames are")
struct GICv2FrameTests {
  /// Frames as a device tree has them, bases and sizes of GICD, GICC, GICH and GICV; which pages are repeated through
  /// 64 KiB in hardware; and what is found of it.
  struct Board: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var frames: [(UInt64, UInt64)]
    var repeats = false
    /// The two pages of GICC and of GICV.
    var pages: [UInt64]?
    /// From where on and how far GICD, GICC, GICH and GICV are hidden.
    var hidden: [ClosedRange<UInt64>] = []
    /// A second page for the guest as well, or sixteen each.
    var guestPages = 2
  }

  static let boards = [
    Board(
      testDescription: "plain (Pi 4)",
      frames: [(0x1000, 0x1000), (0x2000, 0x2000), (0x4000, 0x2000), (0x6000, 0x2000)],
      pages: [0x2000, 0x3000, 0x6000, 0x7000],
      hidden: [0x1000...0x1fff, 0x2000...0x3fff, 0x4000...0x5fff, 0x6000...0x7fff]),
    Board(
      testDescription: "QEMU's virt",
      frames: [(0x0, 0x1_0000), (0x1_0000, 0x1_0000), (0x3_0000, 0x1_0000), (0x4_0000, 0x1_0000)],
      pages: [0x1_0000, 0x1_1000, 0x4_0000, 0x4_1000],
      hidden: [0x0...0xfff, 0x1_0000...0x1_1fff, 0x3_0000...0x3_1fff, 0x4_0000...0x4_1fff]),
    Board(
      testDescription: "repeated through 64 KiB (ZynqMP)",
      frames: [
        (0x1_0000, 0x1_0000), (0x2_0000, 0x2_0000), (0x4_0000, 0x2_0000), (0x6_0000, 0x2_0000),
      ],
      repeats: true, pages: [0x2_0000, 0x3_0000, 0x6_0000, 0x7_0000],
      hidden: [
        0x1_0000...0x1_ffff, 0x2_0000...0x3_ffff, 0x4_0000...0x5_ffff, 0x6_0000...0x7_ffff,
      ], guestPages: 32),
    Board(
      testDescription: "GICC understated (Exynos)",
      frames: [(0x1000, 0x1000), (0x2000, 0x1000), (0x4000, 0x2000), (0x6000, 0x2000)],
      pages: [0x2000, 0x3000, 0x6000, 0x7000],
      hidden: [0x1000...0x1fff, 0x2000...0x3fff, 0x4000...0x5fff, 0x6000...0x7fff]),
    Board(
      testDescription: "sizes that overlap (RK3576)",
      frames: [(0x1000, 0x1_0000), (0x2000, 0x1_0000), (0x4000, 0x1_0000), (0x6000, 0x1_0000)],
      pages: [0x2000, 0x3000, 0x6000, 0x7000],
      hidden: [0x1000...0x1fff, 0x2000...0x3fff, 0x4000...0x5fff, 0x6000...0x7fff]),
    Board(
      testDescription: "the step applied to all (Juno)",
      frames: [(0x1_0000, 0x1000), (0x2_f000, 0x2000), (0x4_f000, 0x2000), (0x6_f000, 0x2000)],
      repeats: true, pages: [0x2_f000, 0x3_0000, 0x6_f000, 0x7_0000],
      hidden: [
        0x1_0000...0x1_ffff, 0x2_0000...0x3_ffff, 0x4_0000...0x5_ffff, 0x6_0000...0x7_ffff,
      ]),
    Board(
      testDescription:
        "the step applied to GICC, and GICV's size hides that it is repeated (MT8516)",
      frames: [(0x1_0000, 0x1000), (0x2_f000, 0x2000), (0x4_0000, 0x2000), (0x6_0000, 0x2000)],
      repeats: true, pages: [0x2_f000, 0x3_0000, 0x6_0000, 0x7_0000],
      hidden: [
        0x1_0000...0x1_ffff, 0x2_0000...0x3_ffff, 0x4_0000...0x5_ffff, 0x6_0000...0x7_ffff,
      ]),
    Board(
      testDescription: "repeated, and GICC understated (MT7622)",
      frames: [(0x1_0000, 0x1000), (0x2_0000, 0x1000), (0x4_0000, 0x2000), (0x6_0000, 0x2000)],
      repeats: true, pages: [0x2_0000, 0x3_0000, 0x6_0000, 0x7_0000],
      hidden: [
        0x1_0000...0x1_ffff, 0x2_0000...0x3_ffff, 0x4_0000...0x5_ffff, 0x6_0000...0x7_ffff,
      ], guestPages: 32),
    Board(
      testDescription: "GICC not at a page (Cortex-A9)",
      frames: [(0x1000, 0x1000), (0x0100, 0x100), (0x4000, 0x2000), (0x6000, 0x2000)]),
    Board(
      testDescription: "no room for GICC's second page",
      frames: [(0x1000, 0x1000), (0x2000, 0x2000), (0x3000, 0x2000), (0x6000, 0x2000)]),
  ]

  @Test(
    "plain, repeated, understated: what hardware has tells, and nothing else is touched",
    arguments: boards)
  func frames(board: Board) {
    let regions = board.frames.map { Region(from: $0.0, to: $0.0 + $0.1) }
    let frames = GICv2Frames(
      distributor: regions[0], cpuInterface: regions[1], virtualControl: regions[2],
      virtualCPUInterface: regions[3]
    ) { address in
      // Only GICC and GICV have GICC_IIDR; it is at 0xfc of the first page, wherever that is seen.
      for base in [board.frames[1].0, board.frames[3].0] {
        let start = board.repeats ? base & ~0xffff : base
        let size: UInt64 = board.repeats ? 0x2_0000 : 0x2000
        guard address >= start && address < start + size else { continue }
        let page = (address - start) / (board.repeats ? 0x1_0000 : 0x1000)
        return page == 0 && address & 0xfff == 0xfc ? 0x0200_143b : 0
      }
      Issue.record("nothing is there that may be read: 0x\(String(address, radix: 16))")
      return 0
    }
    guard let pages = board.pages else {
      #expect(frames == nil)
      return
    }
    guard let frames else {
      Issue.record("not found")
      return
    }
    #expect(
      [
        frames.cpuInterface.first, frames.cpuInterface.second, frames.virtualCPUInterface.first,
        frames.virtualCPUInterface.second,
      ] == pages)
    #expect(frames.virtualControlPage == board.frames[2].0)
    let interfaces = frames.interfaces
    let hidden = [frames.distributor, interfaces[0], interfaces[1], interfaces[2]]
    #expect(hidden.map { $0.address...$0.end - 1 } == board.hidden)
    var guest: [(UInt64, UInt64)] = []
    frames.forEachGuestPage { guest.append(($0, $1)) }
    #expect(guest.count == board.guestPages)
    // As on the bare machine: the same page of GICC, and of GICV in its place.
    for (page, output) in guest {
      let isSecond = page >= pages[1]
      #expect(output == (isSecond ? pages[3] : pages[2]), "0x\(String(page, radix: 16))")
      #expect(interfaces[0].contains(page))
    }
    #expect(guest.contains { $0 == (pages[0], pages[2]) })
    #expect(guest.contains { $0 == (pages[1], pages[3]) })
  }
}
