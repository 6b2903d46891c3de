extension RemoteServer where Machine: ~Copyable, Link: ~Copyable {
  /// `qThreadStopInfo` (LLDB): why this thread stands still.
  mutating func describeStop(_ target: inout Machine) throws(RemoteError) {
    let vcpu = try takeOneThread(&target)
    try receiver.packet.expectEnd()
    if vcpu == stop.vcpu {
      appendStopReply(for: stop, target: &target)
    } else {
      // It was only stopped because another one was: signal 0.
      sender.write("T00")
      appendThreadState(of: vcpu, target: &target)
    }
  }

  /// The stop reply packet `T` (GDB manual, "Stop Reply Packets").
  @inline(never)
  mutating func appendStopReply(for stop: StopEvent, target: inout Machine) {
    noteReport(&target)
    // SIGINT where the debugger pressed Ctrl-C, otherwise SIGTRAP.
    sender.write(stop.cause == .interrupted ? "T02" : "T05")
    appendThreadState(of: stop.vcpu, target: &target)
    if session.agreed.listsThreads { appendThreadList(&target) }
    appendCause(stop.cause)
  }

  /// The registers that a debugger asks for after each stop, and where they come from.
  private mutating func appendThreadState(of vcpu: Int, target: inout Machine) {
    var index = 0
    while let number = target.expeditedRegister(at: index) {
      appendExpedited(number, of: vcpu, target: &target)
      index &+= 1
    }
    sender.write("thread:")
    appendThread(vcpu)
    sender.write(";name:cpu")
    sender.write(decimal: UInt64(truncatingIfNeeded: vcpu))
    sender.write(";core:")
    sender.write(hex: UInt64(truncatingIfNeeded: target.core(of: vcpu)))
    sender.write(";")
  }

  /// The same as ``loadRegister(_:of:target:)`` for an answer that goes without a register whose core does not
  /// answer.
  private mutating func knownRegister(
    _ number: Int, of vcpu: Int, target: inout Machine
  ) -> Int? {
    do throws(RemoteError) {
      return try loadRegister(number, of: vcpu, target: &target)
    } catch { return nil }
  }

  private mutating func appendExpedited(
    _ number: Int, of vcpu: Int, target: inout Machine
  ) {
    guard let size = knownRegister(number, of: vcpu, target: &target) else { return }
    sender.write(hex: UInt64(truncatingIfNeeded: number))
    sender.write(":")
    sender.append(hexBytes: scratch.span.extracting(first: size))
    sender.write(";")
  }

  /// LLDB's `threads` and `thread-pcs`, which save it a question for each thread.
  private mutating func appendThreadList(_ target: inout Machine) {
    sender.write("threads:")
    appendThreads(&target)
    sender.write(";thread-pcs:")
    var isFirst = true
    for vcpu in 0..<target.vcpuCount {
      if !isFirst { sender.write(",") }
      isFirst = false
      sender.write(hex: programCounter(of: vcpu, target: &target))
    }
    sender.write(";")
  }

  private mutating func programCounter(of vcpu: Int, target: inout Machine) -> UInt64 {
    guard let size = knownRegister(Machine.programCounter, of: vcpu, target: &target) else {
      return 0
    }
    var address: UInt64 = 0
    for index in 0..<min(size, 8) { address |= UInt64(scratch[index]) << UInt64(8 &* index) }
    return address
  }

  /// What happened: GDB's key, where GDB said that it knows it, and then LLDB's.
  private mutating func appendCause(_ cause: StopEvent.Cause) {
    switch cause {
    case .held: sender.write("reason:trap;")
    case .interrupted: sender.write("reason:signal;")
    case .stepped: sender.write("reason:trace;")
    case .softwareBreakpoint:
      if session.agreed.understandsSoftwareBreak { sender.write("swbreak:;") }
      sender.write("reason:breakpoint;")
    case .hardwareBreakpoint:
      if session.agreed.understandsHardwareBreak { sender.write("hwbreak:;") }
      sender.write("reason:breakpoint;")
    case .watchpoint(let watched, let address):
      switch watched {
      case .write: sender.write("watch:")
      case .read: sender.write("rwatch:")
      case .access: sender.write("awatch:")
      }
      sender.write(hex: address)
      sender.write(";reason:watchpoint;description:")
      sender.beginHex()
      sender.write(decimal: address)
      sender.endHex()
      sender.write(";")
    }
  }
}
