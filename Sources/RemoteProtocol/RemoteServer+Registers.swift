extension RemoteServer where Machine: ~Copyable, Link: ~Copyable {
  /// `g`: all general registers.
  mutating func readGeneralRegisters(_ target: inout Machine) throws(RemoteError) {
    let vcpu = try takeThreadSuffix(&target)
    for number in 0..<Machine.generalRegisterCount {
      try appendRegister(number, of: vcpu, target: &target)
    }
  }

  /// `G`: gives all general registers new values.
  mutating func writeGeneralRegisters(_ target: inout Machine) throws(RemoteError) {
    let values = try receiver.packet.takeHexBytes()
    let vcpu = try takeThreadSuffix(&target)

    var size = 0
    for number in 0..<Machine.generalRegisterCount { size &+= target.registerSize(number) ?? 0 }
    guard values.count == size else { throw .malformed }

    var start = values.lowerBound
    for number in 0..<Machine.generalRegisterCount {
      let end = start &+ (target.registerSize(number) ?? 0)
      try setRegister(number, of: vcpu, to: start..<end, target: &target)
      start = end
    }
    sender.write("OK")
  }

  /// `p`: one register.
  mutating func readRegister(_ target: inout Machine) throws(RemoteError) {
    let number = try takeRegisterNumber()
    let vcpu = try takeThreadSuffix(&target)
    try appendRegister(number, of: vcpu, target: &target)
  }

  /// `P`: gives one register a new value.
  mutating func writeRegister(_ target: inout Machine) throws(RemoteError) {
    let number = try takeRegisterNumber()
    try receiver.packet.expect("=")
    let value = try receiver.packet.takeHexBytes()
    let vcpu = try takeThreadSuffix(&target)
    guard let size = target.registerSize(number) else { throw .registerRefuses }
    guard value.count == size else { throw .malformed }
    try setRegister(number, of: vcpu, to: value, target: &target)
    sender.write("OK")
  }

  private mutating func takeRegisterNumber() throws(RemoteError) -> Int {
    guard let number = Int(exactly: try receiver.packet.takeNumber()) else { throw .noSuchRegister }
    return number
  }

  @inline(never)
  private mutating func appendRegister(
    _ number: Int, of vcpu: Int, target: inout Machine
  ) throws(RemoteError) {
    if let size = try loadRegister(number, of: vcpu, target: &target) {
      sender.append(hexBytes: scratch.span.extracting(first: size))
    } else if let size = target.registerSize(number), !target.isPoweredOn(vcpu) {
      // LLDB takes digits for a value, whatever they are.
      if sender.errorForm == .codeAndText { throw .vcpuIsOff }
      // "The register's value is not available": an error would end a command for all threads.
      for _ in 0..<size { sender.write("xx") }
    } else {
      throw .noSuchRegister
    }
  }

  /// Reads a register into ``scratch``.
  ///
  /// The general registers of a vCPU that is powered off read as 0. Those values are as good as any:
  /// no debugger gets along with a thread that has no program counter.
  ///
  /// - Returns: its size in bytes, or nil if there is no such register or it cannot be read.
  @inline(never)
  mutating func loadRegister(
    _ number: Int, of vcpu: Int, target: inout Machine
  ) throws(RemoteError) -> Int? {
    guard let size = target.registerSize(number), size <= scratch.count else { return nil }
    guard target.isPoweredOn(vcpu) else {
      guard number < Machine.generalRegisterCount else { return nil }
      for index in 0..<size { scratch[index] = 0 }
      return size
    }
    var bytes = scratch.mutableSpan._consumingExtracting(0..<size)
    do throws(AccessError) {
      try target.readRegister(number, of: vcpu, into: &bytes)
    } catch {
      if error == .noAnswer { throw .coreDoesNotAnswer }
      return nil
    }
    return size
  }

  @inline(never)
  private mutating func setRegister(
    _ number: Int, of vcpu: Int, to value: Range<Int>, target: inout Machine
  ) throws(RemoteError) {
    guard target.isPoweredOn(vcpu) else { throw .vcpuIsOff }
    let bytes = receiver.packet.bytes.span.extracting(value)
    do throws(AccessError) {
      try target.writeRegister(number, of: vcpu, from: bytes)
    } catch { throw error.error(otherwise: .registerRefuses) }
  }
}
