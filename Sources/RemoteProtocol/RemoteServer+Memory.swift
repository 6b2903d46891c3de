/// How memory is written in a packet.
enum MemoryForm {
  /// Two hexadecimal digits for each byte: `m` and `M`.
  case hex
  /// As it is, with escapes: `x` and `X`.
  case binary
}

extension RemoteServer where Machine: ~Copyable, Link: ~Copyable {
  /// `m` and `x`: as much as can be read and fits, counted from the address.
  ///
  /// With `x`, a `b` goes before the bytes: `binary-upload` of the GDB manual. LLDB's older form has
  /// no `b`; the LLDBs that know only that one see the `b`, and use `m`.
  mutating func readMemory(
    as form: MemoryForm, _ target: inout Machine
  ) throws(RemoteError) {
    let (address, length) = try takeExtent()
    try receiver.packet.expectEnd()
    let vcpu = memoryThread(&target)

    if case .binary = form {
      sender.write("b")
      if length == 0 { return }
    } else if length == 0 {
      throw .malformed
    }

    var done: UInt64 = 0
    while done < length {
      let asked = Int(min(length &- done, UInt64(scratch.count)))
      let read = try readMemory(at: address &+ done, count: asked, of: vcpu, target: &target)
      let put = append(read, as: form)
      done &+= UInt64(put)
      if put < asked { break }
    }
    guard done > 0 else { throw .badAddress }
  }

  /// `M` and `X`: all of it or, as far as can be known in advance, none.
  mutating func writeMemory(
    as form: MemoryForm, _ target: inout Machine
  ) throws(RemoteError) {
    let (address, length) = try takeExtent()
    try receiver.packet.expect(":")
    let data: Range<Int>
    switch form {
    case .hex: data = try receiver.packet.takeHexBytes()
    case .binary: data = receiver.packet.takeRest()
    }
    try receiver.packet.expectEnd()
    guard UInt64(data.count) == length else { throw .malformed }
    let vcpu = memoryThread(&target)

    // GDB asks whether there is an `X` packet with one that writes nothing.
    if length > 0 {
      let bytes = receiver.packet.bytes.span.extracting(data)
      do throws(AccessError) {
        try target.writeMemory(at: address, of: vcpu, from: bytes)
      } catch { throw error.error(otherwise: .badAddress) }
    }
    sender.write("OK")
  }

  /// Reads `address,length`. The length is that of what lies below 2^64, at most.
  private mutating func takeExtent() throws(RemoteError) -> (address: UInt64, length: UInt64) {
    let address = try receiver.packet.takeNumber()
    try receiver.packet.expect(",")
    let length = try receiver.packet.takeNumber()
    // The bytes from `address` up are 2^64 - address; that is 2^64 itself only for address 0, where
    // no length can exceed it.
    return (address, address == 0 ? length : min(length, 0 &- address))
  }

  /// Reads memory into ``scratch``, and says how much.
  private mutating func readMemory(
    at address: UInt64, count: Int, of vcpu: Int, target: inout Machine
  ) throws(RemoteError) -> Int {
    var bytes = scratch.mutableSpan._consumingExtracting(0..<count)
    do throws(AccessError) {
      return min(max(try target.readMemory(at: address, of: vcpu, into: &bytes), 0), count)
    } catch { throw error.error(otherwise: .badAddress) }
  }

  /// Puts the first `count` bytes of ``scratch`` into the answer, as many as fit, and says how many.
  private mutating func append(_ count: Int, as form: MemoryForm) -> Int {
    switch form {
    case .hex:
      let fitting = min(count, sender.room / 2)
      sender.append(hexBytes: scratch.span.extracting(first: fitting))
      return fitting
    case .binary:
      for index in 0..<count {
        guard sender.appendBinary(scratch[index]) else { return index }
      }
      return count
    }
  }
}
