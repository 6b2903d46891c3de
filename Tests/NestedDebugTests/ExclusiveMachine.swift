import ArmDebug
import DebugModel
import NestedDebug

/// A processor that runs real A64 encodings, as few as exclusives need, with a monitor that an
/// exception return clears; and a hypervisor over it. Its decoding is its own.
struct ExclusiveMachine: ~Copyable {
  var core: ExclusiveCore
  var debug = VirtualDebug(capabilities: .model, features: .none)
  var requests = DebugRequests()
  var context: GuestContext

  static let start: UInt64 = 0x1000
  static let word: UInt64 = 0x4000
  static let vectors: UInt64 = 0x8000

  /// Code at `start`, and vectors that return at once.
  init(_ code: [UInt32], _ state: UInt64 = 0x3C5, guestMDSCR: UInt64 = 0) {
    core = ExclusiveCore()
    for (n, word) in code.enumerated() { core.code[Self.start + UInt64(n) * 4] = word }
    for offset in stride(from: UInt64(0), to: 0x800, by: 0x80) {
      core.code[Self.vectors + offset] = ExclusiveCore.eret
    }
    core.exceptionRegisters[.vbar] = Self.vectors
    context = GuestContext(pc: Self.start, pstate: PState(rawValue: state))
    write(RandomProgram.oslar, 0)
    write(RandomProgram.mdscr, guestMDSCR)
  }

  /// The guest writes one of its debug registers.
  mutating func write(_ register: SystemRegister, _ value: UInt64) {
    _ = debug.access(
      SystemRegisterAccess(register: register, rt: 0, isRead: false), value: value)
  }

  /// A watchpoint of the guest's, for loads and stores of the doubleword at `address`, at EL0 and EL1.
  mutating func guestWatches(_ address: UInt64) {
    write(SystemRegister(2, 0, 0, 0, 6), address)
    write(SystemRegister(2, 0, 0, 0, 7), 0x1FFF)
  }

  /// Runs the guest until a stop, until it branches to itself, or for `ticks` events; nil for both.
  mutating func run(ticks: Int = 2000) -> DebuggerStop? {
    enter()
    for _ in 0..<ticks {
      if core.code[core.pc] == ExclusiveCore.end, !core.isStepPending { break }
      guard let exit = core.tick() else { continue }
      if let stop = handle(exit) { return stop }
      enter()
    }
    _ = handle((nil, 0))
    return nil
  }

  mutating func step() -> DebuggerStop? {
    debug.requestStep()
    return run()
  }

  /// Steps to the end of the code.
  ///
  /// - Returns: how many steps it took, or nil if it is not reached in `limit`.
  mutating func stepToEnd(limit: Int = 100) -> Int? {
    for steps in 0..<limit {
      if core.code[context.pc] == ExclusiveCore.end { return steps }
      _ = step()
    }
    return nil
  }

  /// Lets the guest go on after each stop until it comes to its end.
  ///
  /// - Returns: the stops, or nil if there are more than `limit`.
  mutating func continueToEnd(limit: Int = 20) -> [DebuggerStop]? {
    var stops: [DebuggerStop] = []
    while let stop = run() {
      stops.append(stop)
      if stops.count > limit { return nil }
    }
    return core.code[context.pc] == ExclusiveCore.end ? stops : nil
  }

  private mutating func enter() {
    debug.prepareToRun(context: &context, hardware: &core, requests: requests)
    core.enter(context)
  }

  private mutating func handle(_ exit: ExclusiveCore.Exit) -> DebuggerStop? {
    context = GuestContext(pc: core.pc, pstate: core.pstate)
    debug.guestExited(exit.syndrome, context: &context, hardware: &core)
    guard let syndrome = exit.syndrome else { return nil }
    let disposition = debug.handle(
      syndrome, faultAddress: exit.far, context: &context, hardware: &core)
    guard case .candidate(let candidate) = disposition else { return nil }
    var policy = StopAlways()
    return debug.decide(candidate, in: context, by: &policy).flatMap {
      DebuggerStop($0, in: requests)
    }
  }
}

/// The processor. MDCR_EL2.TDE is 1 whenever it matters here.
struct ExclusiveCore: DebugHardware, GuestProcessor {
  typealias Exit = (syndrome: Syndrome?, far: UInt64)

  var code: [UInt64: UInt32] = [:]
  var pc: UInt64 = 0
  var pstate = PState.el1Reset
  var x = [UInt64](repeating: 0, count: 31)
  var stackPointers: (el0: UInt64, el1: UInt64) = (0, 0)
  var memory: [UInt64: UInt8] = [:]
  var debugRegisters: [DebugRegister: UInt64] = [:]
  var exceptionRegisters: [ExceptionRegister: UInt64] = [:]
  var interruptPending = false
  var withheld = false
  /// In place of what a compare-and-exchange comes to.
  var storeOutcome: ExclusiveStoreOutcome?
  /// Another observer's store, just before the guest's own.
  var interference: (address: UInt64, value: UInt8)?

  /// The instructions that the processor has run, EL2's not among them.
  private(set) var trace: [UInt64] = []
  /// What EL2 has stored in the guest's stead, or tried to.
  private(set) var stores: [ExclusiveStore] = []
  /// Instructions that EL2 has read.
  private(set) var fetches = 0

  private var monitor: (address: UInt64, size: UInt64)?
  private var stepped: (instruction: Bool, exclusive: Bool) = (false, false)

  // MARK: Instructions

  static let nop: UInt32 = 0xD503_201F
  static let clrex: UInt32 = 0xD503_3F5F
  static let svc: UInt32 = 0xD400_0001
  static let eret: UInt32 = 0xD69F_03E0
  /// A branch to itself: the end.
  static let end: UInt32 = 0x1400_0000

  static func add(_ rd: UInt32, _ rn: UInt32, _ value: UInt32) -> UInt32 {
    0x9100_0000 | value << 10 | rn << 5 | rd
  }
  static func cbnz(_ rt: UInt32, _ instructions: Int32) -> UInt32 {
    0x3500_0000 | (UInt32(bitPattern: instructions) & 0x7FFFF) << 5 | rt
  }
  /// LDXR; `size` is the logarithm of the bytes.
  static func ldxr(_ size: UInt32, _ rt: UInt32, _ rn: UInt32) -> UInt32 {
    size << 30 | 0x085F_7C00 | rn << 5 | rt
  }
  static func ldxp(_ size: UInt32, _ rt: UInt32, _ rt2: UInt32, _ rn: UInt32) -> UInt32 {
    size << 30 | 0x087F_0000 | rt2 << 10 | rn << 5 | rt
  }
  static func stxr(_ size: UInt32, status rs: UInt32, _ rt: UInt32, _ rn: UInt32) -> UInt32 {
    size << 30 | 0x0800_7C00 | rs << 16 | rn << 5 | rt
  }
  static func stxp(
    _ size: UInt32, status rs: UInt32, _ rt: UInt32, _ rt2: UInt32, _ rn: UInt32
  ) -> UInt32 {
    size << 30 | 0x0820_0000 | rs << 16 | rt2 << 10 | rn << 5 | rt
  }
  /// What makes them LDAXR, LDAXP, STLXR and STLXP.
  static let acquireRelease: UInt32 = 1 << 15

  // MARK: Running

  /// ERET of EL2's.
  mutating func enter(_ context: GuestContext) {
    pc = context.pc
    pstate = context.pstate
    stepped = (false, false)
    monitor = nil
  }

  private var mdscr: UInt64 { debugRegisters[.mdscr] ?? 0 }
  var isStepPending: Bool { mdscr & 1 == 1 && !pstate.ss }

  /// Lets one thing happen. Returns what comes to EL2.
  mutating func tick() -> Exit? {
    if isStepPending {
      return (
        Syndrome(
          .stepLower,
          iss: 0x22 | (stepped.instruction ? 1 << 24 : 0) | (stepped.exclusive ? 1 << 6 : 0)), 0
      )
    }
    if interruptPending, !pstate.i, !withheld {
      interruptPending = false
      takeException(0x80, at: pc)
      return nil
    }
    if mdscr >> 15 & 1 == 1, breakpointMatches { return (Syndrome(.breakpointLower, iss: 0x22), 0) }
    return execute(code[pc] ?? 0)
  }

  private func matches(_ control: UInt64) -> Bool {
    control & 1 == 1 && control >> (pstate.el == .el1 ? 1 : 2) & 1 == 1
  }

  private var breakpointMatches: Bool {
    (0..<6).contains {
      matches(debugRegisters[.dbgbcr($0)] ?? 0) && debugRegisters[.dbgbvr($0)] == pc
    }
  }

  /// The lowest watched byte. Watchpoints select bytes of one doubleword.
  private func watched(_ address: UInt64, _ size: UInt64, isStore: Bool) -> UInt64? {
    guard mdscr >> 15 & 1 == 1 else { return nil }
    return (address..<address + size).first { byte in
      (0..<4).contains { n in
        let control = debugRegisters[.dbgwcr(n)] ?? 0
        return matches(control) && control >> (isStore ? 4 : 3) & 1 == 1
          && (debugRegisters[.dbgwvr(n)] ?? 0) >> 3 == byte >> 3
          && control >> (5 + (byte & 7)) & 1 == 1
      }
    }
  }

  private mutating func takeException(_ offset: UInt64, at address: UInt64) {
    exceptionRegisters[.elr] = address
    exceptionRegisters[.spsr] = pstate.rawValue
    pc = exceptionRegisters[.vbar, default: 0] + offset + (pstate.el == .el1 ? 0x200 : 0x400)
    pstate = PState(rawValue: 0x3C5)
  }

  private mutating func execute(_ word: UInt32) -> Exit? {
    let (rt, rn, rs) = (Int(word & 31), Int(word >> 5 & 31), Int(word >> 16 & 31))
    var next = pc + 4
    var state = pstate
    state.ss = false
    var isLoadExclusive = false
    if word >> 24 & 0x3F == 0x08, word >> 23 & 1 == 0 {
      let element = UInt64(1) << UInt64(word >> 30)
      let isPair = word >> 21 & 1 == 1
      let size = isPair ? element * 2 : element
      let address = rn == 31 ? (pstate.spsel ? stackPointers.el1 : stackPointers.el0) : x[rn]
      isLoadExclusive = word >> 22 & 1 == 1
      // To a processor whose monitor is clear, a store-exclusive is no access.
      if isLoadExclusive || monitor.map({ $0 == (address, size) }) == true {
        if let far = watched(address, size, isStore: !isLoadExclusive) {
          return (Syndrome(.watchpointLower, iss: isLoadExclusive ? 0x22 : 0x62), far)
        }
      }
      let registers = isPair ? [rt, Int(word >> 10 & 31)] : [rt]
      if isLoadExclusive {
        for (n, register) in registers.enumerated() where register != 31 {
          x[register] = value(element, at: address + UInt64(n) * element)
        }
        monitor = (address, size)
      } else {
        let passes = monitor.map { $0 == (address, size) } == true
        monitor = nil
        if rs != 31 { x[rs] = passes ? 0 : 1 }
        if passes {
          for (n, register) in registers.enumerated() {
            set(
              register == 31 ? 0 : x[register], element, at: address + UInt64(n) * element)
          }
        }
      }
    } else if word & 0xFFC0_0000 == 0x9100_0000 {
      x[rt] = x[rn] &+ UInt64(word >> 10 & 0xFFF)
    } else if word >> 24 == 0x35 {
      if x[rt] & 0xFFFF_FFFF != 0 {
        next = pc &+ UInt64(bitPattern: Int64(Int32(bitPattern: word << 8) >> 13) * 4)
      }
    } else if word == Self.clrex {
      monitor = nil
    } else if word == Self.svc {
      trace.append(pc)
      pstate.ss = false
      takeException(0, at: next)
      return nil
    } else if word == Self.eret {
      next = exceptionRegisters[.elr] ?? 0
      state = PState(rawValue: exceptionRegisters[.spsr] ?? 0)
      state.ss = false
      monitor = nil
    } else if word == Self.end {
      next = pc
    } else if word != Self.nop {
      takeException(0, at: pc)
      return nil
    }
    trace.append(pc)
    stepped = (mdscr & 1 == 1, isLoadExclusive)
    pc = next
    pstate = state
    return nil
  }

  // MARK: Memory

  private var isBigEndian: Bool {
    exceptionRegisters[.sctlr, default: 0] >> (pstate.el == .el0 ? 24 : 25) & 1 == 1
  }

  /// A register's worth of memory, in the guest's byte order.
  func value(_ size: UInt64, at address: UInt64) -> UInt64 {
    (0..<size).reduce(0) { sum, n in
      let byte = UInt64(memory[address + n] ?? 0)
      return isBigEndian ? sum << 8 | byte : sum | byte << (8 * n)
    }
  }

  mutating func set(_ value: UInt64, _ size: UInt64, at address: UInt64) {
    for n in 0..<size {
      let shift = 8 * (isBigEndian ? size - 1 - n : n)
      memory[address + n] = UInt8(truncatingIfNeeded: value >> shift)
    }
  }

  // MARK: DebugHardware and GuestProcessor

  mutating func read(_ register: DebugRegister) -> UInt64 { debugRegisters[register] ?? 0 }
  mutating func write(_ register: DebugRegister, _ value: UInt64) {
    debugRegisters[register] = value
  }
  mutating func read(_ register: ExceptionRegister) -> UInt64 { exceptionRegisters[register] ?? 0 }
  mutating func write(_ register: ExceptionRegister, _ value: UInt64) {
    exceptionRegisters[register] = value
  }
  mutating func read(_ register: GeneralRegister) -> UInt64 {
    switch register {
    case .x(let n): x[n]
    case .spEL0: stackPointers.el0
    case .spEL1: stackPointers.el1
    }
  }
  mutating func write(_ register: GeneralRegister, _ value: UInt64) {
    if case .x(let n) = register { x[n] = value }
  }
  mutating func setDebugTraps(_ on: Bool) {}
  mutating func setVirtualInterruptsWithheld(_ on: Bool) { withheld = on }
  mutating func setWaitTraps(_ on: Bool) {}
  mutating func synchronize() {}
  mutating func fetchInstruction(at pc: UInt64) -> UInt32? {
    fetches += 1
    return code[pc]
  }

  private func bytes(_ size: UInt64, at address: UInt64) -> [UInt8] {
    (0..<size).map { memory[address + $0] ?? 0 }
  }

  mutating func load(
    _ size: UInt64, at address: UInt64, from el: ExceptionLevel
  ) -> ExclusiveValue? {
    func word(_ bytes: some Sequence<UInt8>) -> UInt64 {
      bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    let all = bytes(size, at: address)
    return ExclusiveValue(low: word(Array(all.prefix(8))), high: word(Array(all.dropFirst(8))))
  }

  mutating func compareAndExchange(_ store: ExclusiveStore) -> ExclusiveStoreOutcome {
    stores.append(store)
    if let storeOutcome { return storeOutcome }
    if let interference { memory[interference.address] = interference.value }
    guard load(store.size, at: store.address, from: store.el) == store.expected else {
      return .differs
    }
    for n in 0..<store.size {
      let word = n < 8 ? store.replacement.low : store.replacement.high
      memory[store.address + n] = UInt8(truncatingIfNeeded: word >> (n % 8 * 8))
    }
    return .stored
  }
}
