internal import ArmDebug
internal import EL2Support
internal import NestedDebug
internal import RemoteProtocol

/// The guest as the protocol server sees it. It belongs to the link core, and touches other vCPUs
/// while they stand still.
struct GuestTarget: Target {
  /// The current standstill has been reported to the server.
  var standstillIsReported = false
  /// The machine has not run yet.
  private var isHeld: Bool
  /// The vCPU of the last stop that one caused.
  private var lastStop = 0
  private var points = PointTable()

  init(isHeld: Bool) { self.isHeld = isHeld }

  // MARK: vCPUs

  var vcpuCount: Int { EL2.shared.value.machine.vcpuCount }

  func isPoweredOn(_ vcpu: Int) -> Bool {
    CoreWord.power.load(vcpu) == PSCI.Power.on.rawValue
  }

  func core(of vcpu: Int) -> Int { vcpu }

  mutating func writeStatus(of vcpu: Int, to output: inout some TextOutput & ~Copyable) {
    output.write("vCPU ")
    output.write(decimal: UInt64(vcpu))
    guard isPoweredOn(vcpu) else {
      output.write(", off")
      return
    }
    output.write(", EL")
    let pstate = EL2.vcpu(vcpu).value.frame.value.context.pstate
    output.write(decimal: UInt64(pstate.el.rawValue))
    if pstate.isAArch32 { output.write(" AArch32") }
    output.write(EL2.vcpu(vcpu).value.debug.mode == .shared ? ", shared" : ", native")
  }

  // MARK: Running and standing still

  mutating func stopAll() { Standstill.begin() }

  mutating func setAction(_ action: ResumeAction, for vcpu: Int) {
    actions[vcpu & (maximumVCPUs &- 1)] = action
  }
  private var actions = InlineArray<8, ResumeAction>(repeating: .continue)

  func action(of vcpu: Int) -> ResumeAction { actions[vcpu & (maximumVCPUs &- 1)] }

  @_optimize(size)
  mutating func resume() {
    standstillIsReported = false
    isHeld = false
    for vcpu in 0..<vcpuCount where actions[vcpu] != .hold && isPoweredOn(vcpu) {
      // Not for those that are held: a debugger takes its points away while it steps another vCPU,
      // and puts them back before it lets these go on.
      dropStopWithoutCause(vcpu)
      // One that is still to be reported: nothing runs, and it is reported now.
      if EL2.vcpu(vcpu).value.stop != nil { return }
    }
    EL2.shared.value.clock.start(at: el2_read_cntpct_el0())
    for vcpu in 0..<vcpuCount {
      EL2.vcpu(vcpu).value.resumption = actions[vcpu]
      Standstill.setMayRun(vcpu, actions[vcpu] != .hold)
    }
    Standstill.end()
  }

  /// A pending stop of a point that the debugger has removed since is no longer one.
  private func dropStopWithoutCause(_ vcpu: Int) {
    let state = EL2.vcpu(vcpu)
    switch state.value.stop {
    case .breakpoint(let address):
      if points.breakpointKind(at: address) == nil { state.value.stop = nil }
    case .watchpoint(let address, let kind):
      if points.watchpoint(covering: address, kind: kind) == nil { state.value.stop = nil }
    case .step, nil: break
    }
  }

  /// The reason of the standstill that is to be reported, which is thereby taken.
  @_optimize(size)
  mutating func takeStop() -> StopEvent {
    if isHeld { return StopEvent(vcpu: EL2.shared.value.linkCore, cause: .held) }
    // Round robin, so that a vCPU that stops all the time does not hide another's stop for ever.
    for distance in 1...vcpuCount {
      let vcpu = (lastStop &+ distance) % vcpuCount
      let state = EL2.vcpu(vcpu)
      guard actions[vcpu] != .hold, let reason = state.value.stop else { continue }
      state.value.stop = nil
      lastStop = vcpu
      return StopEvent(vcpu: vcpu, cause: cause(of: reason))
    }
    // The server names one that was to run.
    return StopEvent(vcpu: lastStop, cause: .interrupted)
  }

  var canReset: Bool { Firmware.isPresent }

  /// As a guest that calls SYSTEM_RESET does, but from the link core itself: no debugger waits to be
  /// told.
  mutating func reset() {
    _ = Firmware.call(PSCI.Call(x0: UInt64(PSCI.Function.systemReset.rawValue)))
  }

  mutating func writeNotice(
    beside stop: StopEvent, to output: inout some TextOutput & ~Copyable
  ) {
    for vcpu in 0..<vcpuCount {
      MissedReport.write(vcpu, to: &output)
      EL2.vcpu(vcpu).value.debug.forgetMissed()
    }
    explainWatch(of: stop, to: &output)
  }

  /// A debugger that watches a device register cannot see it change while its memory packets do not reach it.
  private mutating func explainWatch(
    of stop: StopEvent, to output: inout some TextOutput & ~Copyable
  ) {
    let shared = EL2.shared
    guard case .watchpoint(_, let address) = stop.cause, !shared.value.devices.isOn,
      !shared.value.devices.watchIsExplained, case .other = translate(address, of: stop.vcpu)
    else { return }
    shared.value.devices.watchIsExplained = true
    GuestDevices.explainWatch(at: address, to: &output)
  }

  private func cause(of reason: StopReason) -> StopEvent.Cause {
    switch reason {
    case .breakpoint(let address):
      return points.breakpointKind(at: address) == .softwareBreakpoint
        ? .softwareBreakpoint : .hardwareBreakpoint
    case .watchpoint(let watched, let kind):
      let address = points.addressAsNamed(watched, kind: kind)
      return switch kind {
      case .load: .watchpoint(.read, address: address)
      case .store: .watchpoint(.write, address: address)
      case .any: .watchpoint(.access, address: address)
      }
    case .step: return .stepped
    }
  }

  // MARK: Registers

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

  @_optimize(size)
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

  // MARK: Memory

  mutating func readMemory(
    at address: UInt64, of vcpu: Int, into bytes: inout MutableSpan<UInt8>
  ) -> Int {
    var done = 0
    while done < bytes.count {
      let from = address &+ UInt64(done)
      switch translate(from, of: vcpu) {
      case .memory(let physical):
        let count = GuestMemory.bytesInPage(from: from, atMost: bytes.count &- done)
        GuestMemory.read(physical, into: &bytes, at: done, count: count)
        done &+= count
      case .other(let physical):
        // Never a part of what was asked for: that would be another access than the one wanted.
        guard done == 0,
          var value = accessDevice(address, physical, of: vcpu, count: bytes.count, writing: nil)
        else { return done }
        for index in bytes.indices {
          bytes[index] = UInt8(truncatingIfNeeded: value)
          value &>>= 8
        }
        return bytes.count
      case .withheld:
        if done == 0 { EL2.shared.value.devices.noteWithheld(address, count: bytes.count) }
        return done
      case .nothing: return done
      }
    }
    return done
  }

  mutating func writeMemory(at address: UInt64, of vcpu: Int, from bytes: Span<UInt8>) -> Bool {
    switch translate(address, of: vcpu) {
    case .memory, .nothing: break
    case .other(let physical):
      var value: UInt64 = 0
      for index in bytes.indices.reversed() { value = value &<< 8 | UInt64(bytes[index]) }
      return accessDevice(address, physical, of: vcpu, count: bytes.count, writing: value) != nil
    case .withheld:
      EL2.shared.value.devices.noteWithheld(address, count: bytes.count)
      return false
    }
    // Everything is translated first, so that a write is done whole or not at all.
    return write(at: address, of: vcpu, from: bytes, onlyTranslates: true)
      && write(at: address, of: vcpu, from: bytes, onlyTranslates: false)
  }

  @inline(never)
  private func write(
    at address: UInt64, of vcpu: Int, from bytes: Span<UInt8>, onlyTranslates: Bool
  ) -> Bool {
    var done = 0
    while done < bytes.count {
      let from = address &+ UInt64(done)
      guard case .memory(let physical) = translate(from, of: vcpu) else { return false }
      let count = GuestMemory.bytesInPage(from: from, atMost: bytes.count &- done)
      if !onlyTranslates { GuestMemory.write(physical, from: bytes, at: done, count: count) }
      done &+= count
    }
    return true
  }

  /// One access of a device register: what was read (0 for a write), or nil if none was made or it failed.
  private func accessDevice(
    _ address: UInt64, _ physical: UInt64, of vcpu: Int, count: Int, writing value: UInt64?
  ) -> UInt64? {
    let shared = EL2.shared
    let isGuests = Stage2.isGuests(physical, shared.value.machine)
    guard shared.value.devices.isOn,
      shared.value.devices.permits(address, count: count, isGuests: isGuests)
    else { return nil }
    var request = CoreRequest(
      kind: value == nil ? .readDevice(size: count) : .writeDevice(size: count))
    request.low = value ?? 0
    request.high = physical
    let done = Standstill.perform(request, on: vcpu)
    guard done.succeeded else {
      shared.value.devices.noteFault(address, count: count)
      return nil
    }
    return done.low
  }

  /// What lies behind a virtual address.
  private enum Destination {
    /// The guest's RAM, at this physical address.
    case memory(UInt64)
    /// Something else: a device, or nothing at all.
    case other(UInt64)
    /// Something that stage 2 keeps from the guest.
    case withheld
    /// The vCPU does not map it.
    case nothing
  }

  private func translate(_ address: UInt64, of vcpu: Int) -> Destination {
    var request = CoreRequest(kind: .translate)
    request.low = address
    let done = Standstill.perform(request, on: vcpu)
    guard done.succeeded else { return .nothing }
    guard let physical = GuestMemory.physicalAddress(ofPAR: done.low, address: address) else {
      return TranslationResult(par: done.low).isStage2Fault ? .withheld : .nothing
    }
    return EL2.shared.value.machine.isGuestMemory(physical) ? .memory(physical) : .other(physical)
  }

  // MARK: Breakpoints and watchpoints

  @_optimize(size)
  mutating func insert(_ point: Point) throws(PointError) {
    if points.contains(point) { return }
    try point.check(virtualAddressBits: virtualAddressBits)
    let shared = EL2.shared
    var requests = shared.value.requests
    do throws(RequestError) {
      if let kind = point.kind.accessKind {
        try requests.insertWatchpoint(at: point.address, length: point.length, kind: kind)
      } else {
        try requests.insertBreakpoint(at: point.address)
      }
    } catch {
      throw error == .full ? .exhausted : .invalid
    }
    // What the guest holds is no reason: the request waits until there is room, and that is said.
    for vcpu in 0..<vcpuCount where !EL2.vcpu(vcpu).value.debug.fits(requests) {
      throw .exhausted
    }
    guard points.insert(point) else { throw .exhausted }
    shared.value.requests = requests
  }

  @_optimize(size)
  mutating func remove(_ point: Point) {
    guard points.contains(point) else { return }
    points.remove(point)
    let shared = EL2.shared
    if let kind = point.kind.accessKind {
      shared.value.requests.removeWatchpoint(
        at: point.address, length: point.length, kind: kind)
    } else if !points.hasEquivalent(of: point) {
      shared.value.requests.removeBreakpoint(at: point.address)
    }
  }

  /// How many bits a virtual address has on one of the cores at least. A point that any of them could
  /// meet is no mistake.
  private var virtualAddressBits: Int {
    var bits = 48
    for vcpu in 0..<vcpuCount {
      bits = max(bits, EL2.vcpu(vcpu).value.features.virtualAddressBits)
    }
    return bits
  }

  mutating func removeAllPoints() {
    points.removeAll()
    EL2.shared.value.requests.removeAll()
    // The next debugger may be somebody else's.
    EL2.shared.value.devices.isOn = false
    EL2.shared.value.devices.watchIsExplained = false
  }

  // MARK: Description

  /// Not a Linux triple: LLDB would look for a dynamic loader.
  static var triple: StaticString { "aarch64-none-elf" }

  static var watchpointsStopBeforeAccess: Bool { true }

  mutating func writeTargetDescription(to output: inout some TextOutput & ~Copyable) {
    Hypervisor.writeTargetDescription(to: &output)
  }

  var loadSlide: UInt64? { nil }

  // MARK: The user's own commands

  mutating func monitor(_ command: Span<UInt8>, output: inout some TextOutput & ~Copyable) {
    Monitor.run(command, output: &output)
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
