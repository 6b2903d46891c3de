internal import ArmDebug
internal import NestedDebug

/// What a register holds. A SIMD register has both halves.
struct RegisterValue: Equatable {
  var low: UInt64 = 0
  var high: UInt64 = 0
}

/// The registers of a vCPU that are live in its core, on the core that executes this.
protocol ViewHardware {
  mutating func read(_ register: GuestSystemRegister) -> UInt64
  /// - Returns: false for a register that the guest itself cannot write.
  mutating func write(_ register: GuestSystemRegister, _ value: UInt64) -> Bool
  mutating func readVector(_ n: Int) -> RegisterValue
  /// Changes V<n>, and nothing of what lies above it in Z<n>.
  mutating func writeVector(_ n: Int, _ value: RegisterValue)
  var fpsr: UInt64 { get nonmutating set }
  var fpcr: UInt64 { get nonmutating set }
  var spEL0: UInt64 { get nonmutating set }
  var spEL1: UInt64 { get nonmutating set }
  /// One access of `size` bytes at a physical address, a device's.
  ///
  /// - Returns: what was read, or nil if the access has ended in an exception.
  mutating func accessDevice(
    _ physical: PhysicalAddress, size: Int, writing value: UInt64?
  ) -> UInt64?
}

/// The registers and the memory of a vCPU that does not run, on the vCPU's own core: its system and SIMD registers
/// and its translation are live there, and nowhere else.
struct VCPUView<Machine: Platform> {
  let vcpu: Fixed<VCPU>
  let cores: Machine
  private var hardware: Machine.View

  /// The caller must be the vCPU's core.
  init(_ vcpu: Fixed<VCPU>, on cores: Machine) {
    self.vcpu = vcpu
    self.cores = cores
    hardware = cores.viewHardware
  }

  mutating func read(_ register: RegisterNumber) -> RegisterValue? {
    if let value = vcpu.value.readFrame(register) { return RegisterValue(low: value) }
    switch register {
    case .vector(let n): return hardware.readVector(n)
    case .fpsr: return RegisterValue(low: hardware.fpsr)
    case .fpcr: return RegisterValue(low: hardware.fpcr)
    case .system(let register): return RegisterValue(low: hardware.read(register))
    case .stackPointer:
      return RegisterValue(low: vcpu.value.usesSPEL1 ? hardware.spEL1 : hardware.spEL0)
    case .general, .programCounter, .pstate: return nil
    }
  }

  /// - Returns: false if the register cannot be written, or not with this value.
  mutating func write(_ register: RegisterNumber, _ value: RegisterValue) -> Bool {
    if let isDone = vcpu.value.writeFrame(register, value.low) { return isDone }
    switch register {
    case .vector(let n): hardware.writeVector(n, value)
    case .fpsr: hardware.fpsr = value.low
    case .fpcr: hardware.fpcr = value.low
    case .system(let register): return hardware.write(register, value.low)
    case .stackPointer:
      if vcpu.value.usesSPEL1 { hardware.spEL1 = value.low } else { hardware.spEL0 = value.low }
    case .general, .programCounter, .pstate: return false
    }
    return true
  }

  mutating func accessDevice(
    _ physical: PhysicalAddress, size: Int, writing value: UInt64?
  ) -> UInt64? {
    hardware.accessDevice(physical, size: size, writing: value)
  }

  // MARK: Memory

  /// What stage 1 says of an access at EL1; nil if its walk was aborted.
  mutating func translate(_ address: UInt64) -> TranslationResult? {
    var space = cores.addressSpace
    return space.hardware.translate(VirtualAddress(address), from: .el1, isStore: false)
  }

  /// Reads RAM as the vCPU sees it.
  ///
  /// - Returns: how many bytes could be read, counted from `address`.
  mutating func readMemory(at address: UInt64, into bytes: inout MutableSpan<UInt8>) -> Int {
    var space = cores.addressSpace
    var done = 0
    while done < bytes.count {
      let from = VirtualAddress(address &+ UInt64(done))
      let count = GuestAddressSpace<Machine.AddressHardware>.bytesInPage(
        from: from, atMost: bytes.count &- done)
      guard let physical = space.destination(of: from).memory,
        space.read(physical, into: &bytes, at: done, count: count)
      else { break }
      done &+= count
    }
    return done
  }
}

// The registers that are in EL2's memory while the vCPU does not run. The link core needs nobody for them.
extension VCPU {
  /// nil for a register that is live in the core.
  func readFrame(_ register: RegisterNumber) -> UInt64? {
    switch register {
    case .general(let n): frame.value.x[n]
    case .programCounter: frame.value.context.pc
    case .pstate: frame.value.context.pstate.rawValue
    default: nil
    }
  }

  /// - Returns: whether that was done; nil for a register that is live in the core.
  mutating func writeFrame(_ register: RegisterNumber, _ value: UInt64) -> Bool? {
    switch register {
    case .general(let n): frame.value.x[n] = value
    case .programCounter: setProgramCounter(value)
    case .pstate: return setPState(UInt32(truncatingIfNeeded: value))
    default: return nil
    }
    return true
  }

  /// Moves the guest to another instruction. What was noted of the one that it leaves is forgotten, a stop there
  /// that was not reported yet included. What is written back unchanged moves nothing.
  private mutating func setProgramCounter(_ pc: UInt64) {
    let context = frame.value.context
    guard context.pc != pc else { return }
    frame.value.context.pc = pc
    frame.value.context.pstate = context.pstate.elsewhere
    stop = nil
    debug.programCounterMoved()
  }

  /// The debugger may change flags and masks. It may not take the guest to another exception level or
  /// execution state: EL2 is EL2's.
  private mutating func setPState(_ word: UInt32) -> Bool {
    guard
      let new = frame.value.context.pstate.changed(to: word, features: debug.features)
    else { return false }
    frame.value.context.pstate = new
    return true
  }

  /// SP is SP_EL1: at EL1 with PSTATE.SP = 1. In AArch32 the stack pointer is x13.
  fileprivate var usesSPEL1: Bool {
    let pstate = frame.value.context.pstate
    return pstate.el == .el1 && pstate.spsel
  }
}
