internal import RemoteProtocol

// A vCPU's registers, as the debugger numbers them.

extension GuestTarget {
  static var generalRegisterCount: Int { RegisterNumber.generalCount }
  static var programCounter: Int { 32 }

  func registerSize(_ number: Int) -> Int? { RegisterNumber(number)?.size }

  /// fp, lr, sp, pc and cpsr: what GDB needs to show a stop without asking.
  func expeditedRegister(at index: Int) -> Int? { index < 5 ? 29 &+ index : nil }

  mutating func readRegister(
    _ number: Int, of vcpu: Int, into bytes: inout MutableSpan<UInt8>
  ) throws(AccessError) {
    guard let register = RegisterNumber(number) else { throw .impossible }
    var value = try read(register, of: vcpu)
    for index in bytes.indices {
      bytes[index] = UInt8(truncatingIfNeeded: value.low)
      value.low = value.low &>> 8 | value.high &<< 56
      value.high &>>= 8
    }
  }

  private func read(
    _ register: RegisterNumber, of vcpu: Int
  ) throws(AccessError) -> RegisterValue {
    if let value = cores.vcpu(vcpu).value.readFrame(register) { return RegisterValue(low: value) }
    guard case .value(let value) = try Standstill(cores).perform(.read(register), on: vcpu) else {
      throw .impossible
    }
    return value
  }

  mutating func writeRegister(
    _ number: Int, of vcpu: Int, from bytes: Span<UInt8>
  ) throws(AccessError) {
    guard let register = RegisterNumber(number) else { throw .impossible }
    var value = RegisterValue()
    for index in bytes.indices.reversed() {
      value.high = value.high &<< 8 | value.low &>> 56
      value.low = value.low &<< 8 | UInt64(bytes[index])
    }
    if let isDone = cores.vcpu(vcpu).value.writeFrame(register, value.low) {
      guard isDone else { throw .impossible }
    } else {
      guard case .done = try Standstill(cores).perform(.write(register, value), on: vcpu) else {
        throw .impossible
      }
    }
  }
}
