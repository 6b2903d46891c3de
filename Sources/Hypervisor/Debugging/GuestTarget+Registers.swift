internal import ArmDebug
internal import EL2Support
internal import NestedDebug
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
  ) -> Bool {
    guard let register = RegisterNumber(number) else { return false }
    let frame = EL2.vcpu(vcpu).value.frame
    var low: UInt64
    var high: UInt64 = 0
    switch register {
    case .general(let n): low = frame.value.x[n]
    case .programCounter: low = frame.value.context.pc
    case .pstate: low = frame.value.context.pstate.rawValue
    default:
      let request = Standstill.perform(
        CoreRequest(kind: register.readRequest(frame.value.context.pstate)), on: vcpu)
      guard request.succeeded else { return false }
      low = request.low
      high = request.high
    }
    for index in bytes.indices {
      bytes[index] = UInt8(truncatingIfNeeded: low)
      low = low &>> 8 | high &<< 56
      high &>>= 8
    }
    return true
  }

  mutating func writeRegister(_ number: Int, of vcpu: Int, from bytes: Span<UInt8>) -> Bool {
    guard let register = RegisterNumber(number) else { return false }
    var low: UInt64 = 0
    var high: UInt64 = 0
    for index in bytes.indices.reversed() {
      high = high &<< 8 | low &>> 56
      low = low &<< 8 | UInt64(bytes[index])
    }
    let frame = EL2.vcpu(vcpu).value.frame
    switch register {
    case .general(let n): frame.value.x[n] = low
    case .programCounter: setProgramCounter(low, of: vcpu)
    case .pstate: return setPState(low, of: vcpu)
    default:
      var request = CoreRequest(kind: register.writeRequest(frame.value.context.pstate))
      request.low = low
      request.high = high
      return Standstill.perform(request, on: vcpu).succeeded
    }
    return true
  }

  /// Moves the guest to another instruction. What was noted of the one that it leaves is forgotten, a stop there
  /// that was not reported yet included. What is written back unchanged moves nothing.
  private func setProgramCounter(_ pc: UInt64, of vcpu: Int) {
    let state = EL2.vcpu(vcpu)
    let context = state.value.frame.value.context
    guard context.pc != pc else { return }
    state.value.frame.value.context.pc = pc
    state.value.frame.value.context.pstate = context.pstate.elsewhere
    state.value.stop = nil
    state.value.debug.programCounterMoved()
  }

  /// The debugger may change flags and masks. It may not take the guest to another exception level or
  /// execution state: EL2 is EL2's.
  private func setPState(_ value: UInt64, of vcpu: Int) -> Bool {
    let state = EL2.vcpu(vcpu)
    let word = UInt32(truncatingIfNeeded: value)
    guard
      let new = state.value.frame.value.context.pstate.changed(
        to: word, features: state.value.debug.features)
    else { return false }
    state.value.frame.value.context.pstate = new
    return true
  }
}

extension RegisterNumber {
  /// How the register is read on its vCPU's core. (Those in the frame are read from there.)
  fileprivate func readRequest(_ pstate: PState) -> CoreRequest.Kind {
    switch self {
    case .vector(let n): .readVector(n)
    case .fpsr: .readFPSR
    case .fpcr: .readFPCR
    case .system(let register): .readSystemRegister(register)
    case .stackPointer, .general, .programCounter, .pstate:
      .readStackPointer(el1: pstate.usesSPEL1)
    }
  }

  fileprivate func writeRequest(_ pstate: PState) -> CoreRequest.Kind {
    switch self {
    case .vector(let n): .writeVector(n)
    case .fpsr: .writeFPSR
    case .fpcr: .writeFPCR
    case .system(let register): .writeSystemRegister(register)
    case .stackPointer, .general, .programCounter, .pstate:
      .writeStackPointer(el1: pstate.usesSPEL1)
    }
  }
}

extension PState {
  /// SP is SP_EL1: at EL1 with PSTATE.SP = 1. In AArch32 the stack pointer is x13.
  fileprivate var usesSPEL1: Bool { el == .el1 && spsel }
}
