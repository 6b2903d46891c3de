import DeviceTree
import Testing

@testable import Hypervisor

extension Redistributors {
  /// Those of cores with the given MPIDRs.
  fileprivate init(_ mpidrs: [UInt64]) {
    var memory = BootMemory.forTests()
    guard let made = Redistributors(mpidrs.count, mpidrs: PerVCPU(mpidrs), in: &memory) else {
      fatalError("the memory is too small")
    }
    self = made
  }
}

@Suite("Which redistributors the guest finds")
struct RedistributorMapTests {
  /// Redistributors of cores with the affinities 0, 1, 2 and so on, or those given, from `start`.
  private struct Hardware {
    var start: UInt64 = 0x80a_0000
    var stride: UInt64 = 0x2_0000
    var affinities: [UInt64] = Array(0..<12)
    /// Bits of GICR_TYPER besides.
    var type: UInt64 = 0

    func types() -> [UInt64: UInt64] {
      var types: [UInt64: UInt64] = [:]
      for (n, affinity) in affinities.enumerated() {
        let last: UInt64 = n == affinities.count - 1 ? 1 << 4 : 0
        types[start + UInt64(n) * stride] = affinity << 32 | last | type | UInt64(n) << 8
      }
      return types
    }
  }

  /// A map that expectations can have: they copy what they look at.
  private final class Found {
    private let map: RedistributorMap

    init(_ map: consuming RedistributorMap) { self.map = map }

    func base(_ vcpu: Int) -> UInt { map.redistributors.bases[vcpu] }
    /// The vCPUs whose redistributor says Last.
    var last: [Int] { (0..<map.redistributors.count).filter { map.redistributors.isLast[$0] } }
    var strideToTell: UInt64? { map.strideToTell }
    func place(of physical: UInt64) -> RedistributorMap.Place? { map.place(of: physical) }
  }

  /// The regions of the tree, and what is there.
  private func withMap(
    _ regions: [(size: UInt64, Hardware)], told stride: UInt64? = nil,
    affinities: [UInt64] = Array(0..<8), _ body: (Found) -> Void
  ) throws {
    var list = RegionList<8>()
    var types: [UInt64: UInt64] = [:]
    for (size, hardware) in regions {
      let fits = list.append(Region(from: hardware.start, to: hardware.start + size))
      #expect(fits)
      types.merge(hardware.types()) { $1 }
    }
    let map = RedistributorMap(
      regions: list, stride: stride,
      redistributors: Redistributors(affinities)
    ) { base in
      guard let type = types[base] else {
        Issue.record("an external abort at \(String(base, radix: 16))")
        return 1 << 4
      }
      return type
    }
    guard let map else {
      Issue.record("no map")
      return
    }
    body(Found(map))
  }

  @Test(
    "the first eight CPUs have vCPUs, and the one that has started does wherever it is",
    arguments: [0, 7, 8, 11] as [UInt64])
  func chosen(bootCPU: UInt64) {
    var machine = MachineDescription(affinities: PerVCPU(Array(repeating: 0, count: 8)))
    for affinity: UInt64 in 0..<12 {
      machine.addProcessor(affinity: affinity, isBootCPU: affinity == bootCPU)
    }
    let chosen = (0..<8).map { machine.affinities[$0] }
    let (vcpuCount, processorCount) = (machine.vcpuCount, machine.processorCount)
    #expect(chosen == Array(0..<7) + [max(bootCPU, 7)])
    #expect(vcpuCount == 8 && processorCount == 12)
  }

  @Test("twelve cores, eight vCPUs: the eighth says Last, and beyond it everything reads 0")
  func moreCoresThanVCPUs() throws {
    try withMap([(0xf6_0000, Hardware())]) { map in
      #expect(map.last == [7] && map.strideToTell == nil)
      for n in 0..<8 {
        let base = 0x80a_0000 + UInt64(n) * 0x2_0000
        #expect(map.base(n) == UInt(base))
        #expect(map.place(of: base + 0x1_0104) == .processor(n, offset: 0x1_0104))
      }
      for address in [0x81a_0008, 0x82c_0000, 0x8ff_fffc] as [UInt64] {
        #expect(map.place(of: address) == .nothing)
      }
      #expect(map.place(of: 0x809_fffc) == nil && map.place(of: 0x900_0000) == nil)
    }
  }

  @Test("a core without a vCPU between two that have one can be passed by")
  func between() throws {
    let hardware = Hardware(affinities: [0, 0x100, 1, 0x101, 2])
    try withMap([(0xa_0000, hardware)], affinities: [0, 1]) { map in
      #expect(map.last == [1])
      #expect(
        map.place(of: 0x80c_0008) == .unused(base: 0x80c_0000, offset: 8, isLast: false))
      #expect(map.place(of: 0x80e_0000) == .processor(1, offset: 0))
      #expect(map.place(of: 0x810_0000) == .nothing)
    }
  }

  @Test(
    "each region has a Last of its own; one without a vCPU has its first redistributor to say it")
  func regions() throws {
    let regions: [(UInt64, Hardware)] = [
      (0x6_0000, Hardware(affinities: [8, 9])),
      (0x4_0000, Hardware(start: 0x900_0000, affinities: [0, 1])),
      (0x8_0000, Hardware(start: 0xa00_0000, affinities: [2, 3, 4])),
    ]
    try withMap(regions, affinities: [0, 1, 2]) { map in
      #expect(map.last == [1, 2])
      #expect(map.place(of: 0x80a_0000) == .unused(base: 0x80a_0000, offset: 0, isLast: true))
      #expect(map.place(of: 0x80c_0000) == .nothing)
      #expect(map.place(of: 0xa00_0004) == .processor(2, offset: 4))
      #expect(map.place(of: 0xa02_0000) == .nothing)
    }
  }

  @Test(
    "a GICv4's stride is twice as wide, the tree has to say so, and it does not twice",
    arguments: [nil, 0x4_0000, 0x8_0000] as [UInt64?])
  func virtualLPIs(told: UInt64?) throws {
    let stride = told ?? 0x4_0000
    let hardware = Hardware(stride: stride, affinities: [0, 1, 2, 3], type: 0b10)
    try withMap([(stride * 5, hardware)], told: told, affinities: [0, 1]) { map in
      #expect(map.strideToTell == (told == nil ? 0x4_0000 : nil))
      #expect(map.last == [1])
      let second = 0x80a_0000 + stride
      #expect(map.place(of: second - 4) == .processor(0, offset: stride - 4))
      #expect(map.place(of: second + 0x2_0070) == .processor(1, offset: 0x2_0070))
    }
  }

  @Test(
    "a region that ends before the Last one is not left, and a vCPU without a redistributor is seen"
  )
  func ends() {
    var list = RegionList<8>()
    let fits = list.append(Region(from: 0x80a_0000, to: 0x80d_0000))
    #expect(fits)
    let map = RedistributorMap(
      regions: list, stride: nil,
      redistributors: Redistributors([0, 1])
    ) { base in
      #expect(base == 0x80a_0000)
      return 0
    }
    if map != nil { Issue.record("vCPU 1 has a redistributor") }
  }

  @Test("GICR_TYPER has nothing of virtual LPIs and SGIs, and the Last that the guest finds")
  func type() {
    let type = GICR_TYPER(rawValue: 0x0102_0304_0000_0000 | 1 << 26 | 5 << 8 | 0xff)
    let hidden: UInt64 = 1 << 26 | 1 << 7 | 0b110
    #expect(type.guests(isLast: true).rawValue == type.rawValue & ~hidden)
    #expect(type.guests(isLast: false).rawValue == type.rawValue & ~(hidden | 1 << 4))
  }

  @Test("of a core without a vCPU only the identification can be read, in either width")
  func unused() {
    func access(_ access: RegisterAccess, isLast: Bool = false) -> UInt64 {
      InterruptController<InterruptModel>.accessUnusedRedistributor(access, isLast: isLast) {
        switch $0 {
        case 0x4: 0x43b
        case 0x8: 0xb00 | 0b1_0011
        case 0xc: 0x0000_0103
        case 0xffe8: 0x4b
        default: 0xdead
        }
      }
    }
    #expect(access(.read(8, size: 8)) == 0x103_0000_0b01)
    #expect(access(.read(8, size: 4), isLast: true) == 0xb11)
    #expect(access(.read(0xc, size: 4)) == 0x103)
    #expect(access(.read(0x4, size: 4)) == 0x43b)
    #expect(access(.read(0xffe8, size: 4)) == 0x4b)
    for offset in [0, 0x14, 0x70, 0x78, 0x1_0080, 0x1_0100, 0x2_0070] {
      #expect(access(.read(offset, size: 4)) == 0 && access(.write(offset, size: 4, ~0)) == 0)
    }
    #expect(access(.write(8, size: 8, ~0)) == 0 && access(.read(10, size: 4)) == 0)
  }
}
