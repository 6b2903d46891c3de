import ArmDebug

// One instruction.
extension ModelCore {
  mutating func execute(_ operation: Operation) -> Exit? {
    if operation.isPrivileged, pstate.el == .el0 { return undefined() }
    if let access = operation.access(zeroBlock: processor.zeroBlock), let watch = watch(access) {
      return debugException(
        0x34, iss: 0x22 | (access.kind == .store ? 1 << 6 : 0),
        far: reportedAddress(access, watchedAt: watch.byte))
    }
    var next = pc + 4
    var state = pstate
    state.ss = false
    let isStepped = stepEnabled
    var seen = Observation.executed(pc)
    switch operation {
    case .nop: break
    case .load, .loadUnprivileged, .loadPair, .loadExclusive: seen = load(operation)
    case .store, .storeUnprivileged, .storePair, .zero: store(operation)
    case .storeExclusive: storeExclusive(operation)
    case .retry(let back): if storeStatus != 0 { next = pc - back }
    case .clearExclusive: monitor = nil
    case .branch(let target): next = target
    case .svc:
      transcript.append(seen)
      pstate.ss = false
      takeToEL1(0x15, at: next)
      return nil
    case .hvc:
      if pstate.el == .el0 { return undefined() }
      transcript.append(seen)
      pc = next
      pstate.ss = false
      stepped = false
      return Exit(syndrome: Syndrome(.hvc64))
    case .brk(let immediate): return debugException(0x3C, iss: UInt64(immediate))
    case .undefined: return undefined()
    case .wfi: if trapsWaits { return Exit(syndrome: Syndrome(.wfx)) }
    case .eret: (next, state) = exceptionReturn()
    case .msr(let register, let value):
      if let trap = trap(register, isRead: false) { return trap }
      guard exists(register, isRead: false) else { return undefined() }
      if register == .daif {
        state.rawValue = state.rawValue & ~0x3C0 | value & 0x3C0
      } else {
        write(register, value)
      }
    case .mrs(let register):
      if let trap = trap(register, isRead: true) { return trap }
      guard exists(register, isRead: true) else { return undefined() }
      seen = .read(pc, read(register))
    case .daifSet(let mask): state.rawValue |= mask << 6
    case .daifClr(let mask): state.rawValue &= ~(mask << 6)
    case .readPending: seen = .read(pc, interruptPending ? 0x80 : 0)
    case .acknowledge:
      seen = .read(pc, interruptPending ? 27 : 1023)
      interruptPending = false
    case .skipOne: elr += 4
    case .setSPSR(let ss, let d):
      spsr = spsr & ~(1 << 21 | 1 << 9) | (ss ? 1 << 21 : 0) | (d ? 1 << 9 : 0)
    case .prepareReturn(let address, let pstate):
      elr = address
      spsr = pstate.rawValue
    }
    transcript.append(seen)
    pc = next
    pstate = state
    stepped = isStepped
    if case .loadExclusive = operation {
      steppedLoadExclusive = true
    } else {
      steppedLoadExclusive = false
    }
    return nil
  }

  /// PSTATE.SS comes from SPSR_EL1 only if stepping begins with this return (pseudocode
  /// DebugExceptionReturnSS).
  private mutating func exceptionReturn() -> (UInt64, PState) {
    monitor = nil
    let target = PState(rawValue: spsr)
    var state = target
    state.ss =
      target.ss && mdscr & 1 == 1 && !debugExceptionsEnabled(pstate)
      && debugExceptionsEnabled(target)
    return (elr, state)
  }

  private mutating func load(_ operation: Operation) -> Observation {
    switch operation {
    case .load(let address, let size), .loadUnprivileged(let address, let size):
      return .read(pc, memory.read(address, size: size))
    case .loadPair(let address, let size): return pair(address, size)
    case .loadExclusive(let address, let size, let isPair):
      monitor = operation
      x[2] = memory.read(address, size: size)
      x[3] = isPair ? memory.read(address + size, size: size) : x[3]
      return isPair ? pair(address, size) : .read(pc, memory.read(address, size: size))
    default: return .executed(pc)
    }
  }

  private func pair(_ address: UInt64, _ size: UInt64) -> Observation {
    .readPair(pc, memory.read(address, size: size), memory.read(address + size, size: size))
  }

  private mutating func store(_ operation: Operation) {
    switch operation {
    case .store(let address, let size, let value),
      .storeUnprivileged(let address, let size, let value):
      memory.write(address, size: size, value)
    case .storePair(let address, let size, let value):
      memory.write(address, size: size, value)
      memory.write(address + size, size: size, ~value)
    case .zero:
      guard let access = operation.access(zeroBlock: processor.zeroBlock) else { return }
      for address in stride(from: access.range.lowerBound, to: access.range.upperBound, by: 8) {
        memory.write(address, size: 8, 0)
      }
    default: break
    }
  }

  /// Stores if the monitor still holds what a load-exclusive of the same size has marked.
  private mutating func storeExclusive(_ operation: Operation) {
    guard case .storeExclusive(let address, let size, let isPair, let value) = operation else {
      return
    }
    let canStore = canStore(operation)
    let stores = canStore && !failsSpuriously
    storeFailedSpuriously = canStore && failsSpuriously
    if stores {
      memory.write(address, size: size, value)
      if isPair { memory.write(address + size, size: size, ~value) }
    }
    monitor = nil
    failsSpuriously = false
    storeStatus = stores ? 0 : 1
    storeOutcomes.append(stores)
  }

  /// Whether a store-exclusive would store now.
  func canStore(_ operation: Operation) -> Bool {
    guard case .storeExclusive(let address, let size, let isPair, _) = operation else {
      return false
    }
    guard case .loadExclusive(let loaded, let loadedSize, let loadedPair) = monitor else {
      return false
    }
    // Two words and a doubleword are one transaction size to the monitor. Which of the two the registers
    // are is CONSTRAINED UNPREDICTABLE, and nothing that processors look at (Arm ARM B2.9.5).
    return address == loaded
      && (isPair ? 2 * size : size) == (loadedPair ? 2 * loadedSize : loadedSize)
  }
}
