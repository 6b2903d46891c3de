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
  @inline(never)
  mutating func takeThread(_ target: inout Machine) throws(RemoteError) -> ThreadSelection {
    if receiver.packet.take("-1") { return .all }
    let id = try receiver.packet.takeNumber()
    if id == 0 { return .any }
    guard id <= UInt64(target.vcpuCount) else { throw .noSuchThread }
    return .one(Int(id) &- 1)
  }

  /// Reads the id of a single thread, which must be that of a vCPU that is powered on.
  @inline(never)
  mutating func takeLiveThread(_ target: inout Machine) throws(RemoteError) -> Int {
    guard case .one(let vcpu) = try takeThread(&target), target.isPoweredOn(vcpu) else {
      throw .noSuchThread
    }
    return vcpu
  }

  /// Reads LLDB's suffix `;thread:<id>;` and the end of the packet.
  ///
  /// - Returns: the vCPU that it names or, without it, the one that `Hg` chose.
  @_optimize(size)
  mutating func takeThreadSuffix(_ target: inout Machine) throws(RemoteError) -> Int {
    guard receiver.packet.take(";thread:") else {
      try receiver.packet.expectEnd()
      return try generalThread(&target)
    }
    let vcpu = try takeLiveThread(&target)
    _ = receiver.packet.take(";")
    try receiver.packet.expectEnd()
    return vcpu
  }

  /// The vCPU that packets about registers and memory mean.
  @inline(never)
  mutating func generalThread(_ target: inout Machine) throws(RemoteError) -> Int {
    let vcpu = session.generalThread ?? stop.vcpu
    guard (0..<target.vcpuCount).contains(vcpu), target.isPoweredOn(vcpu) else {
      throw .noSuchThread
    }
    return vcpu
  }

  mutating func appendThread(_ vcpu: Int) {
    sender.write(hex: UInt64(truncatingIfNeeded: vcpu) &+ 1)
  }

  // MARK: Packets

  /// `H`: chooses the thread for the packets that name none.
  @_optimize(size)
  mutating func selectThread(_ target: inout Machine) throws(RemoteError) {
    let isForResume = receiver.packet.take("c")
    if !isForResume { try receiver.packet.expect("g") }
    let selection = try takeThread(&target)
    try receiver.packet.expectEnd()

    var chosen: Int?
    if case .one(let vcpu) = selection {
      guard target.isPoweredOn(vcpu) else { throw .noSuchThread }
      chosen = vcpu
    }
    if isForResume {
      session.continueThread = chosen
    } else {
      session.generalThread = chosen
    }
    sender.write("OK")
  }

  /// `qfThreadInfo`: all threads in one answer.
  mutating func listThreads(_ target: inout Machine) {
    sender.write("m")
    appendThreads(&target)
  }

  /// The ids of all threads, with commas between.
  @inline(never)
  @_optimize(size)
  mutating func appendThreads(_ target: inout Machine) {
    var isFirst = true
    for vcpu in 0..<target.vcpuCount where target.isPoweredOn(vcpu) {
      if !isFirst { sender.write(",") }
      isFirst = false
      appendThread(vcpu)
    }
  }

  /// `qThreadExtraInfo`: what the thread is doing, for the user.
  @_optimize(size)
  mutating func describeThread(_ target: inout Machine) throws(RemoteError) {
    try receiver.packet.expect(",")
    let vcpu = try takeLiveThread(&target)
    try receiver.packet.expectEnd()
    sender.beginHex()
    target.writeStatus(of: vcpu, to: &sender)
    sender.endHex()
  }

  /// The document of `qXfer:threads` (GDB manual, "Thread List Format").
  @_optimize(size)
  mutating func writeThreadDocument(_ target: inout Machine) {
    sender.write("<?xml version=\"1.0\"?>\n<threads>\n")
    for vcpu in 0..<target.vcpuCount where target.isPoweredOn(vcpu) {
      sender.write("<thread id=\"")
      sender.write(hex: UInt64(truncatingIfNeeded: vcpu) &+ 1)
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
