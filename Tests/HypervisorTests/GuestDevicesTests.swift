import RemoteProtocol
import Testing

@testable import Hypervisor

@Suite("The guest's device registers")
struct GuestDevicesTests {
  @Test("the window shows one page at a time, as a device, and nothing when it is closed")
  func window() throws {
    let regime = ModelRegime<PhysicalAddress>()
    var memory = ModelTableMemory(model: regime.model)
    var tlb = ModelTableTLB(model: regime.model)
    try DeviceWindow.prepare(in: regime.tables, pool: &regime.pool.pool, memory: &memory)
    let available = regime.pool.available
    let window = DeviceWindow.address.rawValue
    #expect(regime.translate(window) == nil)
    for physical in [0x0901_0004, 0xff_fff0_0ff8, 0xffff_ffff_f000, 0x0901_0004] as [UInt64] {
      let address = try DeviceWindow.open(
        PhysicalAddress(physical), in: regime.tables, memory: &memory, tlb: &tlb)
      #expect(address.rawValue == window | physical & 0xfff)
      let found = try #require(regime.translate(address.rawValue))
      #expect(found.output.rawValue == physical && found.level == 3)
      #expect(found.descriptor & ~Descriptor.addressMask & ~3 == Stage1.registers)
      // Device memory by MAIR_EL2's index 1, never executable.
      #expect(ControlRegisters.mair >> (8 * (found.descriptor >> 2 & 7)) & 0xff == 0x04)
      #expect(found.descriptor & 1 << 54 != 0)
      regime.model.touch([window])
      DeviceWindow.close(in: regime.tables, memory: &memory, tlb: &tlb)
      regime.model.checkNothingStale()
      #expect(regime.translate(window) == nil)
    }
    #expect(regime.model.violations == [])
    #expect(regime.pool.available == available, "no table is made for a second device")
  }

  @Test("no page beyond 48 bits is shown as another")
  func beyond() throws {
    let regime = ModelRegime<PhysicalAddress>()
    var memory = ModelTableMemory(model: regime.model)
    var tlb = ModelTableTLB(model: regime.model)
    try DeviceWindow.prepare(in: regime.tables, pool: &regime.pool.pool, memory: &memory)
    #expect(throws: TranslationError.outOfRange) {
      _ = try DeviceWindow.open(
        PhysicalAddress(1 << 48), in: regime.tables, memory: &memory, tlb: &tlb)
    }
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
