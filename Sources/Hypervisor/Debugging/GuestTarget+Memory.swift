internal import ArmDebug
internal import EL2Support
internal import NestedDebug
internal import RemoteProtocol

// The guest's memory, as a vCPU maps it.

extension GuestTarget {
  mutating func readMemory(
    at address: UInt64, of vcpu: Int, into bytes: inout MutableSpan<UInt8>
  ) -> Int {
    var done = 0
    while done < bytes.count {
      let from = address &+ UInt64(done)
      switch translate(from, of: vcpu) {
      case .memory(let physical):
        let count = GuestMemory.bytesInPage(from: from, atMost: bytes.count &- done)
        GuestMemory.read(physical, into: &bytes, at: done, count: count)
        done &+= count
      case .other(let physical):
        // Never a part of what was asked for: that would be another access than the one wanted.
        guard done == 0,
          var value = accessDevice(address, physical, of: vcpu, count: bytes.count, writing: nil)
        else { return done }
        for index in bytes.indices {
          bytes[index] = UInt8(truncatingIfNeeded: value)
          value &>>= 8
        }
        return bytes.count
      case .withheld:
        if done == 0 { EL2.shared.value.devices.noteWithheld(address, count: bytes.count) }
        return done
      case .nothing: return done
      }
    }
    return done
  }

  mutating func writeMemory(at address: UInt64, of vcpu: Int, from bytes: Span<UInt8>) -> Bool {
    switch translate(address, of: vcpu) {
    case .memory, .nothing: break
    case .other(let physical):
      var value: UInt64 = 0
      for index in bytes.indices.reversed() { value = value &<< 8 | UInt64(bytes[index]) }
      return accessDevice(address, physical, of: vcpu, count: bytes.count, writing: value) != nil
    case .withheld:
      EL2.shared.value.devices.noteWithheld(address, count: bytes.count)
      return false
    }
    // Everything is translated first, so that a write is done whole or not at all.
    return write(at: address, of: vcpu, from: bytes, onlyTranslates: true)
      && write(at: address, of: vcpu, from: bytes, onlyTranslates: false)
  }

  @inline(never)
  private func write(
    at address: UInt64, of vcpu: Int, from bytes: Span<UInt8>, onlyTranslates: Bool
  ) -> Bool {
    var done = 0
    while done < bytes.count {
      let from = address &+ UInt64(done)
      guard case .memory(let physical) = translate(from, of: vcpu) else { return false }
      let count = GuestMemory.bytesInPage(from: from, atMost: bytes.count &- done)
      if !onlyTranslates { GuestMemory.write(physical, from: bytes, at: done, count: count) }
      done &+= count
    }
    return true
  }

  /// One access of a device register: what was read (0 for a write), or nil if none was made or it failed.
  private func accessDevice(
    _ address: UInt64, _ physical: UInt64, of vcpu: Int, count: Int, writing value: UInt64?
  ) -> UInt64? {
    let shared = EL2.shared
    let isGuests = Stage2.isGuests(physical, shared.value.machine)
    guard shared.value.devices.isOn,
      shared.value.devices.permits(address, count: count, isGuests: isGuests)
    else { return nil }
    var request = CoreRequest(
      kind: value == nil ? .readDevice(size: count) : .writeDevice(size: count))
    request.low = value ?? 0
    request.high = physical
    let done = Standstill.perform(request, on: vcpu)
    guard done.succeeded else {
      shared.value.devices.noteFault(address, count: count)
      return nil
    }
    return done.low
  }

  /// What lies behind a virtual address.
  enum Destination {
    /// The guest's RAM, at this physical address.
    case memory(UInt64)
    /// Something else: a device, or nothing at all.
    case other(UInt64)
    /// Something that stage 2 keeps from the guest.
    case withheld
    /// The vCPU does not map it.
    case nothing
  }

  func translate(_ address: UInt64, of vcpu: Int) -> Destination {
    var request = CoreRequest(kind: .translate)
    request.low = address
    let done = Standstill.perform(request, on: vcpu)
    guard done.succeeded else { return .nothing }
    guard let physical = GuestMemory.physicalAddress(ofPAR: done.low, address: address) else {
      return TranslationResult(par: done.low).isStage2Fault ? .withheld : .nothing
    }
    return EL2.shared.value.machine.isGuestMemory(physical) ? .memory(physical) : .other(physical)
  }
}
