import ArmDebug
import NestedDebug
import Testing

@testable import Hypervisor

/// A guest's memory: RAM at 0x4000_0000 to 0x4001_0000, a device behind it, stage 1 as a table of pages, stage 2 as one.
private final class Model {
  enum Event: Equatable {
    case clean(UInt64), instructions, load(UInt64), store(UInt64)
  }

  /// By virtual page: the intermediate page, and the attributes in PAR_EL1.
  var stage1: [UInt64: (page: UInt64, attributes: UInt64)] = [:]
  /// By virtual page: FST, and whether stage 2 is to blame.
  var faults: [UInt64: (status: UInt64, isStage2: Bool)] = [:]
  /// By virtual page: the walk is aborted.
  var aborted: Set<UInt64> = []
  /// By intermediate page, where it does not lead to itself; nil: nowhere.
  var stage2: [UInt64: UInt64?] = [:]
  var ram: ClosedRange<UInt64> = 0x4000_0000...0x4000_ffff
  var bytes: [UInt64: UInt8] = [:]
  /// RAM that answers with an external abort.
  var broken: Set<UInt64> = []
  var events: [Event] = []
  var asked: [(UInt64, ExceptionLevel, Bool)] = []
}

private struct ModelCaches: Caches {
  let model: Model
  var lineSize: UInt64 { 64 }
  mutating func cleanAndInvalidate(_ address: UInt64) { model.events.append(.clean(address)) }
  mutating func invalidateInstructions() { model.events.append(.instructions) }
  mutating func complete() {}
  mutating func synchronize() {}
}

private struct ModelAddressing: GuestAddressHardware {
  let model: Model
  var caches: ModelCaches { ModelCaches(model: model) }

  mutating func translate(
    _ address: VirtualAddress, from el: ExceptionLevel, isStore: Bool
  ) -> TranslationResult? {
    model.asked.append((address.rawValue, el, isStore))
    let page = address.rawValue & ~0xfff
    if model.aborted.contains(page) { return nil }
    if let fault = model.faults[page] {
      return TranslationResult(par: 1 | fault.status << 1 | (fault.isStage2 ? 1 << 9 : 0))
    }
    guard let found = model.stage1[page] else { return TranslationResult(par: 1 | 0b000111 << 1) }
    return TranslationResult(par: found.page | found.attributes << 56 | 0x380)
  }

  func place(of address: IntermediateAddress) -> GuestPlace {
    var physical = PhysicalAddress(oneToOne: address)
    if let changed = model.stage2[address.page.rawValue] {
      guard let changed else { return .withheld }
      physical = PhysicalAddress(changed) &+ address.pageOffset
    }
    return model.ram.contains(physical.rawValue) ? .memory(physical) : .other(physical)
  }

  mutating func fetch(_ pc: VirtualAddress) -> UInt32? { nil }

  mutating func load(
    _ instructions: inout InlineArray<16, UInt32>, count: Int, from address: PhysicalAddress
  ) -> Bool {
    for index in 0..<count {
      guard let word = load(4, at: address &+ UInt64(index) * 4) else { return false }
      instructions[index] = UInt32(word)
    }
    return true
  }

  private func reaches(_ address: PhysicalAddress, _ size: UInt64) -> Bool {
    #expect(model.ram.contains(address.rawValue) && model.ram.contains(address.rawValue + size - 1))
    #expect(address.rawValue % min(size, 16) == 0, "unaligned")
    return !(0..<size).contains { model.broken.contains(address.rawValue + $0) }
  }

  mutating func load(_ size: UInt64, at address: PhysicalAddress) -> UInt64? {
    guard reaches(address, size) else { return nil }
    model.events.append(.load(address.rawValue))
    return (0..<size).reduce(0) {
      $0 | UInt64(model.bytes[address.rawValue + $1] ?? 0) << (8 * $1)
    }
  }

  mutating func store(_ size: UInt64, _ value: UInt64, at address: PhysicalAddress) -> Bool {
    guard reaches(address, size) else { return false }
    model.events.append(.store(address.rawValue))
    for byte in 0..<size {
      model.bytes[address.rawValue + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte))
    }
    return true
  }

  mutating func compareAndExchange(
    _ size: UInt64, at address: PhysicalAddress, expected: ExclusiveValue,
    replacement: ExclusiveValue
  ) -> Bool? {
    guard let low = load(min(size, 8), at: address) else { return nil }
    guard low == expected.low else { return false }
    guard store(min(size, 8), replacement.low, at: address) else { return nil }
    guard size == 16 else { return true }
    guard let high = load(8, at: address &+ 8) else { return nil }
    guard high == expected.high else { return false }
    return store(8, replacement.high, at: address &+ 8) ? true : nil
  }

  mutating func copy(
    from address: PhysicalAddress, to bytes: inout MutableSpan<UInt8>, at offset: Int, count: Int
  ) -> Bool {
    for index in 0..<count {
      guard let byte = load(1, at: address &+ UInt64(index)) else { return false }
      bytes[offset + index] = UInt8(byte)
    }
    return true
  }

  mutating func copy(
    to address: PhysicalAddress, from bytes: Span<UInt8>, at offset: Int, count: Int
  ) -> Bool {
    for index in 0..<count {
      guard store(1, UInt64(bytes[offset + index]), at: address &+ UInt64(index)) else {
        return false
      }
    }
    return true
  }
}

@Suite("The guest's address space")
struct GuestAddressSpaceTests {
  private let model = Model()
  private var space: GuestAddressSpace<ModelAddressing> {
    GuestAddressSpace(hardware: ModelAddressing(model: model))
  }
  private static let va: UInt64 = 0xffff_8000_1234_5000
  private static let writeBack: UInt64 = 0xff

  private func map(_ page: UInt64, at va: UInt64 = Self.va, attributes: UInt64 = Self.writeBack) {
    model.stage1[va] = (page, attributes)
  }

  private func destination(
    _ offset: UInt64 = 0x678
  ) -> GuestAddressSpace<ModelAddressing>.Destination {
    var space = space
    return space.destination(of: VirtualAddress(Self.va | offset), from: .el0, isStore: true)
  }

  @Test("is stage 1, then stage 2: what PAR_EL1 has is no physical address")
  func twoStages() {
    map(0x4000_3000)
    #expect(destination() == .memory(PhysicalAddress(0x4000_3678), isWriteBack: true))
    model.stage2[0x4000_3000] = 0x4000_9000
    #expect(destination() == .memory(PhysicalAddress(0x4000_9678), isWriteBack: true))
    // RAM by its intermediate address, a device by its physical one.
    model.stage2[0x4000_3000] = 0x900_0000
    #expect(destination() == .other(PhysicalAddress(0x900_0678)))
    model.stage2[0x4000_3000] = .some(nil)
    #expect(destination() == .withheld)
    #expect(model.asked.allSatisfy { $0.1 == .el0 && $0.2 })
  }

  @Test("A walk that is aborted, by whom ever, is a translation that has failed")
  func walks() {
    map(0x4000_3000)
    model.aborted = [Self.va]
    #expect(destination() == .fault(status: 0b010100))
    model.aborted = []
    // Stage 2 keeps the level-2 table from the guest: an external abort on a walk, level 2.
    model.faults[Self.va] = (0b000110, true)
    #expect(destination() == .fault(status: 0b010110))
    // The guest's own faults are its own.
    for status in [0b000111, 0b001101, 0b001010, 0b010101] as [UInt64] {
      model.faults[Self.va] = (status, false)
      #expect(destination() == .fault(status: status))
    }
  }

  @Test(
    "Instructions are read in RAM only, up to the page's end, and not where an access is aborted")
  func instructions() {
    map(0x4000_3000)
    for index in 0..<1024 as Range<UInt64> {
      model.bytes[0x4000_3000 + 4 * index] = UInt8(truncatingIfNeeded: index)
    }
    var space = space
    var seen: [UInt32] = []
    space.forEachInstruction(from: VirtualAddress(Self.va | 0xff4)) {
      seen.append($0)
      return true
    }
    #expect(seen == [0xfd, 0xfe, 0xff])
    var count = 0
    space.forEachInstruction(from: VirtualAddress(Self.va | 0x10)) { _ in
      count += 1
      return count < 40
    }
    #expect(count == 40)
    space.forEachInstruction(from: VirtualAddress(Self.va)) { _ in
      count += 1
      return true
    }
    #expect(count == 40 + 1024)
    seen = []
    model.broken = [0x4000_3ff9]
    space.forEachInstruction(from: VirtualAddress(Self.va | 0xff4)) {
      seen.append($0)
      return true
    }
    #expect(seen == [0xfd])
    let aborted = space.instruction(at: VirtualAddress(Self.va | 0xff8))
    let first = space.instruction(at: VirtualAddress(Self.va | 4))
    let unaligned = space.instruction(at: VirtualAddress(Self.va | 2))
    #expect(aborted == nil && first == 1 && unaligned == nil)
    map(0x900_0000)
    let device = space.instruction(at: VirtualAddress(Self.va))
    #expect(device == nil)
  }

  @Test(
    "What the guest has written past the caches is read, and what it reads past them is written")
  func coherency() {
    var space = space
    model.bytes[0x4000_0100] = 0x5a
    let word = space.word(at: PhysicalAddress(0x4000_0100))
    #expect(word == 0x5a)
    #expect(model.events == [.clean(0x4000_0100), .load(0x4000_0100)])
    model.events = []
    let isDone = space.setWord(at: PhysicalAddress(0x4000_0104), 0x1234_5678)
    #expect(isDone)
    #expect(
      model.events == [.clean(0x4000_0100), .store(0x4000_0104), .clean(0x4000_0100)])
    model.events = []
    let bytes: [UInt8] = [1, 2, 3]
    let isWritten = space.write(PhysicalAddress(0x4000_0200), from: bytes.span, at: 1, count: 2)
    #expect(isWritten)
    #expect(
      model.events == [
        .clean(0x4000_0200), .store(0x4000_0200), .store(0x4000_0201), .clean(0x4000_0200),
        .instructions,
      ])
    #expect(model.bytes[0x4000_0200] == 2 && model.bytes[0x4000_0201] == 3)
  }

  @Test("RAM that answers with an abort is no end of anything")
  func aborts() {
    var space = space
    model.broken = [0x4000_0102]
    let word = space.word(at: PhysicalAddress(0x4000_0100))
    let isSet = space.setWord(at: PhysicalAddress(0x4000_0100), 1)
    var buffer = [UInt8](repeating: 0, count: 8)
    var span = buffer.mutableSpan
    let isRead = space.read(PhysicalAddress(0x4000_0100), into: &span, at: 0, count: 8)
    let isWritten = space.write(
      PhysicalAddress(0x4000_0100), from: ([1, 2, 3, 4] as [UInt8]).span, at: 0, count: 4)
    #expect(word == nil && !isSet && !isRead && !isWritten)
    map(0x4000_0000)
    let value = space.load(4, at: VirtualAddress(Self.va | 0x100), from: .el1)
    let outcome = space.compareAndExchange(exclusive(0x100), dirtyState: nil)
    #expect(value == nil && outcome == .impossible)
  }

  @Test("A read is cut at the page's end")
  func pages() {
    for (address, count) in [(0x1ff0, 16), (0x1000, 100), (.max, 1)] as [(UInt64, Int)] {
      #expect(
        GuestAddressSpace<ModelAddressing>.bytesInPage(
          from: VirtualAddress(address), atMost: 100) == count)
    }
  }

  // MARK: Exclusives

  private func exclusive(_ offset: UInt64, size: UInt64 = 4) -> ExclusiveStore {
    ExclusiveStore(
      address: Self.va | offset, size: size, el: .el0, expected: ExclusiveValue(low: 0),
      replacement: ExclusiveValue(low: 0x77, high: 0x88))
  }

  @Test(
    "are performed in write-back RAM alone, with the guest's permissions",
    arguments: [1, 2, 4, 8, 16] as [UInt64])
  func exclusives(size: UInt64) {
    var space = space
    map(0x4000_3000)
    let stored = space.compareAndExchange(exclusive(0x40, size: size), dirtyState: nil)
    #expect(stored == .stored && model.bytes[0x4000_3040] == 0x77)
    #expect((model.bytes[0x4000_3048] == 0x88) == (size == 16))
    let differs = space.compareAndExchange(exclusive(0x40, size: size), dirtyState: nil)
    #expect(differs == .differs)
    let value = space.load(size, at: VirtualAddress(Self.va | 0x40), from: .el0)
    #expect(value == ExclusiveValue(low: 0x77, high: size == 16 ? 0x88 : 0))
    // Non-cacheable; a device.
    for (page, attributes) in [(0x4000_3000, 0x44), (0x900_0000, 0xff)] as [(UInt64, UInt64)] {
      map(page, attributes: attributes)
      let outcome = space.compareAndExchange(exclusive(0x80), dirtyState: nil)
      let value = space.load(size, at: VirtualAddress(Self.va), from: .el0)
      #expect(outcome == .impossible && value == nil)
    }
    // A permission fault of the guest's own; an aborted walk.
    model.faults[Self.va] = (0b001111, false)
    let fault = space.compareAndExchange(exclusive(0x80), dirtyState: nil)
    #expect(fault == .fault(Syndrome(.dataAbortLower, iss: 0x4f)))
    model.aborted = [Self.va]
    let aborted = space.compareAndExchange(exclusive(0x80), dirtyState: nil)
    #expect(aborted == .impossible)
  }

  /// A table of one level, 4 KiB granule and 25 bits of input (so 16 descriptors at level 2), at `ttbr`.
  private func tables(at ttbr: UInt64) -> GuestTables {
    let half: UInt64 = 39 | 0b01 << 8 | 0b11 << 10
    return GuestTables(tcr: half | 0b10 << 30 | half << 16 | 1 << 40, ttbr0: ttbr, ttbr1: ttbr)
  }

  @Test("make a clean page dirty in the guest's table, where the processor would")
  func dirtyState() {
    var space = space
    map(0x4000_3000)
    let level2 = Self.va >> 21 & 0xf
    let level3 = Self.va >> 12 & 0x1ff
    func set(_ descriptor: UInt64, at place: UInt64) {
      for byte in 0..<8 as Range<UInt64> {
        model.bytes[place + byte] = UInt8(truncatingIfNeeded: descriptor >> (8 * byte))
      }
    }
    // The tables are found by their intermediate addresses.
    model.stage2[0x5000_0000] = 0x4000_4000
    set(0x4000_5003, at: 0x4000_4000 + 8 * level2)
    set(0x4000_3000 | 0x483, at: 0x4000_5000 + 8 * level3)
    let outcome = space.compareAndExchange(exclusive(0x40), dirtyState: tables(at: 0x5000_0000))
    #expect(outcome == .stored)
    #expect(model.bytes[0x4000_5000 + 8 * level3] == 0x03)
    // The table, or a part of a descriptor, is no RAM: nothing is read there, and nothing stored.
    for last in [0x4000_4000 + 8 * level2 + 6, 0x4000_5000 + 8 * level3 + 3] as [UInt64] {
      model.ram = 0x4000_0000...last
      let outcome = space.compareAndExchange(exclusive(0x48), dirtyState: tables(at: 0x5000_0000))
      #expect(outcome == .impossible && model.bytes[0x4000_3048] == nil)
    }
    model.ram = 0x4000_0000...0x4000_ffff
    model.stage2[0x5000_0000] = .some(nil)
    let hidden = space.compareAndExchange(exclusive(0x48), dirtyState: tables(at: 0x5000_0000))
    #expect(hidden == .impossible)
    // Whatever stands in TTBR's low bits, a descriptor is aligned: the model says if not.
    model.stage2[0x5000_0000] = 0x4000_4000
    for low in 1..<64 as Range<UInt64> {
      set(0x4000_3000 | 0x483, at: 0x4000_5000 + 8 * level3)
      _ = space.compareAndExchange(exclusive(0x50), dirtyState: tables(at: 0x5000_0000 | low))
    }
  }
}
