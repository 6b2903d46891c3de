internal import ArmDebug
internal import DeviceTree
internal import EL2Support
internal import NestedDebug

/// The guest's memory as the core that executes this reaches it. The address is EL2's own: RAM is mapped one to one.
struct CoreAddressHardware: GuestAddressHardware {
  var caches: CoreCaches { CoreCaches() }

  func translate(
    _ address: VirtualAddress, from el: ExceptionLevel, isStore: Bool
  ) -> TranslationResult? {
    // The guest may be about to read its own.
    let saved = el2_read_par_el1()
    let result =
      switch (el, isStore) {
      case (.el0, false): el2_guarded_translate_s1e0r(address.rawValue)
      case (.el0, true): el2_guarded_translate_s1e0w(address.rawValue)
      case (_, false): el2_guarded_translate_s1e1r(address.rawValue)
      case (_, true): el2_guarded_translate_s1e1w(address.rawValue)
      }
    el2_write_par_el1(saved)
    return result.failed == 0 ? TranslationResult(par: result.value) : nil
  }

  @inline(__always)
  func fetch(_ pc: VirtualAddress) -> UInt32? {
    let saved = el2_read_par_el1()
    let ram = EL2Cores().shared.value.machine.largestGuestMemory
    let result = el2_guarded_fetch(pc.rawValue, ram.address, ram.size)
    el2_write_par_el1(saved)
    return result.failed == 0 ? UInt32(truncatingIfNeeded: result.value) : nil
  }

  func place(of address: IntermediateAddress) -> GuestPlace {
    let shared = EL2Cores().shared
    // The guest's RAM is one to one in *open* from boot on. Only for the rest do the tables have to be asked.
    let oneToOne = PhysicalAddress(oneToOne: address)
    if shared.value.machine.isGuestMemory(oneToOne) { return .memory(oneToOne) }
    guard let found = shared.value.stage2.translate(address, in: .open) else { return .withheld }
    return .other(found.output)
  }

  func load(
    _ instructions: inout InlineArray<16, UInt32>, count: Int, from address: PhysicalAddress
  ) -> Bool {
    var span = instructions.mutableSpan
    let count = min(count, span.count)
    // The assembly writes `count` words, which the span has.
    return unsafe span.withUnsafeMutableBufferPointer {
      let start = UInt(bitPattern: $0.baseAddress)
      return el2_guarded_copy(start, UInt(address.rawValue), UInt64(count) &* 4).failed == 0
    }
  }

  func load(_ size: UInt64, at address: PhysicalAddress) -> UInt64? {
    let place = UInt(address.rawValue)
    let result =
      switch size {
      case 1: el2_guarded_load8(place)
      case 2: el2_guarded_load16(place)
      case 4: el2_guarded_load32(place)
      default: el2_guarded_load64(place)
      }
    return result.failed == 0 ? result.value : nil
  }

  func store(_ size: UInt64, _ value: UInt64, at address: PhysicalAddress) -> Bool {
    let place = UInt(address.rawValue)
    let result =
      switch size {
      case 1: el2_guarded_store8(place, value)
      case 2: el2_guarded_store16(place, value)
      case 4: el2_guarded_store32(place, value)
      default: el2_guarded_store64(place, value)
      }
    return result.failed == 0
  }

  func compareAndExchange(
    _ size: UInt64, at address: PhysicalAddress, expected: ExclusiveValue,
    replacement: ExclusiveValue
  ) -> Bool? {
    let place = UInt(address.rawValue)
    let (old, new) = (expected, replacement)
    let result =
      switch size {
      case 1: el2_guarded_compare_exchange8(place, old.low, new.low)
      case 2: el2_guarded_compare_exchange16(place, old.low, new.low)
      case 4: el2_guarded_compare_exchange32(place, old.low, new.low)
      case 8: el2_guarded_compare_exchange64(place, old.low, new.low)
      default: el2_guarded_compare_exchange128(place, old.low, old.high, new.low, new.high)
      }
    return result.failed == 0 ? result.value != 0 : nil
  }

  func copy(
    from address: PhysicalAddress, to bytes: inout MutableSpan<UInt8>, at offset: Int, count: Int
  ) -> Bool {
    guard count > 0, offset >= 0, bytes.count &- offset >= count else { return false }
    // The assembly writes `count` bytes, which the span has from `offset` on.
    return unsafe bytes.withUnsafeMutableBufferPointer {
      let start = UInt(bitPattern: $0.baseAddress) &+ UInt(offset)
      return el2_guarded_copy(start, UInt(address.rawValue), UInt64(count)).failed == 0
    }
  }

  func copy(
    to address: PhysicalAddress, from bytes: Span<UInt8>, at offset: Int, count: Int
  ) -> Bool {
    guard count > 0, offset >= 0, bytes.count &- offset >= count else { return false }
    // The assembly reads `count` bytes, which the span has from `offset` on.
    return unsafe bytes.withUnsafeBufferPointer {
      let start = UInt(bitPattern: $0.baseAddress) &+ UInt(offset)
      return el2_guarded_copy(UInt(address.rawValue), start, UInt64(count)).failed == 0
    }
  }
}

extension GuestAddressSpace<CoreAddressHardware> {
  /// That of the vCPU whose core executes this.
  static var ofThisCore: Self { Self(hardware: CoreAddressHardware()) }
}
