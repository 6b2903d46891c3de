internal import ArmDebug
internal import EL2Support
internal import NestedDebug
internal import RemoteProtocol

// The guest's memory, as a vCPU maps it.

extension GuestTarget {
  mutating func readMemory(
    at address: UInt64, of vcpu: Int, into bytes: inout MutableSpan<UInt8>
  ) -> Int {
    var space = GuestAddressSpace.ofThisCore
    var done = 0
    while done < bytes.count {
      let from = address &+ UInt64(done)
      switch destination(of: from, of: vcpu) {
      case .memory(let physical, _):
        let count = GuestAddressSpace<CoreAddressHardware>.bytesInPage(
          from: VirtualAddress(from), atMost: bytes.count &- done)
        guard space.read(physical, into: &bytes, at: done, count: count) else { return done }
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
      case .fault: return done
      }
    }
    return done
  }

  mutating func writeMemory(at address: UInt64, of vcpu: Int, from bytes: Span<UInt8>) -> Bool {
    switch destination(of: address, of: vcpu) {
    case .memory, .fault: break
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
    var space = GuestAddressSpace.ofThisCore
    var done = 0
    while done < bytes.count {
      let from = address &+ UInt64(done)
      guard let physical = destination(of: from, of: vcpu).memory else { return false }
      let count = GuestAddressSpace<CoreAddressHardware>.bytesInPage(
        from: VirtualAddress(from), atMost: bytes.count &- done)
      if !onlyTranslates {
        guard space.write(physical, from: bytes, at: done, count: count) else { return false }
      }
      done &+= count
    }
    return true
  }

  /// One access of a device register: what was read (0 for a write), or nil if none was made or it failed.
  private func accessDevice(
    _ address: UInt64, _ physical: PhysicalAddress, of vcpu: Int, count: Int, writing value: UInt64?
  ) -> UInt64? {
    let shared = EL2.shared
    let isGuests = !shared.value.machine.owned.isHidden(physical)
    guard shared.value.devices.isOn,
      shared.value.devices.permits(address, count: count, isGuests: isGuests)
    else { return nil }
    var request = CoreRequest(
      kind: value == nil ? .readDevice(size: count) : .writeDevice(size: count))
    request.low = value ?? 0
    request.high = physical.rawValue
    let done = Standstill.perform(request, on: vcpu)
    guard done.succeeded else {
      shared.value.devices.noteFault(address, count: count)
      return nil
    }
    return done.low
  }

  /// What lies behind a virtual address of a vCPU's: stage 1 by its own core, in which it is live.
  func destination(
    of address: UInt64, of vcpu: Int
  ) -> GuestAddressSpace<CoreAddressHardware>.Destination {
    var request = CoreRequest(kind: .translate)
    request.low = address
    let done = Standstill.perform(request, on: vcpu)
    let stage1 = done.succeeded ? TranslationResult(par: done.low) : nil
    return GuestAddressSpace.ofThisCore.destination(of: stage1, at: VirtualAddress(address))
  }
}
