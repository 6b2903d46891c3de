internal import EL2Support
internal import RemoteProtocol

/// The device registers of the guest's, for a debugger that wants them.
///
/// Off unless a person says `monitor devices on`: a debugger that follows a stray pointer must not set a device
/// off. On, a memory packet becomes one access of exactly its size, through the vCPU's own translation, by the
/// vCPU's own core.
struct GuestDevices {
  /// Why an access was not made.
  enum Refusal {
    /// Not 1, 2, 4 or 8 bytes, or not aligned to them.
    case size
    /// EL2's own, which the guest does not reach either: its memory, the debug link, the interrupt controller.
    case notTheGuests
    /// The access has ended in an exception.
    case fault

    var explanation: StaticString {
      switch self {
      case .size: "an access has 1, 2, 4 or 8 bytes, and its address is a multiple of them"
      case .notTheGuests: "there is nothing of the guest's own at this address"
      case .fault: "the device, or the bus, has answered with an error"
      }
    }
  }

  var isOn = false
  private(set) var lastRefusal: (address: UInt64, count: Int, reason: Refusal)?
  /// The debugger's watchpoint has stopped at a device while ``isOn`` was false, and that has been said.
  var watchIsExplained = false

  /// Whether an access may be made, and notes why not.
  ///
  /// - Parameter isGuests: the guest itself reaches what lies at the physical address.
  mutating func permits(_ address: UInt64, count: Int, isGuests: Bool) -> Bool {
    let isWhole = count <= 8 && count & (count &- 1) == 0 && count > 0
    guard isWhole, address & UInt64(count &- 1) == 0 else {
      lastRefusal = (address, count, .size)
      return false
    }
    guard isGuests else {
      lastRefusal = (address, count, .notTheGuests)
      return false
    }
    return true
  }

  /// Stage 2 keeps it from the guest.
  mutating func noteWithheld(_ address: UInt64, count: Int) {
    if isOn { lastRefusal = (address, count, .notTheGuests) }
  }

  mutating func noteFault(_ address: UInt64, count: Int) {
    lastRefusal = (address, count, .fault)
  }

  mutating func forgetRefusal() { lastRefusal = nil }

  /// One access of `size` bytes at the physical address, on the core that executes this, while every vCPU stands
  /// still.
  ///
  /// - Returns: what was read, or nil if the access has ended in an exception.
  static func access(_ physical: PhysicalAddress, size: Int, writing value: UInt64?) -> UInt64? {
    // An SError that is pending already would be taken for the access's. It is the guest's.
    let serror: UInt64 = 1 &<< 8
    guard el2_read_isr_el1() & serror == 0 else { return nil }
    let tables = OwnTables.ofThisCore
    var memory = PhysicalMemory()
    var tlb = OwnTLB()
    guard
      let address = try? DeviceWindow.open(physical, in: tables, memory: &memory, tlb: &tlb)
    else { return nil }
    defer { DeviceWindow.close(in: tables, memory: &memory, tlb: &tlb) }
    // HCR_EL2.AMO: SErrors come to EL2, while it makes the access and no longer.
    let control = el2_read_hcr_el2()
    el2_write_hcr_el2(control | 1 &<< 5)
    el2_isb()
    defer {
      el2_write_hcr_el2(control)
      el2_isb()
    }
    let result = perform(UInt(address.rawValue), size, value)
    return result.failed == 0 ? result.value : nil
  }

  private static func perform(
    _ address: UInt, _ size: Int, _ value: UInt64?
  ) -> el2_guarded_result {
    switch (size, value) {
    case (1, let value?): el2_guarded_write8(address, value)
    case (2, let value?): el2_guarded_write16(address, value)
    case (4, let value?): el2_guarded_write32(address, value)
    case (_, let value?): el2_guarded_write64(address, value)
    case (1, nil): el2_guarded_read8(address)
    case (2, nil): el2_guarded_read16(address)
    case (4, nil): el2_guarded_read32(address)
    case (_, nil): el2_guarded_read64(address)
    }
  }
}

extension GuestDevices {
  /// What the user is told at the first watchpoint on a device register whose value the debugger cannot read.
  static func explainWatch(at address: UInt64, to output: inout some TextOutput & ~Copyable) {
    output.write("The watchpoint at 0x")
    output.write(hex: address)
    output.write(
      """
       is on a device register, which the debugger must not read unless "monitor devices on" lets it: \
      without it the debugger sees no change, and may go on without a word.

      """)
  }
}
