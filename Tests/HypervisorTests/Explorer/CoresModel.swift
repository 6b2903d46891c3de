import ArmDebug
import NestedDebug
import RemoteProtocol

@testable import Hypervisor

/// What one guest instruction does.
enum GuestInstruction: Equatable {
  /// Nothing that anybody could notice but that it was executed.
  case work
  /// Something that stops the machine, as a breakpoint does.
  case stop
  case turnOn(Int)
  case turnOff
  case powerOff
}

/// Two or three cores with their guests, the debugger, and the words between them: the machine on which the
/// hypervisor's own `Power`, `Standstill`, `GuestTarget` and `DebugServer` run in the ``Explorer``.
///
/// Each access of a word, each kick and each wait is a point where another core may go on.
final class CoresModel {
  struct Start {
    var programs: [[GuestInstruction]]
    /// Those that are on at the beginning.
    var isOn: [Bool]
    var isHeld = false
    var script: [DebuggerAct]
    /// Cores whose answers may come too late.
    var isSlow = false
    /// How many stops the debugger must be told of (T05); nil where it leaves.
    var stops: Int?
    /// Whether what the debugger was sent makes sense.
    var makesSense: @Sendable ([String]) -> Bool = { _ in true }
  }

  enum State: Equatable {
    case off
    case ready
    /// In WFI, at EL2 or in the guest.
    case waiting
    /// In a loop that polls, since that many changes.
    case polling(Int)
  }

  enum Interrupt: UInt64 { case kick, link }

  private let explorer: Explorer
  let start: Start
  let link: ScriptedLink

  var words: [[UInt32]]
  var changes = 0
  var pending: [[Interrupt]]
  var states: [State]
  var histories: [History]
  /// The core that executes.
  var current = 0
  var time: UInt64 = 1000
  var timeouts = 0

  var vcpus: [Fixed<VCPU>] = []
  private var server: Fixed<DebugServer<CoresModel, ScriptedPort>>?
  var clock = GuestClock()
  let requests: Fixed<DebugRequests>
  var devices = GuestDevices()
  var packetClock = PacketClock()

  // What is checked.
  private var offsets: [UInt64]
  private var lastVirtualTime: UInt64 = 0
  var next: [Int]
  /// x0 of each CPU_ON that was answered by SUCCESS, and of each vCPU that began.
  var accepted: [[UInt64]]
  var begun: [[UInt64]]
  /// How often the machine was let go, and how often it had been when each core was asked something.
  private var releases = 0
  private var releasesAtRequest: [Int]
  /// SP of each vCPU, which lives in its core.
  private var stackPointers: [UInt64]

  init(_ explorer: Explorer, _ start: Start) {
    self.explorer = explorer
    self.start = start
    let count = start.programs.count
    words = Array(repeating: Array(repeating: 0, count: CoreWord.count), count: count)
    pending = Array(repeating: [], count: count)
    states = start.isOn.map { $0 ? .ready : .off }
    histories = Array(repeating: History(), count: count)
    offsets = Array(repeating: 0, count: count)
    next = Array(repeating: 0, count: count)
    accepted = Array(repeating: [], count: count)
    begun = Array(repeating: [], count: count)
    stackPointers = (0..<count).map { 0x1000 + UInt64($0) }
    releasesAtRequest = Array(repeating: 0, count: count)
    link = ScriptedLink(script: start.script)
    // Freed in `end()`, as the others.
    let requests = UnsafeMutablePointer<DebugRequests>.allocate(capacity: 1)
    unsafe requests.initialize(to: DebugRequests(capacity: 4))
    unsafe self.requests = Fixed(requests)
    var features = ProcessorFeatures()
    features.dfr0 = 0x10_0000 | 0x5000 | 6
    for index in 0..<count {
      // Freed in `end()`.
      let frame = UnsafeMutablePointer<TrapFrame>.allocate(capacity: 1)
      unsafe frame.initialize(to: TrapFrame(pc: 0, pstate: .el1Reset))
      let vcpu = UnsafeMutablePointer<VCPU>.allocate(capacity: 1)
      unsafe vcpu.initialize(to: VCPU(index: index, features: features, frame: Fixed(frame)))
      unsafe vcpu.pointee.entryContext = UInt64(index)
      unsafe vcpus.append(Fixed<VCPU>(vcpu))
      words[index][Int(CoreWord.power.rawValue)] =
        (start.isOn[index] ? PSCI.Power.on : .off).rawValue
      words[index][Int(CoreWord.isAlive.rawValue)] = start.isOn[index] ? 1 : 0
      words[index][Int(CoreWord.mayRun.rawValue)] = 1
    }
    words[0][Int(CoreWord.standstill.rawValue)] = start.isHeld ? 1 : 0
    let place = UnsafeMutablePointer<DebugServer<CoresModel, ScriptedPort>>.allocate(
      capacity: 1)
    unsafe place.initialize(
      to: DebugServer(
        self,
        link: ScriptedPort(link: link) { [unowned self] in note($0.number) },
        machineIsHeld: start.isHeld))
    unsafe server = Fixed(place)
  }

  func end() {
    // The server refers back to this, so that no `deinit` would come.
    for vcpu in vcpus {
      let frame = unsafe vcpu.value.frame.rawPointer
      let place = unsafe vcpu.rawPointer.assumingMemoryBound(to: VCPU.self)
      unsafe place.deinitialize(count: 1)
      unsafe place.deallocate()
      unsafe frame.deallocate()
    }
    vcpus = []
    let requests = unsafe requests.rawPointer.assumingMemoryBound(to: DebugRequests.self)
    unsafe requests.deinitialize(count: 1)
    unsafe requests.deallocate()
    guard let server else { return }
    let place = unsafe server.rawPointer.assumingMemoryBound(
      to: DebugServer<CoresModel, ScriptedPort>.self)
    unsafe place.deinitialize(count: 1)
    unsafe place.deallocate()
    self.server = nil
  }

  // MARK: Points

  private func note(_ value: UInt64) { histories[current].add(value) }

  /// Another core may go on here.
  private func point() {
    let core = current
    explorer.point(core)
    current = core
  }

  private func wait(as state: State) {
    let core = current
    states[core] = state
    point()
    states[core] = .ready
  }

  func fail(_ message: String) { explorer.fail("vCPU \(current): \(message)") }

  // MARK: The guest

  private var isDraining: Bool { explorer.isDraining }

  /// What the core does from its first instruction at EL2 on, or from the guest's next where the vCPU is on at the
  /// beginning.
  func live(_ core: Int) {
    if word(.power, core) == PSCI.Power.onPending.rawValue {
      store(.isAlive, of: core, 1)
      Power(self).powerUp(vcpus[core])
      Standstill(self).waitUntilFirstRunnable(vcpus[core])
    }
    while !isDraining {
      Standstill(self).waitUntilRunnable(vcpus[core])
      if isDraining { return }
      vcpus[core].value.takeResumption()
      runGuest(core)
    }
  }

  /// Guest code up to the next exit. An interrupt that is pending at the entry comes after one instruction: it is
  /// taken in finite time, not at once (Arm ARM D1.3.4).
  private func runGuest(_ core: Int) {
    var isFirst = true
    while true {
      point()
      if isDraining { return }
      defer { isFirst = false }
      if !isFirst || next[core] == start.programs[core].count, let interrupt = pending[core].first {
        checkThatItMayRun(core)
        pending[core].removeFirst()
        note(0x100 | interrupt.rawValue)
        if interrupt == .link { serveDebugger() }
        Power(self).endIfAsked()
        return
      }
      checkThatItMayRun(core)
      let state = vcpus[core]
      let isStep = state.value.debug.debuggerStep == .requested
      guard next[core] < start.programs[core].count else {
        if isStep { return finishStep(core) }
        wait(as: .waiting)
        continue
      }
      let instruction = start.programs[core][next[core]]
      next[core] += 1
      state.value.frame.value.context.pc += 4
      note(UInt64(next[core]))
      switch instruction {
      case .work: break
      case .stop: return stop(core)
      case .turnOn(let target):
        // The x0 that the target begins with tells which call it was.
        let context = UInt64(core + 1) << 8 | UInt64(next[core])
        call(core, PSCI.Function.cpuOn.smc64, UInt64(target), 0x4000_0000, context)
        if state.value.frame.value.x[0] == 0 { accepted[target].append(context) }
        return
      case .turnOff:
        call(core, UInt64(PSCI.Function.cpuOff.rawValue))
        return
      case .powerOff:
        call(core, UInt64(PSCI.Function.systemOff.rawValue))
        return
      }
      if isStep { return finishStep(core) }
    }
  }

  private func finishStep(_ core: Int) {
    vcpus[core].value.debug.cancelStep()
    stop(core)
  }

  private func stop(_ core: Int) {
    vcpus[core].value.stop = .step
    Standstill(self).begin()
  }

  private func call(_ core: Int, _ function: UInt64, _ arguments: UInt64...) {
    let frame = vcpus[core].value.frame
    frame.value.x[0] = function
    for (n, argument) in arguments.enumerated() { frame.value.x[n + 1] = argument }
    Power(self).call(vcpus[core], isSMC: true)
  }

  private func checkThatItMayRun(_ core: Int) {
    let vcpu = vcpus[core]
    if vcpu.value.thread.standsStill { fail("moves while the debugger takes it to stand still") }
    if clock.virtualCount(at: time) == clock.virtualCount(at: time + 1) {
      fail("moves while the clock stands still")
    }
    if word(.power, core) != PSCI.Power.on.rawValue { fail("moves while it is off") }
    let virtualTime = time - offsets[core]
    if virtualTime < lastVirtualTime { fail("virtual time runs back") }
    lastVirtualTime = virtualTime
    time += 1
  }

  func word(_ word: CoreWord, _ core: Int) -> UInt32 { words[core][Int(word.rawValue)] }
}

// MARK: - What the hypervisor needs

extension CoresModel: Cores {
  var count: Int { words.count }

  func load(_ word: CoreWord, of core: Int) -> UInt32 {
    if isDraining { return drained(word) }
    point()
    if isDraining { return drained(word) }
    let value = self.word(word, core)
    note(UInt64(word.rawValue) << 40 | UInt64(core) << 32 | UInt64(value))
    return value
  }

  /// What lets every loop come to an end.
  private func drained(_ word: CoreWord) -> UInt32 {
    switch word {
    case .mayRun, .isAlive, .isParked: 1
    case .power: PSCI.Power.on.rawValue
    case .standstill, .request, .ending, .someEnding, .stage2Lock, .powerLock: 0
    }
  }

  func store(_ word: CoreWord, of core: Int, _ value: UInt32) {
    if isDraining { return }
    point()
    if isDraining { return }
    change(word, core, value)
  }

  func exchange(_ word: CoreWord, of core: Int, _ value: UInt32) -> UInt32 {
    if isDraining { return 0 }
    point()
    if isDraining { return 0 }
    let old = self.word(word, core)
    change(word, core, value)
    note(UInt64(old))
    return old
  }

  func compareExchange(
    _ word: CoreWord, of core: Int, from expected: UInt32, to new: UInt32
  ) -> Bool {
    if isDraining { return false }
    point()
    if isDraining { return false }
    let isExpected = self.word(word, core) == expected
    if isExpected { change(word, core, new) }
    note(isExpected ? 1 : 0)
    return isExpected
  }

  private func change(_ word: CoreWord, _ core: Int, _ value: UInt32) {
    if words[core][Int(word.rawValue)] != value { changes += 1 }
    words[core][Int(word.rawValue)] = value
    if word == .standstill, value == 0 { releases += 1 }
    if word == .request {
      switch CoreWord.Asked(rawValue: value) {
      case .asked: releasesAtRequest[core] = releases
      case .taken where releasesAtRequest[core] != releases:
        fail("does what the debugger was told could not be done, after the guest has run")
      default: break
      }
    }
    note(UInt64(word.rawValue) << 40 | UInt64(core) << 32 | UInt64(value) | 1 << 60)
  }

  func interrupt(_ core: Int) {
    if isDraining { return }
    point()
    if isDraining { return }
    note(0x300 | UInt64(core))
    guard states[core] != .off else { return }
    raise(.kick, core)
  }

  func raise(_ interrupt: Interrupt, _ core: Int) {
    changes += 1
    if !pending[core].contains(interrupt) { pending[core].append(interrupt) }
  }

  func waitForInterrupt() {
    if isDraining { return }
    wait(as: .waiting)
  }

  func yield() {
    if isDraining { return }
    wait(as: .polling(changes))
  }

  var counter: UInt64 {
    time += 1
    return time
  }

  var counterFrequency: UInt64 { 1 << 40 }
}

extension CoresModel: Platform {
  struct NoCounters: CounterHardware {
    var hasCounters: Bool { false }
    mutating func readControl() -> UInt64 { 0 }
    mutating func writeControl(_ value: UInt64) {}
    mutating func synchronize() {}
  }

  /// A core that has a stack pointer.
  struct StackPointer: ViewHardware {
    let model: CoresModel
    let core: Int
    mutating func read(_ register: GuestSystemRegister) -> UInt64 { 0 }
    mutating func write(_ register: GuestSystemRegister, _ value: UInt64) -> Bool { false }
    mutating func readVector(_ n: Int) -> RegisterValue { RegisterValue() }
    mutating func writeVector(_ n: Int, _ value: RegisterValue) {}
    var fpsr: UInt64 {
      get { 0 }
      nonmutating set {}
    }
    var fpcr: UInt64 {
      get { 0 }
      nonmutating set {}
    }
    var spEL0: UInt64 {
      get { model.stackPointers[core] }
      nonmutating set { model.setStackPointer(newValue, core) }
    }
    var spEL1: UInt64 {
      get { model.stackPointers[core] }
      nonmutating set { model.setStackPointer(newValue, core) }
    }
    mutating func accessDevice(_ physical: PhysicalAddress, size: Int, writing value: UInt64?)
      -> UInt64?
    {
      nil
    }
  }

  /// No address leads anywhere.
  struct NoMemory: GuestAddressHardware {
    struct NoCaches: Caches {
      var lineSize: UInt64 { 64 }
      mutating func cleanAndInvalidate(_ address: UInt64) {}
      mutating func invalidateInstructions() {}
      mutating func complete() {}
      mutating func synchronize() {}
    }
    var caches: NoCaches { NoCaches() }
    func translate(
      _ address: VirtualAddress, from el: ExceptionLevel, isStore: Bool
    ) -> TranslationResult? { nil }
    func fetch(_ pc: VirtualAddress) -> UInt32? { nil }
    func place(of address: IntermediateAddress) -> GuestPlace { .withheld }
    func load(_ size: UInt64, at address: PhysicalAddress) -> UInt64? { nil }
    func store(_ size: UInt64, _ value: UInt64, at address: PhysicalAddress) -> Bool { false }
    func compareAndExchange(
      _ size: UInt64, at address: PhysicalAddress, expected: ExclusiveValue,
      replacement: ExclusiveValue
    ) -> Bool? { nil }
    func load(
      _ instructions: inout InlineArray<16, UInt32>, count: Int, from address: PhysicalAddress
    ) -> Bool { false }
    func copy(
      from address: PhysicalAddress, to bytes: inout MutableSpan<UInt8>, at offset: Int, count: Int
    ) -> Bool { false }
    func copy(
      to address: PhysicalAddress, from bytes: Span<UInt8>, at offset: Int, count: Int
    ) -> Bool { false }
  }

  private func setStackPointer(_ value: UInt64, _ core: Int) {
    if !isDraining { stackPointers[core] = value }
  }

  func vcpu(_ index: Int) -> Fixed<VCPU> { vcpus[index] }
  var linkCore: Int { 0 }
  var counters: NoCounters { NoCounters() }
  var viewHardware: StackPointer { StackPointer(model: self, core: current) }
  func captureGuestState(of vcpu: Fixed<VCPU>) {}
  func beginWaiting(_ vcpu: Fixed<VCPU>) {}
  func endWaiting(_ vcpu: Fixed<VCPU>) {}

  func takeOwnInterrupt(_ vcpu: Fixed<VCPU>) {
    if isDraining { return }
    guard let interrupt = pending[current].first else { return note(0x200) }
    pending[current].removeFirst()
    note(0x201 | interrupt.rawValue)
  }

  func setVirtualOffset(_ offset: UInt64) {
    offsets[current] = offset
  }

  func resetGuestRegisters(of vcpu: Fixed<VCPU>) {
    if isDraining { return }
    let context = vcpu.value.frame.value.x[0]
    note(context)
    begun[current].append(context)
  }

  func stopInterrupts(of vcpu: Fixed<VCPU>) {
    if isDraining { return }
    point()
    note(0x400)
  }

  func standBy(_ vcpu: Fixed<VCPU>) {}
  func vcpu(affinity: UInt64) -> Int? { affinity < UInt64(count) ? Int(affinity) : nil }
  func isGuestMemory(_ address: UInt64) -> Bool { true }
  func isGuests(_ physical: PhysicalAddress) -> Bool { true }
  var addressSpace: GuestAddressSpace<NoMemory> { GuestAddressSpace(hardware: NoMemory()) }
  var hasTrustedOS: Bool { false }
  var hasFirmware: Bool { true }
  var powerStateFormat: PSCI.PowerState.Format { .original }

  /// It refuses everything: what follows a refusal is more than what follows an end.
  func callFirmware(_ call: PSCI.Call) -> UInt64 { UInt64(bitPattern: -1) }
  var canEndMachine: Bool { true }
  func endMachine(_ call: PSCI.Call) -> UInt64 { callFirmware(call) }
  func passToFirmware(_ frame: Fixed<TrapFrame>) {}

  func startCore(_ core: Int) -> PSCI.Status {
    if isDraining { return .success }
    point()
    note(0x500 | UInt64(core))
    if states[core] != .off { fail("core \(core) is started twice") }
    states[core] = .ready
    return .success
  }

  func serveDebugger() {
    if isDraining { return }
    server?.value.serve()
  }

  func tellDebuggerOfEnd() {
    if isDraining { return }
    server?.value.machineEnds()
  }

  func say(_ text: StaticString) {}
}

extension PortEvent {
  fileprivate var number: UInt64 {
    switch self {
    case .opened: 0x1000
    case .closed: 0x1001
    case .failed: 0x1002
    case .received(let byte): UInt64(byte)
    }
  }
}
