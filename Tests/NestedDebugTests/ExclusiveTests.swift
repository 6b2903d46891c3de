import ArmDebug
import DebugModel
import NestedDebug
import Testing

/// Load- and store-exclusives between which EL2 comes.
@Suite("Exclusives")
struct ExclusiveTests {
  typealias Core = ExclusiveCore
  static let word = ExclusiveMachine.word
  static let start = ExclusiveMachine.start

  /// One form of the pair of instructions.
  struct Form: CustomTestStringConvertible, Sendable {
    var size: UInt32
    var isPair: Bool
    var ordered: Bool
    var bytes: UInt64 { 1 << UInt64(size) }
    var testDescription: String {
      "\(ordered ? "acquire-release" : "plain") \(isPair ? "pair of " : "")\(bytes) bytes"
    }

    /// Adds 1 (and 2, to the second of a pair) until the store succeeds. X0 address, X1 X2 values,
    /// W5 status.
    var loop: [UInt32] {
      let order: UInt32 = ordered ? Core.acquireRelease : 0
      return [
        isPair ? Core.ldxp(size, 1, 2, 0) | order : Core.ldxr(size, 1, 0) | order,
        Core.add(3, 1, 1),
        Core.add(4, 2, 2),
        isPair
          ? Core.stxp(size, status: 5, 3, 4, 0) | order : Core.stxr(size, status: 5, 3, 0) | order,
        Core.cbnz(5, -4),
        Core.end,
      ]
    }

    static let all: [Form] =
      [false, true].flatMap { ordered in
        (0..<4).map { Form(size: $0, isPair: false, ordered: ordered) }
          + (2..<4).map { Form(size: $0, isPair: true, ordered: ordered) }
      }
  }

  /// What comes between.
  enum Disturbance: CaseIterable {
    case debuggerSteps, guestStepsMasked, guestWatchMasked, debuggerBreakpoint
    case debuggerBreakpointOnStore, debuggerWatches, debuggerStepsThenContinues
  }

  /// A machine at the loop, with something in memory around the word that must stay.
  static func machine(_ form: Form, state: UInt64 = 0x3C5) -> ExclusiveMachine {
    var machine = ExclusiveMachine(form.loop, state)
    machine.core.x[0] = word
    machine.core.x[2] = 0x100
    for n in UInt64(0)..<48 { machine.core.memory[word - 16 + n] = UInt8(0xA0 + n) }
    return machine
  }

  @Test(
    "every form finishes, whoever comes between, and stores what it should",
    arguments: Form.all, Disturbance.allCases)
  func finishes(form: Form, disturbance: Disturbance) throws {
    var machine = Self.machine(form)
    let before = machine.core.memory
    let first = machine.core.value(form.bytes, at: Self.word)
    let second = machine.core.value(form.bytes, at: Self.word + form.bytes)
    switch disturbance {
    case .debuggerSteps:
      #expect(machine.stepToEnd() == 5)
    case .guestStepsMasked:
      machine.write(RandomProgram.mdscr, 1)
      try machine.requests.insertBreakpoint(at: 0xF000)
      #expect(machine.continueToEnd() == [])
    case .guestWatchMasked:
      machine.write(RandomProgram.mdscr, 0xA000)
      machine.guestWatches(Self.word)
      try machine.requests.insertBreakpoint(at: 0xF000)
      #expect(machine.continueToEnd() == [])
    case .debuggerBreakpoint:
      try machine.requests.insertBreakpoint(at: Self.start + 4)
      // The first time round the load has run unseen, and the store fails.
      #expect(
        machine.continueToEnd() == Array(repeating: .breakpoint(address: Self.start + 4), count: 2))
    case .debuggerBreakpointOnStore:
      try machine.requests.insertBreakpoint(at: Self.start + 12)
      #expect(
        machine.continueToEnd() == Array(repeating: .breakpoint(address: Self.start + 12), count: 2)
      )
    case .debuggerWatches:
      try machine.requests.insertWatchpoint(at: Self.word, length: form.bytes, kind: .store)
      // As GDB does it: the watchpoint away, a step, the watchpoint back.
      let stop = DebuggerStop.watchpoint(address: Self.word, kind: .store)
      for _ in 0..<2 {
        #expect(machine.run() == stop)
        #expect(machine.context.pc == Self.start + 12)
        machine.requests.removeAll()
        #expect(machine.step() == .step)
        try machine.requests.insertWatchpoint(at: Self.word, length: form.bytes, kind: .store)
      }
      #expect(machine.continueToEnd() == [])
    case .debuggerStepsThenContinues:
      #expect(machine.step() == .step)
      #expect(machine.step() == .step)
      #expect(machine.continueToEnd() == [])
      // It never failed.
      #expect(machine.core.trace.count == 4)
    }
    let mask = form.size == 3 ? UInt64.max : 1 << (8 * form.bytes) - 1
    #expect(machine.core.x[5] == 0)
    #expect(machine.core.value(form.bytes, at: Self.word) == (first &+ 1) & mask)
    let size = form.isPair ? form.bytes * 2 : form.bytes
    if form.isPair {
      #expect(
        machine.core.value(form.bytes, at: Self.word + form.bytes) == (second &+ 2) & mask)
    }
    for (address, byte) in before where !(Self.word..<Self.word + size ~= address) {
      #expect(machine.core.memory[address] == byte)
    }
  }

  @Test("and so in big-endian memory, at both exception levels", arguments: Form.all, [0x3C5, 0])
  func bigEndian(form: Form, state: UInt64) {
    var machine = Self.machine(form, state: state)
    machine.core.pstate = PState(rawValue: state)
    machine.core.exceptionRegisters[.sctlr] = state == 0 ? 1 << 24 : 1 << 25
    let first = machine.core.value(form.bytes, at: Self.word)
    let second = machine.core.value(form.bytes, at: Self.word + form.bytes)
    #expect(machine.stepToEnd() == 5)
    #expect(machine.core.value(form.bytes, at: Self.word) == first + 1)
    if form.isPair {
      #expect(machine.core.value(form.bytes, at: Self.word + form.bytes) == second + 2)
    }
  }

  @Test("undisturbed, the guest runs unstepped and EL2 looks at nothing")
  func undisturbed() throws {
    var machine = Self.machine(Form.all[3])
    try machine.requests.insertBreakpoint(at: 0xF000)
    #expect(machine.continueToEnd() == [])
    #expect(machine.core.fetches == 0)
    #expect(machine.core.stores.isEmpty)
    #expect(machine.core.trace.count == 5)
  }

  @Test("when the store is done EL2 steps no further", arguments: [0, 4, 12])
  func endsWithTheStore(breakpoint: UInt64) throws {
    var code = Form.all[3].loop.dropLast()
    code += Array(repeating: Core.nop, count: 40) + [Core.end]
    var machine = ExclusiveMachine(Array(code))
    machine.core.x[0] = Self.word
    try machine.requests.insertBreakpoint(at: Self.start + breakpoint)
    while machine.run() != nil {}
    let fetches = machine.core.fetches
    #expect(machine.core.x[5] == 0)
    #expect(machine.core.debugRegisters[.mdscr].map { $0 & 1 } == 0)
    // Twice round the loop, and each time a look ahead.
    #expect(fetches < 24)
  }

  // MARK: Operands

  @Test("the load's register may be the base's; the value is the load's and the address is not")
  func sameRegister() {
    var machine = ExclusiveMachine([
      Core.add(1, 0, 0), Core.ldxr(3, 0, 0), Core.add(2, 0, 5), Core.stxr(3, status: 3, 2, 1),
      Core.end,
    ])
    machine.core.x[0] = Self.word
    machine.core.set(0x1122, 8, at: Self.word)
    #expect(machine.stepToEnd() == 4)
    #expect(machine.core.x[3] == 0)
    #expect(machine.core.value(8, at: Self.word) == 0x1127)
  }

  @Test("the stack pointer may be the base", arguments: [(0x3C5, 1), (0x3C4, 0), (0, 0)])
  func stackPointer(state: UInt64, el: Int) {
    var machine = ExclusiveMachine(
      [Core.ldxr(3, 1, 31), Core.add(2, 1, 1), Core.stxr(3, status: 3, 2, 31), Core.end], state)
    machine.core.stackPointers = el == 1 ? (0x7000, Self.word) : (Self.word, 0x7000)
    machine.core.x[3] = 9
    #expect(machine.stepToEnd() == 3)
    #expect(machine.core.x[3] == 0)
    #expect(machine.core.value(8, at: Self.word) == 1)
    #expect(machine.core.value(8, at: 0x7000) == 0)
  }

  @Test("a stack pointer that is not aligned is the processor's to complain about")
  func misalignedStackPointer() {
    var machine = ExclusiveMachine([
      Core.ldxr(3, 1, 31), Core.stxr(3, status: 3, 2, 31), Core.end,
    ])
    machine.core.stackPointers.el1 = Self.word + 8
    #expect(machine.stepToEnd() == 2)
    #expect(machine.core.stores.isEmpty)
  }

  @Test(
    "what is loaded into XZR, or stored from it",
    arguments: [(31, 2), (1, 31), (31, 31)] as [(UInt32, UInt32)], [2, 3] as [UInt32])
  func zeroRegister(registers: (UInt32, UInt32), size: UInt32) {
    let (first, second) = registers
    guard first != second else {
      // LDXP of the same register twice is not for EL2; of one register it is.
      var machine = ExclusiveMachine([
        Core.ldxr(size, 31, 0), Core.stxr(size, status: 3, 31, 0), Core.end,
      ])
      machine.core.x[0] = Self.word
      machine.core.x[3] = 9
      machine.core.set(.max, 8, at: Self.word)
      #expect(machine.stepToEnd() == 2)
      #expect(machine.core.x[3] == 0)
      #expect(machine.core.value(1 << UInt64(size), at: Self.word) == 0)
      return
    }
    var machine = ExclusiveMachine([
      Core.ldxp(size, first, second, 0), Core.stxp(size, status: 3, 4, 31, 0), Core.end,
    ])
    machine.core.x[0] = Self.word
    machine.core.x[3] = 9
    machine.core.x[4] = 77
    let bytes = UInt64(1) << UInt64(size)
    machine.core.set(0x1234_5678_9ABC_DEF0, bytes, at: Self.word)
    machine.core.set(0x0FED_CBA9_8765_4321, bytes, at: Self.word + bytes)
    #expect(machine.stepToEnd() == 2)
    #expect(machine.core.x[3] == 0)
    #expect(machine.core.value(bytes, at: Self.word) == 77)
    #expect(machine.core.value(bytes, at: Self.word + bytes) == 0)
  }

  @Test("the status may go nowhere")
  func noStatus() {
    var machine = ExclusiveMachine([Core.ldxr(3, 1, 0), Core.stxr(3, status: 31, 2, 0), Core.end])
    machine.core.x[0] = Self.word
    machine.core.x[2] = 5
    #expect(machine.stepToEnd() == 2)
    #expect(machine.core.value(8, at: Self.word) == 5)
  }

  @Test("operands for which the architecture promises nothing are the processor's")
  func unpredictable() {
    for pair in [
      [Core.ldxr(3, 1, 0), Core.stxr(3, status: 2, 2, 0)],
      [Core.ldxr(3, 1, 0), Core.stxr(3, status: 0, 2, 0)],
      [Core.ldxp(3, 1, 1, 0), Core.stxp(3, status: 3, 2, 4, 0)],
    ] {
      var machine = ExclusiveMachine(pair + [Core.end])
      machine.core.x[0] = Self.word
      #expect(machine.stepToEnd() == 2)
      #expect(machine.core.stores.isEmpty)
    }
  }

  // MARK: Failing as it should

  @Test(
    "a word that another observer has changed meanwhile makes the store fail", arguments: Form.all)
  func changed(form: Form) {
    let size = form.isPair ? form.bytes * 2 : form.bytes
    for byte in 0..<size {
      var machine = Self.machine(form)
      #expect(machine.step() == .step)
      machine.core.memory[Self.word + byte, default: 0] ^= 0x80
      let changed = machine.core.memory
      for _ in 0..<3 { #expect(machine.step() == .step) }
      #expect(machine.core.x[5] == 1)
      #expect(machine.core.memory == changed)
      // The next time it succeeds.
      #expect(machine.stepToEnd() == 6)
      #expect(machine.core.x[5] == 0)
    }
  }

  @Test("also at the last moment")
  func changedAtTheStore() {
    var machine = Self.machine(Form.all[3])
    machine.core.interference = (Self.word, 0xFF)
    for _ in 0..<4 { _ = machine.step() }
    #expect(machine.core.x[5] == 1)
    #expect(machine.core.memory[Self.word] == 0xFF)
  }

  @Test(
    "what clears a monitor, or is not the load's store, makes it fail",
    arguments: [
      // CLREX; another size; another address; no load; a store in between.
      [Core.ldxr(3, 1, 0), Core.clrex, Core.stxr(3, status: 3, 2, 0)],
      [Core.ldxr(2, 1, 0), Core.nop, Core.stxr(3, status: 3, 2, 0)],
      [Core.ldxr(3, 1, 0), Core.nop, Core.stxp(3, status: 3, 1, 2, 0)],
      [Core.ldxr(3, 1, 0), Core.add(0, 0, 8), Core.stxr(3, status: 3, 2, 0)],
      [Core.nop, Core.nop, Core.stxr(3, status: 3, 2, 0)],
      [Core.ldxr(3, 1, 0), Core.stxr(3, status: 4, 2, 0), Core.stxr(3, status: 3, 2, 0)],
      // An exception, whose handler returns.
      [Core.ldxr(3, 1, 0), Core.svc, Core.stxr(3, status: 3, 2, 0)],
      // Another load elsewhere.
      [Core.ldxr(3, 1, 0), Core.ldxr(3, 1, 6), Core.stxr(3, status: 3, 2, 0)],
    ])
  func fails(code: [UInt32]) {
    var machine = ExclusiveMachine(code + [Core.end])
    machine.core.x[0] = Self.word
    machine.core.x[2] = 5
    machine.core.x[6] = Self.word + 64
    for _ in 0..<8 where machine.context.pc != Self.start + 12 { _ = machine.step() }
    #expect(machine.core.x[3] == 1)
    #expect(machine.core.stores.count(where: { $0.address != Self.word }) == 0)
  }

  @Test("so does running on without being stepped")
  func ranUnseen() throws {
    var machine = Self.machine(Form.all[3])
    #expect(machine.step() == .step)
    // The debugger moves PC to elsewhere, lets it run, and moves it back.
    machine.core.code[0x2000] = Core.nop
    for n in UInt64(1)..<100 { machine.core.code[0x2000 + n * 4] = Core.nop }
    machine.core.code[0x2000 + 400] = Core.end
    machine.context.pc = 0x2000
    try machine.requests.insertBreakpoint(at: 0xF000)
    #expect(machine.run() == nil)
    machine.context.pc = Self.start + 12
    #expect(machine.step() == .step)
    #expect(machine.core.x[5] == 1)
    #expect(machine.core.stores.isEmpty)
  }

  @Test("an interrupt before a step of EL2's clears the monitor, as its return does")
  func interrupted() throws {
    var machine = Self.machine(Form.all[3], state: 0x5)
    #expect(machine.step() == .step)
    machine.core.interruptPending = true
    try machine.requests.insertBreakpoint(at: 0xF000)
    #expect(machine.continueToEnd() == [])
    #expect(machine.core.trace.contains(ExclusiveMachine.vectors + 0x280))
    // The first store failed, on the processor, and the second succeeded there.
    #expect(machine.core.stores.isEmpty)
    #expect(machine.core.trace.count(where: { $0 == Self.start + 12 }) == 2)
    #expect(machine.core.x[5] == 0)
  }

  @Test("before a step of the debugger's it waits, for a store that EL2 completes as well")
  func interruptWaits() {
    var machine = Self.machine(Form.all[3], state: 0x5)
    for _ in 0..<3 { #expect(machine.step() == .step) }
    machine.core.interruptPending = true
    #expect(machine.step() == .step)
    #expect(machine.context.pc == Self.start + 16)
    #expect(machine.core.x[5] == 0)
    #expect(machine.core.stores.count == 1)
    #expect(machine.core.interruptPending)
  }

  // MARK: What the store is told

  @Test("a store that the guest's translation forbids takes the data abort", arguments: [0x3C5, 0])
  func fault(state: UInt64) {
    var machine = Self.machine(Form.all[3], state: state)
    machine.core.storeOutcome = .fault(Syndrome(.dataAbortLower, iss: 0x4F))
    for _ in 0..<4 { #expect(machine.step() == .step) }
    let fromEL0 = state == 0
    #expect(machine.context.pc == ExclusiveMachine.vectors + (fromEL0 ? 0x400 : 0x200))
    #expect(
      machine.core.exceptionRegisters[.esr] == (fromEL0 ? 0x9200_004F : 0x9600_004F))
    #expect(machine.core.exceptionRegisters[.far] == Self.word)
    #expect(machine.core.exceptionRegisters[.elr] == Self.start + 12)
    #expect(machine.core.exceptionRegisters[.spsr] == state)
    #expect(machine.core.x[5] == 0)
    #expect(machine.core.stores.first?.el == (fromEL0 ? .el0 : .el1))
  }

  @Test("where EL2 cannot store the processor runs it, and the guest is let go")
  func impossible() throws {
    var machine = Self.machine(Form.all[3])
    machine.core.storeOutcome = .impossible
    try machine.requests.insertBreakpoint(at: 0xF000)
    #expect(machine.step() == .step)
    #expect(machine.continueToEnd() == [])
    // Once it fails; then nobody comes between.
    #expect(machine.core.stores.count == 1)
    #expect(machine.core.trace.count(where: { $0 == Self.start + 12 }) == 2)
    #expect(machine.core.x[5] == 0)
    #expect(machine.core.debugRegisters[.mdscr].map { $0 & 1 } == 0)
  }

  @Test("a store that EL2 completes is one of the guest's own steps")
  func guestSteps() throws {
    // KDE = 1: masked by D until the guest lifts it, between load and store.
    var machine = ExclusiveMachine(
      [Core.ldxr(3, 1, 0), Core.stxr(3, status: 3, 2, 0), Core.nop, Core.end],
      guestMDSCR: 0x2001)
    machine.core.x[0] = Self.word
    machine.core.x[3] = 9
    #expect(machine.step() == .step)
    machine.context.pstate = PState(rawValue: 0x5 | 1 << 21)
    #expect(machine.step() == .step)
    #expect(machine.context.pc == Self.start + 8)
    #expect(machine.core.x[3] == 0)
    // The debugger was told first. The guest's is next: an instruction was stepped, ISV = 1.
    #expect(machine.step() == .step)
    #expect(machine.context.pc == ExclusiveMachine.vectors + 0x200)
    #expect(machine.core.exceptionRegisters[.esr] == 0xCF00_0022)
    #expect(machine.core.exceptionRegisters[.elr] == Self.start + 8)
  }

  @Test("BTYPE and IL are the processor's to check", arguments: [1 << 10, 1 << 20])
  func statesThatFault(bit: UInt64) {
    var machine = Self.machine(Form.all[3])
    for _ in 0..<3 { _ = machine.step() }
    machine.context.pstate.rawValue |= bit
    _ = machine.step()
    #expect(machine.core.stores.isEmpty)
  }

  // MARK: Watchpoints and breakpoints on the store

  @Test(
    "the debugger's watchpoint is reported with the lowest watched byte that is written",
    arguments: [(0, 8, 0), (3, 1, 3), (-4, 8, 0), (4, 12, 4), (7, 1, 7)])
  func debuggerWatch(offset: Int, length: UInt64, reported: UInt64) throws {
    var machine = Self.machine(Form.all[3])
    for _ in 0..<3 { _ = machine.step() }
    let address = UInt64(Int(Self.word) + offset)
    try machine.requests.insertWatchpoint(at: address, length: length, kind: .store)
    #expect(machine.step() == .watchpoint(address: Self.word + reported, kind: .store))
    #expect(machine.core.stores.isEmpty)
    #expect(machine.context.pc == Self.start + 12)
    // Told of it, the debugger goes on.
    #expect(machine.step() == .step)
    #expect(machine.core.x[5] == 0)
    #expect(machine.core.stores.count == 1)
  }

  @Test(
    "of two watchpoints on the store the one with the lower byte is reported, whichever was set first",
    arguments: [[(5, 1), (2, 1)], [(2, 1), (5, 1)], [(6, 2), (0, 3)], [(1, 4), (4, 4)]])
  func twoWatchpoints(watched: [(Int, Int)]) throws {
    var machine = Self.machine(Form.all[3])
    for _ in 0..<3 { _ = machine.step() }
    for (offset, length) in watched {
      try machine.requests.insertWatchpoint(
        at: Self.word + UInt64(offset), length: UInt64(length), kind: .store)
    }
    let lowest = try #require(watched.map(\.0).min())
    #expect(
      machine.step() == .watchpoint(address: Self.word + UInt64(lowest), kind: .store))
    #expect(machine.core.stores.isEmpty)
    #expect(machine.step() == .step)
    #expect(machine.core.x[5] == 0)
  }

  @Test("the guest's watchpoint below the debugger's is the guest's")
  func guestWatchBelow() throws {
    var machine = Self.machine(Form.all[3], state: 0)
    machine.write(RandomProgram.mdscr, 0x8000)
    machine.write(SystemRegister(2, 0, 0, 0, 6), Self.word)
    // Stores to byte 1.
    machine.write(SystemRegister(2, 0, 0, 0, 7), 1 << 6 | 0b10 << 3 | 0b10 << 1 | 1)
    for _ in 0..<3 { #expect(machine.step() == .step) }
    try machine.requests.insertWatchpoint(at: Self.word + 4, length: 2, kind: .store)
    #expect(machine.step() == .step)
    #expect(machine.context.pc == ExclusiveMachine.vectors + 0x400)
    #expect(machine.core.exceptionRegisters[.far] == Self.word + 1)
    #expect(machine.core.stores.isEmpty)
  }

  @Test("a watchpoint beside the word, or for loads, is none", arguments: [-8, 8, 0])
  func notWatched(offset: Int) throws {
    var machine = Self.machine(Form.all[3])
    try machine.requests.insertWatchpoint(
      at: UInt64(Int(Self.word) + offset), length: 8, kind: offset == 0 ? .load : .any)
    if offset == 0 {
      #expect(machine.run() == .watchpoint(address: Self.word, kind: .load))
    }
    #expect(machine.continueToEnd() == [])
    #expect(machine.core.x[5] == 0)
  }

  @Test("taken away while it waits to be reported, it is not reported")
  func watchTakenAway() throws {
    var machine = Self.machine(Form.all[3])
    for _ in 0..<3 { _ = machine.step() }
    try machine.requests.insertWatchpoint(at: Self.word, length: 8, kind: .store)
    machine.debug.requestStep()
    #expect(machine.run(ticks: 0) == nil)
    machine.requests.removeAll()
    #expect(machine.run() == .step)
    #expect(machine.core.x[5] == 0)
  }

  @Test("the guest's watchpoint goes to the guest, who takes it before the store")
  func guestWatch() throws {
    // EL0, where nothing masks it.
    var machine = Self.machine(Form.all[2], state: 0)
    machine.write(RandomProgram.mdscr, 0x8000)
    machine.write(SystemRegister(2, 0, 0, 0, 6), Self.word)
    // Stores to byte 2.
    machine.write(SystemRegister(2, 0, 0, 0, 7), 1 << 7 | 0b10 << 3 | 0b10 << 1 | 1)
    for _ in 0..<3 { #expect(machine.step() == .step) }
    #expect(machine.step() == .step)
    #expect(machine.context.pc == ExclusiveMachine.vectors + 0x400)
    #expect(machine.core.exceptionRegisters[.esr] == 0xD200_0062)
    #expect(machine.core.exceptionRegisters[.far] == Self.word + 2)
    #expect(machine.core.exceptionRegisters[.elr] == Self.start + 12)
    #expect(machine.core.stores.isEmpty)
    #expect(machine.core.memory[Self.word] == 0xB0)
  }

  @Test("an interrupt does not come between a watchpoint that EL2 has found and its report")
  func watchBeforeInterrupt() throws {
    var machine = Self.machine(Form.all[3], state: 0x5)
    #expect(machine.step() == .step)
    try machine.requests.insertWatchpoint(at: Self.word, length: 8, kind: .store)
    // Up to the store by EL2's own steps, then an interrupt.
    while machine.context.pc != Self.start + 12 { #expect(machine.run(ticks: 2) == nil) }
    machine.core.interruptPending = true
    #expect(machine.run() == .watchpoint(address: Self.word, kind: .store))
    #expect(machine.core.interruptPending)
  }

  @Test("a breakpoint of the debugger's on the store comes first, once for each load")
  func breakpointOnStore() throws {
    var machine = Self.machine(Form.all[3])
    #expect(machine.step() == .step)
    try machine.requests.insertBreakpoint(at: Self.start + 12)
    #expect(machine.continueToEnd() == [.breakpoint(address: Self.start + 12)])
    #expect(machine.core.stores.count == 1)
    #expect(machine.core.x[5] == 0)
  }

  // MARK: How far

  @Test("a sequence without a store in reach is not followed for ever")
  func bounded() throws {
    var code = [Core.ldxr(3, 1, 0)] + Array(repeating: Core.nop, count: 200)
    code += [Core.end]
    var machine = ExclusiveMachine(code)
    machine.core.x[0] = Self.word
    #expect(machine.step() == .step)
    try machine.requests.insertBreakpoint(at: 0xF000)
    #expect(machine.continueToEnd() == [])
    #expect(machine.core.debugRegisters[.mdscr].map { $0 & 1 } == 0)
    #expect(50...80 ~= machine.core.fetches)
  }

  @Test("nor is a loop that waits for a lock")
  func spinning() throws {
    // Loads until the word is 0, which it never is.
    var machine = ExclusiveMachine([
      Core.ldxr(3, 1, 0), Core.cbnz(1, -1), Core.stxr(3, status: 3, 2, 0), Core.end,
    ])
    machine.core.x[0] = Self.word
    machine.core.set(1, 8, at: Self.word)
    #expect(machine.step() == .step)
    try machine.requests.insertBreakpoint(at: 0xF000)
    #expect(machine.run(ticks: 1000) == nil)
    #expect(machine.core.fetches < 80)
  }

  @Test("a store-exclusive ahead is looked for in the page and the sequence, and no further")
  func search() throws {
    let far = [Core.nop, Core.nop]
    let cases: [([UInt32], Bool)] = [
      (far + [Core.stxr(3, status: 3, 2, 0)], true),
      (far + [Core.cbnz(1, 3), Core.stxr(3, status: 3, 2, 0)], true),
      (Array(repeating: Core.nop, count: 31) + [Core.stxr(3, status: 3, 2, 0)], true),
      (Array(repeating: Core.nop, count: 32) + [Core.stxr(3, status: 3, 2, 0)], false),
      (far + [Core.ldxr(3, 1, 0), Core.stxr(3, status: 3, 2, 0)], false),
      (far + [Core.svc, Core.stxr(3, status: 3, 2, 0)], false),
      (far + [Core.eret, Core.stxr(3, status: 3, 2, 0)], false),
    ]
    for (code, isFollowed) in cases {
      for place in [Self.start, 0x1FF8] {
        var machine = ExclusiveMachine([])
        for (n, word) in code.enumerated() { machine.core.code[place + UInt64(n) * 4] = word }
        machine.core.code[place + UInt64(code.count) * 4] = Core.end
        machine.context.pc = place
        machine.core.x[0] = Self.word
        try machine.requests.insertBreakpoint(at: place)
        #expect(machine.run() == .breakpoint(address: place))
        // Past the breakpoint: stepped on or not?
        _ = machine.run(ticks: 3)
        let steps = machine.core.debugRegisters[.mdscr].map { $0 & 1 == 1 } ?? false
        #expect(steps == (isFollowed && place == Self.start), "\(code.count)")
      }
    }
  }

  @Test(
    "the debugger goes away in the middle: the sequence is led to its end, then the mode is native")
  func detach() {
    var machine = Self.machine(Form.all[3])
    #expect(machine.step() == .step)
    #expect(machine.run(ticks: 1) == nil)
    #expect(machine.debug.mode == .shared)
    #expect(machine.continueToEnd() == [])
    #expect(machine.core.x[5] == 0)
    #expect(machine.core.stores.count == 1)
    #expect(machine.run(ticks: 0) == nil)
    #expect(machine.debug.mode == .native)
  }
}
