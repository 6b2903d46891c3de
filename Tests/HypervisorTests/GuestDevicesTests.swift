import DeviceTree
import RemoteProtocol
import Testing

@testable import Hypervisor

/// Tables that are in use: what happens to them, in order.
private struct LiveMemory: TableMemory {
  enum Event: Equatable {
    case map(UInt64)
    case unmap
    case invalidate
  }

  var words: [UInt64: UInt64] = [:]
  var nextPage: UInt64 = 0x10_0000
  var events: [Event] = []
  /// What the TLB may hold for each descriptor.
  var cached: [UInt64: UInt64] = [:]

  func load(_ address: UInt64) -> UInt64 { words[address] ?? 0 }

  mutating func store(_ descriptor: UInt64, to address: UInt64) {
    // Break before make: nothing valid may replace what a TLB may still have.
    #expect(descriptor & 1 == 0 || cached[address, default: descriptor] == descriptor)
    words[address] = descriptor
    if descriptor & 1 != 0 { cached[address] = descriptor }
    events.append(descriptor & 1 == 0 ? .unmap : .map(descriptor & 0x0000_ffff_ffff_f000))
  }

  mutating func allocatePage() -> UInt64? {
    defer { nextPage += 4096 }
    return nextPage
  }

  mutating func invalidate() {
    events.append(.invalidate)
    cached = cached.filter { words[$0.key] ?? 0 == $0.value }
  }
}

@Suite("The guest's device registers")
struct GuestDevicesTests {
  private static let tables = TranslationTables(root: 0x8_0000, startLevel: 0, inputBits: 48)

  @Test("the window shows one page at a time, as a device, and nothing when it is closed")
  func window() throws {
    var memory = LiveMemory()
    var window = DeviceWindow()
    for physical in [0x0901_0004, 0xff_fff0_0ff8, 0x0901_0004] as [UInt64] {
      let address = try window.open(physical, in: Self.tables, memory: &memory)
      #expect(address == DeviceWindow.address | physical & 0xfff)
      let leaf = try #require(Self.tables.lookup(DeviceWindow.address, in: memory))
      #expect(leaf == physical & ~0xfff | Stage1.registers | 0b11)
      // Device memory by MAIR_EL2's index 1, never executable.
      #expect(ControlRegisters.mair >> (8 * (leaf >> 2 & 7)) & 0xff == 0x04)
      #expect(leaf & 1 << 54 != 0)
      window.close(memory: &memory)
      #expect(memory.events.suffix(2) == [.unmap, .invalidate])
      #expect(Self.tables.lookup(DeviceWindow.address, in: memory) == nil)
    }
  }

  @Test("no table is made for a second device")
  func pool() throws {
    var memory = LiveMemory()
    var window = DeviceWindow()
    _ = try window.open(0x0900_0000, in: Self.tables, memory: &memory)
    window.close(memory: &memory)
    let pages = memory.nextPage
    for n in 0..<1000 as Range<UInt64> {
      _ = try window.open(n << 30, in: Self.tables, memory: &memory)
      window.close(memory: &memory)
    }
    #expect(memory.nextPage == pages)
  }

  @Test(
    "an access has 1, 2, 4 or 8 bytes and is aligned to them; of others the reason is kept",
    arguments: 0...9, 0...8 as ClosedRange<UInt64>)
  func sizes(count: Int, offset: UInt64) {
    var devices = GuestDevices()
    let isPermitted = devices.permits(0x0901_0000 + offset, count: count, isGuests: true)
    let isRight = [1, 2, 4, 8].contains(count) && offset % UInt64(max(count, 1)) == 0
    #expect(isPermitted == isRight)
    #expect((devices.lastRefusal != nil) == !isRight)
    if let refusal = devices.lastRefusal {
      #expect(refusal.reason == .size && refusal.address == 0x0901_0000 + offset)
    }
  }

  @Test("what is EL2's is nobody else's, whatever the size")
  func own() {
    var devices = GuestDevices()
    let isPermitted = devices.permits(0x0800_0000, count: 4, isGuests: false)
    #expect(!isPermitted)
    #expect(devices.lastRefusal?.reason == .notTheGuests)
  }

  @Test("they are out of reach until a person says otherwise")
  func off() { #expect(!GuestDevices().isOn) }
}

@Suite("The guest's performance counters")
struct GuestCountersTests {
  private struct Counters: CounterHardware {
    enum Event: Equatable {
      case write(UInt64)
      case synchronize
    }
    var hasCounters = true
    var control: UInt64 = 0
    var events: [Event] = []
    mutating func readControl() -> UInt64 { control }
    mutating func writeControl(_ value: UInt64) {
      control = value
      events.append(.write(value))
    }
    mutating func synchronize() { events.append(.synchronize) }
  }

  @Test(
    "E is off while the guest stands still, and PMCR_EL0 is afterwards as it was",
    arguments: [0x4101_3041, 0x4101_30E9, 0x1_0000_0001] as [UInt64])
  func holds(control: UInt64) {
    var hardware = Counters(control: control)
    let counters = GuestCounters.stop(isOn: true, on: &hardware)
    #expect(hardware.events == [.write(control & ~1), .synchronize])
    counters.start(on: &hardware)
    #expect(hardware.control == control)
  }

  @Test("no counter is reset on the way, whatever P and C read as")
  func resetsNothing() {
    var hardware = Counters(control: 0b111)
    let counters = GuestCounters.stop(isOn: true, on: &hardware)
    counters.start(on: &hardware)
    #expect(hardware.events == [.write(0), .synchronize, .write(1)])
  }

  @Test("counters that do not count, or are not there, are left alone")
  func leavesAlone() {
    for hardware in [Counters(control: 0x4101_3040), Counters(hasCounters: false, control: 1)] {
      var hardware = hardware
      GuestCounters.stop(isOn: true, on: &hardware).start(on: &hardware)
      #expect(hardware.events == [])
    }
  }

  @Test("a vCPU that is off comes up with E of 0, as a core does that had no power")
  func off() {
    var hardware = Counters(control: 0x4101_3041)
    GuestCounters.stop(isOn: false, on: &hardware).start(on: &hardware)
    #expect(hardware.control == 0x4101_3040)
  }
}
