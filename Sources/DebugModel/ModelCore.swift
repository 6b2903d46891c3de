package import ArmDebug

/// A model of one processing element's debug behaviour at EL0 and EL1, with an EL2 that exceptions
/// can be routed to. Written from the architecture's rules (Arm ARM D1, D2); of the package it uses
/// the register types only.
package struct ModelCore: Sendable {
  package var program: [UInt64: Operation] = [:]

  package var pc: UInt64 = 0
  package var pstate = PState.el1Reset
  package var elr: UInt64 = 0
  package var spsr: UInt64 = 0
  package var esr: UInt64 = 0
  package var far: UInt64 = 0
  package var vbar: UInt64 = 0x8000
  /// X0 to X30.
  package var x = [UInt64](repeating: 0, count: 31)
  package var spEL0: UInt64 = 0
  package var spEL1: UInt64 = 0
  /// By address; a byte that is not there is 0.
  package var memory: [UInt64: UInt8] = [:]

  package var bvr = [UInt64](repeating: 0, count: 16)
  package var bcr = [UInt64](repeating: 0, count: 16)
  package var wvr = [UInt64](repeating: 0, count: 16)
  package var wcr = [UInt64](repeating: 0, count: 16)
  package var mdscr: UInt64 = 0
  package var mdccint: UInt64 = 0
  package var osLock = true
  package var doubleLock = false

  /// MDCR_EL2.TDE.
  package var tde = false
  /// ICH_HCR_EL2.En = 0.
  package var withheld = false
  /// HCR_EL2.TWI.
  package var trapsWaits = false

  /// EL2 can read the guest's instructions.
  package var isReadable = true

  package var interruptPending = false
  /// The lengths of the transcript, ascending, at which an interrupt becomes pending.
  package var interrupts: [Int] = []
  /// An instruction was stepped and nothing has happened since: ISV of a step exception.
  private var stepped = false

  /// What the guest can observe, in order.
  package var transcript: [Observation] = []

  package init() {}

  package enum Observation: Equatable, Sendable, CustomStringConvertible {
    case executed(UInt64)
    case read(UInt64, UInt64)

    package var description: String {
      switch self {
      case .executed(let pc): String(pc, radix: 16)
      case .read(let pc, let value): "\(String(pc, radix: 16))=\(String(value, radix: 16))"
      }
    }
  }

  package struct Exit {
    /// nil for an interrupt that is EL2's own.
    package var syndrome: Syndrome?
    package var far: UInt64 = 0
  }

  // MARK: Masks

  private func debugExceptionsEnabled(_ state: PState) -> Bool {
    if osLock || doubleLock { return false }
    if tde { return true }
    if state.el == .el0 { return true }
    return mdscr >> 13 & 1 == 1 && !state.d
  }

  /// A step exception is the next thing to happen.
  package var isStepPending: Bool { stepEnabled && !pstate.ss }

  private var stepEnabled: Bool { mdscr & 1 == 1 && debugExceptionsEnabled(pstate) }

  private var comparatorsEnabled: Bool { mdscr >> 15 & 1 == 1 && debugExceptionsEnabled(pstate) }

  // MARK: Entry from EL2

  /// ERET at EL2, where debug exceptions are always disabled (PSTATE.D = 1).
  package mutating func enter(pc: UInt64, pstate state: PState) {
    self.pc = pc
    pstate = state
    pstate.ss = state.ss && mdscr & 1 == 1 && debugExceptionsEnabled(state)
    stepped = false
  }

  // MARK: Exceptions

  private mutating func takeToEL1(
    offset: UInt64 = 0, _ ec: UInt64? = nil, iss: UInt64 = 0, at address: UInt64, far: UInt64? = nil
  ) {
    let same = pstate.el == .el1
    if let ec {
      let origin: Set<UInt64> = [0x30, 0x32, 0x34]
      esr = (origin.contains(ec) && same ? ec + 1 : ec) << 26 | 1 << 25 | iss
    }
    if let far { self.far = far }
    elr = address
    spsr = pstate.rawValue
    pc = vbar + offset + (same ? (pstate.spsel ? 0x200 : 0) : 0x400)
    pstate = PState(rawValue: 0x3C5 | pstate.rawValue & 0xF000_0000)
    stepped = false
  }

  private mutating func debugException(_ ec: UInt64, iss: UInt64, far: UInt64? = nil) -> Exit? {
    if tde {
      return Exit(syndrome: Syndrome(rawValue: ec << 26 | 1 << 25 | iss), far: far ?? 0)
    }
    takeToEL1(ec, iss: iss, at: pc, far: far)
    return nil
  }

  // MARK: One instruction

  /// Lets one thing happen: an exception, or an instruction. Returns what comes to EL2.
  package mutating func tick() -> Exit? {
    if isStepPending {
      return debugException(0x32, iss: 0x22 | (stepped ? 1 << 24 : 0))
    }
    if let next = interrupts.first, next <= transcript.count {
      interrupts.removeFirst()
      interruptPending = true
    }
    if interruptPending, !pstate.i, !withheld {
      takeToEL1(offset: 0x80, at: pc)
      return nil
    }
    if comparatorsEnabled, breakpointMatches { return debugException(0x30, iss: 0x22) }
    return execute(program[pc] ?? .undefined)
  }

  private func privilegeMatches(_ control: UInt64) -> Bool {
    control >> (pstate.el == .el1 ? 1 : 2) & 1 == 1
  }

  private var breakpointMatches: Bool {
    (0..<6).contains { n in
      bcr[n] & 1 == 1 && privilegeMatches(bcr[n]) && bcr[n] >> 20 & 0xF == 0 && bcr[n] >> 5 & 1 == 1
        && bvr[n] == pc
    }
  }

  private func watchpointHit(_ range: Range<UInt64>, _ kind: AccessKind) -> UInt64? {
    range.first { byte in
      (0..<4).contains { n in
        guard wcr[n] & 1 == 1, privilegeMatches(wcr[n]),
          UInt8(wcr[n] >> 3 & 3) & kind.rawValue != 0
        else { return false }
        let mask = wcr[n] >> 24 & 31
        if mask >= 3 { return byte >> mask == wvr[n] >> mask }
        return mask == 0 && byte >> 3 == wvr[n] >> 3 && wcr[n] >> (5 + (byte & 7)) & 1 == 1
      }
    }
  }

  private mutating func execute(_ operation: Operation) -> Exit? {
    var next = pc + 4
    var state = pstate
    state.ss = false
    let isStepped = stepEnabled
    var seen: UInt64?
    switch operation {
    case .nop: break
    case .load, .store:
      if let access = operation.isAccess, comparatorsEnabled,
        let far = watchpointHit(access.range, access.kind)
      {
        return debugException(
          0x34, iss: 0x22 | (access.kind == .store ? 1 << 6 : 0), far: far)
      }
    case .branch(let target): next = target
    case .svc:
      transcript.append(.executed(pc))
      pstate.ss = false
      takeToEL1(0x15, at: next)
      return nil
    case .hvc:
      if pstate.el == .el0 { return undefined() }
      transcript.append(.executed(pc))
      pc = next
      pstate.ss = false
      stepped = false
      return Exit(syndrome: Syndrome(.hvc64))
    case .brk(let immediate):
      return debugException(0x3C, iss: UInt64(immediate))
    case .undefined: return undefined()
    case .wfi:
      if trapsWaits { return Exit(syndrome: Syndrome(.wfx)) }
    case .eret, .msr, .mrs, .daifSet, .daifClr, .readPending, .acknowledge, .skipOne, .setSPSR,
      .prepareReturn:
      if pstate.el == .el0 { return undefined() }
      if let trap = trapped(operation) { return trap }
      seen = executePrivileged(operation, &next, &state)
    }
    transcript.append(seen.map { .read(pc, $0) } ?? .executed(pc))
    pc = next
    pstate = state
    stepped = isStepped
    return nil
  }

  private mutating func undefined() -> Exit? {
    takeToEL1(0x00, at: pc)
    return nil
  }

  private func trapped(_ operation: Operation) -> Exit? {
    let (register, isRead): (SystemRegister, UInt64)
    switch operation {
    case .msr(let r, _): (register, isRead) = (r, 0)
    case .mrs(let r): (register, isRead) = (r, 1)
    default: return nil
    }
    guard tde, register.op0 == 2 else { return nil }
    let iss =
      UInt64(register.op0) << 20 | UInt64(register.op2) << 17 | UInt64(register.op1) << 14
      | UInt64(register.crn) << 10 | UInt64(register.crm) << 1 | isRead
    return Exit(syndrome: Syndrome(.systemRegister, iss: iss))
  }

  private mutating func executePrivileged(
    _ operation: Operation, _ next: inout UInt64, _ state: inout PState
  ) -> UInt64? {
    switch operation {
    case .eret:
      let target = PState(rawValue: spsr)
      state = target
      state.ss =
        target.ss && mdscr & 1 == 1 && !debugExceptionsEnabled(pstate)
        && debugExceptionsEnabled(target)
      next = elr
    case .msr(let register, let value): write(register, value)
    case .mrs(let register): return read(register)
    case .daifSet(let mask): state.rawValue |= mask << 6
    case .daifClr(let mask): state.rawValue &= ~(mask << 6)
    case .readPending: return interruptPending ? 0x80 : 0
    case .acknowledge:
      defer { interruptPending = false }
      return interruptPending ? 27 : 1023
    case .skipOne: elr += 4
    case .setSPSR(let ss, let d):
      spsr = spsr & ~(1 << 21 | 1 << 9) | (ss ? 1 << 21 : 0) | (d ? 1 << 9 : 0)
    case .prepareReturn(let address, let pstate):
      elr = address
      spsr = pstate.rawValue
    default: break
    }
    return nil
  }

  // MARK: Registers

  package static let elr = SystemRegister(3, 0, 4, 0, 1)
  package static let spsr = SystemRegister(3, 0, 4, 0, 0)
  package static let esr = SystemRegister(3, 0, 5, 2, 0)
  package static let far = SystemRegister(3, 0, 6, 0, 0)

  package mutating func write(_ register: SystemRegister, _ value: UInt64) {
    let n = Int(register.crm)
    switch (register.op0, register.crn, register.crm, register.op2) {
    case (2, 0, _, 4): bvr[n] = value & (n < 4 ? ~3 : .max)
    case (2, 0, _, 5): bcr[n] = value & 0xFF_E1E7
    case (2, 0, _, 6): wvr[n] = value & ~3
    case (2, 0, _, 7): wcr[n] = value & 0x1F1F_FFFF
    case (2, 0, 2, 2): mdscr = value & 0xB001
    case (2, 0, 2, 0): mdccint = value & 0x6000_0000
    case (2, 1, 0, 4): osLock = value & 1 == 1
    case (2, 1, 3, 4): doubleLock = value & 1 == 1
    default: break
    }
  }

  package func read(_ register: SystemRegister) -> UInt64 {
    switch register {
    case Self.elr: return elr
    case Self.spsr: return spsr
    case Self.esr: return esr
    case Self.far: return far
    case .daif: return pstate.rawValue & 0x3C0
    default: break
    }
    let n = Int(register.crm)
    switch (register.crn, register.crm, register.op2) {
    case (0, _, 4): return bvr[n]
    case (0, _, 5): return bcr[n]
    case (0, _, 6): return wvr[n]
    case (0, _, 7): return wcr[n]
    case (0, 2, 2): return mdscr
    case (0, 2, 0): return mdccint
    case (1, 1, 4): return osLock ? 0b1010 : 0b1000
    case (1, 3, 4): return doubleLock ? 1 : 0
    default: return 0
    }
  }
}
