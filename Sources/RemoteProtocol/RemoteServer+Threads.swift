/// Which threads a packet means (GDB manual, "thread-id syntax").
enum ThreadSelection: Equatable {
  /// `-1`.
  case all
  /// `0`: the server may choose.
  case any
  /// The thread of this vCPU.
  case one(Int)
}

extension RemoteServer where Machine: ~Copyable, Link: ~Copyable {
  // MARK: Thread ids

  /// Reads a thread id: vCPU n is thread n + 1, as 0 and -1 have meanings of their own.
  ///
  /// `thread`, `pP.T` and `pP` are taken, whatever was agreed. The machine is process 1.
  @inline(never)
  mutating func takeThread(_ target: inout Machine) throws(RemoteError) -> ThreadSelection {
    guard receiver.packet.take("p") else { return try takePlainThread(&target) }
    let namesAll = receiver.packet.take("-1")
    // Process 0 is any, and there is only the one.
    if !namesAll, !receiver.packet.takeName("0") { try takeProcess() }
    guard receiver.packet.take(".") else { return .all }
    let selection = try takePlainThread(&target)
    // "All processes, thread 2" is an error by the manual.
    if namesAll, selection != .all { throw .malformed }
    return selection
  }

  private mutating func takePlainThread(
    _ target: inout Machine
  ) throws(RemoteError) -> ThreadSelection {
    if receiver.packet.take("-1") { return .all }
    let id = try receiver.packet.takeNumber()
    if id == 0 { return .any }
    guard id <= UInt64(target.vcpuCount) else { throw .noSuchThread }
    return .one(Int(id) &- 1)
  }

  /// Reads a process id, which must be that of the machine: 1.
  ///
  /// Where none was agreed on, it may be any: it is of a debugger that has agreed with the server of the
  /// machine before it was reset, and has made up a number since.
  mutating func takeProcess() throws(RemoteError) {
    let id = try receiver.packet.takeNumber()
    guard id == 1 || !session.agreed.namesProcesses else { throw .noSuchProcess }
  }

  /// Reads the id of a single thread.
  @inline(never)
  mutating func takeOneThread(_ target: inout Machine) throws(RemoteError) -> Int {
    guard case .one(let vcpu) = try takeThread(&target) else { throw .noSuchThread }
    return vcpu
  }

  /// Reads LLDB's suffix `;thread:<id>;` and the end of the packet.
  ///
  /// - Returns: the vCPU that it names or, without it, the one that `Hg` chose.
  mutating func takeThreadSuffix(_ target: inout Machine) throws(RemoteError) -> Int {
    guard receiver.packet.take(";thread:") else {
      try receiver.packet.expectEnd()
      return generalThread
    }
    let vcpu = try takeOneThread(&target)
    _ = receiver.packet.take(";")
    try receiver.packet.expectEnd()
    return vcpu
  }

  /// The vCPU that packets about registers mean.
  var generalThread: Int { session.generalThread ?? stop.vcpu }

  /// The vCPU through whose eyes packets about memory see it: the same or, where that is powered off and
  /// sees nothing, one that is on.
  mutating func memoryThread(_ target: inout Machine) -> Int {
    if target.isPoweredOn(generalThread) { return generalThread }
    if target.isPoweredOn(stop.vcpu) { return stop.vcpu }
    for vcpu in 0..<target.vcpuCount where target.isPoweredOn(vcpu) { return vcpu }
    return generalThread
  }

  /// The vCPU that a stop names which none of them caused: one that was to run, for a debugger that has
  /// let only some go on is not told of another; and of those one that is powered on, if any is.
  ///
  /// - Parameter last: the one to name if others are as good: the one that the debugger was told of
  ///   last, so that its user stays where he was. For a debugger that has just come it is the first,
  ///   for GDB numbers threads as it meets them.
  mutating func interruptedThread(last: Int, _ target: inout Machine) -> Int {
    var chosen = last
    var best = rank(chosen, &target)
    for vcpu in 0..<target.vcpuCount {
      let rank = rank(vcpu, &target)
      guard rank > best else { continue }
      chosen = vcpu
      best = rank
    }
    return chosen
  }

  private mutating func rank(_ vcpu: Int, _ target: inout Machine) -> Int {
    (target.action(of: vcpu) == .hold ? 0 : 2) &+ (target.isPoweredOn(vcpu) ? 1 : 0)
  }

  mutating func appendThread(_ vcpu: Int) {
    if session.agreed.namesProcesses { sender.write("p1.") }
    sender.write(hex: UInt64(truncatingIfNeeded: vcpu) &+ 1)
  }

  // MARK: Packets

  /// `H`: chooses the thread for the packets that name none.
  mutating func selectThread(_ target: inout Machine) throws(RemoteError) {
    let isForResume = receiver.packet.take("c")
    if !isForResume { try receiver.packet.expect("g") }
    let selection = try takeThread(&target)
    try receiver.packet.expectEnd()

    var chosen: Int?
    if case .one(let vcpu) = selection { chosen = vcpu }
    if isForResume {
      session.continueThread = chosen
    } else {
      session.generalThread = chosen
    }
    sender.write("OK")
  }

  /// `qfThreadInfo`: all threads in one answer. Those of vCPUs that are powered off are among them: a
  /// debugger numbers threads as it meets them, and its scripts count on thread n being vCPU n - 1.
  ///
  /// In extended mode a debugger that has let the machine go has no program, and so no threads.
  mutating func listThreads(_ target: inout Machine) {
    if session.hasLetGo {
      sender.write("l")
      return
    }
    sender.write("m")
    appendThreads(&target)
  }

  /// The ids of all threads, with commas between.
  @inline(never)
  mutating func appendThreads(_ target: inout Machine) {
    var isFirst = true
    for vcpu in 0..<target.vcpuCount {
      if !isFirst { sender.write(",") }
      isFirst = false
      appendThread(vcpu)
    }
  }

  /// `qThreadExtraInfo`: what the thread is doing, for the user.
  mutating func describeThread(_ target: inout Machine) throws(RemoteError) {
    try receiver.packet.expect(",")
    let vcpu = try takeOneThread(&target)
    try receiver.packet.expectEnd()
    sender.beginHex()
    target.writeStatus(of: vcpu, to: &sender)
    sender.endHex()
  }

  /// The document of `qXfer:threads` (GDB manual, "Thread List Format").
  mutating func writeThreadDocument(_ target: inout Machine) {
    sender.write("<?xml version=\"1.0\"?>\n<threads>\n")
    for vcpu in 0..<(session.hasLetGo ? 0 : target.vcpuCount) {
      sender.write("<thread id=\"")
      appendThread(vcpu)
      sender.write("\" core=\"")
      sender.write(decimal: UInt64(truncatingIfNeeded: target.core(of: vcpu)))
      sender.write("\" name=\"cpu")
      sender.write(decimal: UInt64(truncatingIfNeeded: vcpu))
      sender.write("\">")
      target.writeStatus(of: vcpu, to: &sender)
      sender.write("</thread>\n")
    }
    sender.write("</threads>\n")
  }
}
