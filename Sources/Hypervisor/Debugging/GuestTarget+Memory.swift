internal import ArmDebug
internal import RemoteProtocol

// The guest's memory, as a vCPU maps it.

extension GuestTarget {
  mutating func readMemory(
    at address: UInt64, of vcpu: Int, into bytes: inout MutableSpan<UInt8>
  ) throws(AccessError) -> Int {
    var space = cores.addressSpace
    var done = 0
    while done < bytes.count {
      let from = address &+ UInt64(done)
      switch try destination(of: from, of: vcpu) {
      case .memory(let physical, _):
        let count = space.bytesInPage(from: from, atMost: bytes.count &- done)
        guard space.read(physical, into: &bytes, at: done, count: count) else { return done }
        done &+= count
      case .other(let physical):
        // Never a part of what was asked for: that would be another access than the one wanted.
        guard done == 0,
          var value = try accessDevice(
            address, physical, of: vcpu, count: bytes.count, writing: nil)
        else { return done }
        for index in bytes.indices {
          bytes[index] = UInt8(truncatingIfNeeded: value)
          value &>>= 8
        }
        return bytes.count
      case .withheld:
        if done == 0 { cores.devices.noteWithheld(address, count: bytes.count) }
        return done
      case .fault: return done
      }
    }
    return done
  }

  mutating func writeMemory(
    at address: UInt64, of vcpu: Int, from bytes: Span<UInt8>
  ) throws(AccessError) {
    switch try destination(of: address, of: vcpu) {
    case .memory, .fault: break
    case .other(let physical):
      var value: UInt64 = 0
      for index in bytes.indices.reversed() { value = value &<< 8 | UInt64(bytes[index]) }
      guard
        try accessDevice(address, physical, of: vcpu, count: bytes.count, writing: value) != nil
      else { throw .impossible }
      return
    case .withheld:
      cores.devices.noteWithheld(address, count: bytes.count)
      throw .impossible
    }
    // Everything is translated first, so that a write is done whole or not at all.
    try write(at: address, of: vcpu, from: bytes, onlyTranslates: true)
    try write(at: address, of: vcpu, from: bytes, onlyTranslates: false)
  }

  @inline(never)
  private func write(
    at address: UInt64, of vcpu: Int, from bytes: Span<UInt8>, onlyTranslates: Bool
  ) throws(AccessError) {
    var space = cores.addressSpace
    var done = 0
    while done < bytes.count {
      let from = address &+ UInt64(done)
      guard let physical = try destination(of: from, of: vcpu).memory else { throw .impossible }
      let count = space.bytesInPage(from: from, atMost: bytes.count &- done)
      if !onlyTranslates {
        guard space.write(physical, from: bytes, at: done, count: count) else { throw .impossible }
      }
      done &+= count
    }
  }

  /// One access of a device register: what was read (0 for a write), or nil if none was made or it failed.
  private func accessDevice(
    _ address: UInt64, _ physical: PhysicalAddress, of vcpu: Int, count: Int, writing value: UInt64?
  ) throws(AccessError) -> UInt64? {
    guard cores.devices.isOn,
      cores.devices.permits(address, count: count, isGuests: cores.isGuests(physical))
    else { return nil }
    let kind: ViewRequest.Kind =
      if let value {
        .writeDevice(physical, size: count, value: value)
      } else {
        .readDevice(physical, size: count)
      }
    switch try Standstill(cores).perform(kind, on: vcpu) {
    case .value(let value): return value.low
    case .done: return 0
    case .translated, .impossible:
      cores.devices.noteFault(address, count: count)
      return nil
    }
  }

  /// What lies behind a virtual address of `vcpu`: its own core asks stage 1, which is live there.
  func destination(
    of address: UInt64, of vcpu: Int
  ) throws(AccessError) -> GuestAddressSpace<Machine.AddressHardware>.Destination {
    var stage1: TranslationResult?
    if case .translated(let result) = try Standstill(cores).perform(.translate(address), on: vcpu) {
      stage1 = result
    }
    return cores.addressSpace.destination(of: stage1, at: VirtualAddress(address))
  }
}

extension GuestAddressSpace {
  /// The same for a number that a debugger gave.
  fileprivate func bytesInPage(from address: UInt64, atMost count: Int) -> Int {
    Self.bytesInPage(from: VirtualAddress(address), atMost: count)
  }
}
