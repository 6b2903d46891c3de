package import ArmDebug

/// A model of one processing element's debug behaviour at EL0 and EL1, with an EL2 that exceptions
/// can be routed to. Written from the architecture's rules (Arm ARM D1, D2); of the package it uses
/// the register types only.
package struct ModelCore: Sendable {
  package let processor: ModelProcessor
  package var program: [UInt64: Operation] = [:]
  package var memory = ModelMemory()

  package var pc: UInt64 = 0
  package var pstate = PState.el1Reset
  package var elr: UInt64 = 0
  package var spsr: UInt64 = 0
  package var esr: UInt64 = 0
  package var far: UInt64 = 0
  package var vbar: UInt64 = 0x8000
  package var contextIDR: UInt64 = 0
  /// X0 to X30, as far as EL2 looks at them: X2 and X3 are what a load-exclusive has read.
  var x = [UInt64](repeating: 0, count: 31)

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

  /// An instruction was stepped and nothing has happened since: ISV of a step exception, and EX.
  var stepped = false
  var steppedLoadExclusive = false

  /// The local monitor: what is marked, and how it was loaded.
  var monitor: Operation?
  /// Ws of the last store-exclusive.
  package var storeStatus: UInt64 = 0
  /// The next store-exclusive fails for no reason, as the architecture lets it.
  var failsSpuriously = false
  /// The last store-exclusive has failed for no reason.
  var storeFailedSpuriously = false
  /// What became of each store-exclusive: whether it has stored.
  package var storeOutcomes: [Bool] = []

  /// What the guest can observe, in order.
  package var transcript: [Observation] = []

  package init(_ processor: ModelProcessor = ModelProcessor()) { self.processor = processor }

  package enum Observation: Equatable, Sendable, CustomStringConvertible {
    case executed(UInt64)
    case read(UInt64, UInt64)
    case readPair(UInt64, UInt64, UInt64)

    package var description: String {
      func hex(_ value: UInt64) -> String { String(value, radix: 16) }
      return switch self {
      case .executed(let pc): hex(pc)
      case .read(let pc, let value): "\(hex(pc))=\(hex(value))"
      case .readPair(let pc, let first, let second): "\(hex(pc))=\(hex(first)),\(hex(second))"
      }
    }
  }

  package struct Exit {
    /// nil for an interrupt that is EL2's own.
    package var syndrome: Syndrome?
    package var far: UInt64 = 0
  }

  // MARK: Masks

  func debugExceptionsEnabled(_ state: PState) -> Bool {
    if osLock || doubleLock { return false }
    if tde { return true }
    if state.el == .el0 { return true }
    return mdscr >> 13 & 1 == 1 && !state.d
  }

  /// A step exception is the next thing to happen.
  package var isStepPending: Bool { stepEnabled && !pstate.ss }

  var stepEnabled: Bool { mdscr & 1 == 1 && debugExceptionsEnabled(pstate) }

  var comparatorsEnabled: Bool { mdscr >> 15 & 1 == 1 && debugExceptionsEnabled(pstate) }

  // MARK: What happens next

  /// One thing that can happen, in the architecture's order of priority.
  enum Upcoming {
    case stepException
    case interrupt
    /// The exception of breakpoint `n`.
    case breakpoint(n: Int)
    case instruction(Operation)
  }

  var upcoming: Upcoming {
    if isStepPending { return .stepException }
    if interruptPending, !pstate.i, !withheld { return .interrupt }
    if let n = matchingBreakpoint { return .breakpoint(n: n) }
    return .instruction(program[pc] ?? .undefined)
  }

  /// Makes an interrupt pending if its time has come.
  mutating func raiseInterrupts() {
    while let next = interrupts.first, next <= transcript.count {
      interrupts.removeFirst()
      interruptPending = true
    }
  }

  /// Runs one event: an exception or an instruction.
  ///
  /// - Returns: the exit, if it comes to EL2.
  package mutating func tick() -> Exit? {
    raiseInterrupts()
    switch upcoming {
    case .stepException:
      let ex = stepped && steppedLoadExclusive
      return debugException(0x32, iss: 0x22 | (stepped ? 1 << 24 : 0) | (ex ? 1 << 6 : 0))
    case .interrupt:
      takeToEL1(offset: 0x80, at: pc)
      return nil
    case .breakpoint: return debugException(0x30, iss: 0x22)
    case .instruction(let operation): return execute(operation)
    }
  }
}
