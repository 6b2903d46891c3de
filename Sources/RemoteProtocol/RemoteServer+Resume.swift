extension RemoteServer where Machine: ~Copyable, Link: ~Copyable {
  // MARK: vCont

  /// `vCont;action[:thread];…`: each vCPU does what the first action that fits it says, and is held
  /// if none does.
  mutating func resumeThreads(_ target: inout Machine) throws(RemoteError) {
    let start = receiver.packet.position
    var runs = false
    // The whole packet is judged before the first vCPU is told anything.
    for vcpu in 0..<target.vcpuCount {
      let action = try takeAction(for: vcpu, from: start, &target)
      if action != .hold, target.isPoweredOn(vcpu) { runs = true }
    }
    guard runs else { throw refusal() }
    for vcpu in 0..<target.vcpuCount {
      target.setAction(try takeAction(for: vcpu, from: start, &target), for: vcpu)
    }
    run(&target)
  }

  /// Reads all actions from position `start` on.
  private mutating func takeAction(
    for vcpu: Int, from start: Int, _ target: inout Machine
  ) throws(RemoteError) -> ResumeAction {
    var chosen: ResumeAction?
    receiver.packet.rewind(to: start)
    repeat {
      let action = try takeAction()
      let selection = receiver.packet.take(":") ? try takeThread(&target) : .all
      let fits =
        switch selection {
        case .all: true
        case .any: vcpu == stop.vcpu
        case .one(let number): vcpu == number
        }
      if fits, chosen == nil { chosen = action }
    } while receiver.packet.take(";")
    try receiver.packet.expectEnd()
    return chosen ?? .hold
  }

  private mutating func takeAction() throws(RemoteError) -> ResumeAction {
    switch receiver.packet.takeByte() {
    case UInt8(ascii: "c"): return .continue
    case UInt8(ascii: "s"): return .step
    case UInt8(ascii: "C"):
      try takeSignal()
      return .continue
    case UInt8(ascii: "S"):
      try takeSignal()
      return .step
    case nil: throw .malformed
    default: throw .unsupported
    }
  }

  /// Nothing would ever run. A debugger that takes no sentence with its errors waits for a stop now, and
  /// console output is allowed.
  private mutating func refusal() -> RemoteError {
    let error = RemoteError.nothingRuns
    if sender.errorForm == .code {
      sender.beginConsole()
      sender.write(error.sentence)
      sender.write("\n")
      sender.endConsole()
    }
    return error
  }

  // MARK: c, C, s, S

  /// The packets from before `vCont`: `c` resumes the thread that `Hc` chose, or all; `s` steps that
  /// thread, or the one that stopped, and holds the others.
  mutating func resume(_ command: UInt8, _ target: inout Machine) throws(RemoteError) {
    let isStep = command == UInt8(ascii: "s") || command == UInt8(ascii: "S")
    if command == UInt8(ascii: "C") || command == UInt8(ascii: "S") { try takeSignal() }
    // An address to go on at may follow; no debugger has sent one for decades, they set the pc.
    guard receiver.packet.isAtEnd else { throw .unsupported }

    let chosen: Int?
    if isStep {
      chosen = session.continueThread ?? stop.vcpu
    } else {
      chosen = session.continueThread
    }
    if let chosen, !target.isPoweredOn(chosen) { throw refusal() }
    for vcpu in 0..<target.vcpuCount {
      let isMeant = chosen == nil || vcpu == chosen
      target.setAction(isMeant ? (isStep ? .step : .continue) : .hold, for: vcpu)
    }
    run(&target)
  }

  /// Reads a signal number. A machine knows no signals, so it goes on without it.
  @inline(never)
  private mutating func takeSignal() throws(RemoteError) {
    guard let high = receiver.packet.takeByte(), let low = receiver.packet.takeByte(),
      Hex.value(high) != nil, Hex.value(low) != nil
    else { throw .malformed }
  }

  // MARK: Attaching, letting go and starting over

  /// `vAttach;pid`: takes the machine up again, in extended mode.
  mutating func attach(_ target: inout Machine) throws(RemoteError) {
    try receiver.packet.expect(";")
    try takeProcess()
    try receiver.packet.expectEnd()
    session.hasLetGo = false
    session.generalThread = nil
    session.continueThread = nil
    appendStopReply(for: stop, target: &target)
  }

  /// `D`: the debugger leaves, and the machine goes on. The process may be named.
  mutating func detach(_ target: inout Machine) throws(RemoteError) {
    if receiver.packet.take(";") { try takeProcess() }
    try receiver.packet.expectEnd()
    letGo(&target)
    sender.write("OK")
  }

  /// `vKill;pid`: a debugger that "kills" wants to be rid of the program; a machine is only let go.
  mutating func kill(_ target: inout Machine) throws(RemoteError) {
    if receiver.packet.take(";") { try takeProcess() }
    try receiver.packet.expectEnd()
    letGo(&target)
    sender.write("OK")
  }

  /// `vRun`: starts the program. Its answer is the stop at the program's start, and a machine that is
  /// reset does not remember that it owes one. So it is "not supported" where there is a reset, and
  /// GDB then asks for that, by `R`.
  mutating func startProgram(_ target: inout Machine) throws(RemoteError) {
    guard target.canReset else {
      throw RemoteError(0x95, "This machine has no firmware that could reset it: start it anew")
    }
  }

  /// `R XX`: resets the machine, in extended mode. GDB sends one digit.
  mutating func restart(_ target: inout Machine) throws(RemoteError) {
    _ = try receiver.packet.takeNumber()
    try receiver.packet.expectEnd()
    guard session.agreed.isExtended else { return }
    if target.canReset { target.reset() }
    session.hasLetGo = false
    session.couldNotReset = true
  }

  /// Forgets the debugger, and lets the machine run, if it does not anyway. In extended mode the debugger stays,
  /// and what was agreed with it.
  @inline(never)
  mutating func letGo(_ target: inout Machine) {
    let agreed = session.agreed
    let errorForm = sender.errorForm
    forgetDebugger(&target)
    if agreed.isExtended {
      session.agreed = agreed
      session.hasLetGo = true
      sender.errorForm = errorForm
    }
    if standsStill(&target) { resumeAll(&target) }
  }

  /// Lets the machine run for nobody in particular.
  @inline(never)
  mutating func resumeAll(_ target: inout Machine) {
    for vcpu in 0..<target.vcpuCount { target.setAction(.continue, for: vcpu) }
    release(&target)
  }

  /// Lets the machine run; the debugger is told when it stops.
  @inline(never)
  private mutating func run(_ target: inout Machine) {
    session.owesStopReply = true
    session.hasLetGo = false
    if session.keepsInterrupt {
      // Ctrl-C was pressed after the last stop: nothing runs, not even one step.
      targetDidStop(StopEvent(vcpu: stop.vcpu, cause: .interrupted), target: &target)
      return
    }
    release(&target)
  }
}
