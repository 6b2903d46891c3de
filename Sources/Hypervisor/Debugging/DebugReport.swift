internal import ArmDebug
internal import NestedDebug
internal import RemoteProtocol

/// `monitor debug`: who has what of one vCPU's debug hardware. Two lines of text a comparator at most,
/// and none for one that is off on both sides.
struct DebugReport<Machine: Platform> {
  private let cores: Machine

  init(_ cores: Machine) { self.cores = cores }

  /// Every vCPU; where there are more than a screen has room for, those whose guest uses its debug hardware or that
  /// have stopped.
  func writeAll(to output: inout some TextOutput & ~Copyable) {
    let most = Monitor<Machine>.mostShown
    var shown = 0
    for vcpu in 0..<cores.count where cores.count <= most || shown < most && standsOut(vcpu) {
      write(vcpu, to: &output)
      shown &+= 1
    }
    guard shown < cores.count else { return }
    output.write(decimal: UInt64(cores.count &- shown))
    output.write(shown == most ? " more vCPUs" : " other vCPUs, whose guest uses no debug hardware")
    output.write(": monitor debug N shows one\n")
  }

  private func standsOut(_ index: Int) -> Bool {
    guard cores.isOn(index) else { return false }
    let vcpu = cores.vcpu(index)
    if vcpu.value.stop != nil || !vcpu.value.debug.missed.isEmpty { return true }
    let guest = vcpu.value.debug.guest
    if guest.mdscr.mde || guest.mdscr.ss { return true }
    for n in 0..<vcpu.value.debug.capabilities.breakpointCount
    where guest.bank.breakpoints[n].control.e { return true }
    for n in 0..<vcpu.value.debug.capabilities.watchpointCount
    where guest.bank.watchpoints[n].control.e { return true }
    return false
  }

  func write(_ index: Int, to output: inout some TextOutput & ~Copyable) {
    let vcpu = cores.vcpu(index)
    output.write("vCPU ")
    output.write(decimal: UInt64(index))
    guard cores.isOn(index) else {
      output.write(": off\n")
      return
    }
    let context = vcpu.value.frame.value.context
    output.write(": ")
    output.write(vcpu.value.debug.mode.description)
    output.write("\n  pc ")
    output.write(hex: context.pc, digits: 16)
    output.write("  EL")
    output.write(decimal: UInt64(context.pstate.el.rawValue))
    output.write(context.pstate.d ? ", debug exceptions masked (PSTATE.D)\n" : "\n")
    writeGuest(vcpu.value.debug.guest, to: &output)
    writeComparators(vcpu, to: &output)
  }

  private func writeGuest(
    _ guest: GuestDebugState, to output: inout some TextOutput & ~Copyable
  ) {
    output.write("  the guest reads MDSCR_EL1 ")
    output.write(hex: guest.mdscr.rawValue, digits: 8)
    if guest.mdscr.mde { output.write(" MDE") }
    if guest.mdscr.kde { output.write(" KDE") }
    if guest.mdscr.ss { output.write(" SS") }
    if guest.mdscr.tdcc { output.write(" TDCC") }
    output.write("; OS Lock ")
    output.write(guest.osLock ? "on" : "off")
    output.write(", OS Double Lock ")
    output.write(guest.osDoubleLock ? "on\n" : "off\n")
  }

  private func writeComparators(
    _ vcpu: Fixed<VCPU>, to output: inout some TextOutput & ~Copyable
  ) {
    let isShared = vcpu.value.debug.mode == .shared
    let capabilities = vcpu.value.debug.capabilities
    writeBank(.breakpoints, capabilities.breakpointCount, vcpu, isShared, to: &output)
    writeBank(.watchpoints, capabilities.watchpointCount, vcpu, isShared, to: &output)
    // As the guest would go on now: what the debugger has asked for since is not in the plan yet. With nothing
    // asked for, what the plan still says of the time before the stop.
    let unplaced =
      cores.requests.value.isEmpty && isShared
      ? vcpu.value.debug.plan.unplaced
      : vcpu.value.debug.unplaced(of: cores.requests.value)
    if !unplaced.isEmpty {
      output.write(
        "  NOT IN FORCE for want of comparators, which the guest has taken: requests")
      writeUnplaced("breakpoint", unplaced.breakpoints, to: &output)
      writeUnplaced("watchpoint", unplaced.watchpoints, to: &output)
      output.write(" (in force again as soon as the guest lets go of one)\n")
    }
  }

  /// The comparators of one kind.
  private enum Bank {
    case breakpoints
    case watchpoints

    var kind: StaticString {
      switch self {
      case .breakpoints: "breakpoint"
      case .watchpoints: "watchpoint"
      }
    }
  }

  /// The comparators of one kind, and how many of them are free. In native mode the hardware's are the
  /// guest's.
  @inline(never)
  private func writeBank(
    _ bank: Bank, _ count: Int, _ vcpu: Fixed<VCPU>, _ isShared: Bool,
    to output: inout some TextOutput & ~Copyable
  ) {
    var used = 0
    for n in 0..<count {
      let isGuests: Bool
      var owner: Owner
      switch bank {
      case .breakpoints:
        isGuests = vcpu.value.debug.guest.bank.breakpoints[n].control.e
        owner = vcpu.value.debug.plan.breakpointOwners[n]
      case .watchpoints:
        isGuests = vcpu.value.debug.guest.bank.watchpoints[n].control.e
        owner = vcpu.value.debug.plan.watchpointOwners[n]
      }
      if !isShared { owner = isGuests ? .guest : .nobody }
      if owner != .nobody { used &+= 1 }
      guard isGuests || owner != .nobody else { continue }
      writeHead(bank.kind, n, owner, to: &output)
      switch bank {
      case .breakpoints:
        vcpu.value.debug.guest.bank.breakpoints[n].write("guest's  ", to: &output)
        if isShared {
          vcpu.value.debug.plan.bank.breakpoints[n].write("hardware ", to: &output)
        }
      case .watchpoints:
        vcpu.value.debug.guest.bank.watchpoints[n].write("guest's  ", to: &output)
        if isShared {
          vcpu.value.debug.plan.bank.watchpoints[n].write("hardware ", to: &output)
        }
      }
    }
    writeFree(bank.kind, count &- used, to: &output)
  }

  private func writeHead(
    _ kind: StaticString, _ n: Int, _ owner: Owner, to output: inout some TextOutput & ~Copyable
  ) {
    output.write("  ")
    output.write(kind)
    output.write(" ")
    output.write(decimal: UInt64(n))
    switch owner {
    case .nobody: output.write(": nobody's\n")
    case .guest: output.write(": the guest's\n")
    case .debugger(let ids):
      output.write(": the debugger's, request")
      for n in 0..<ids.count {
        output.write(n == 0 ? " " : ", ")
        output.write(decimal: UInt64(ids[n].number))
      }
      output.write("\n")
    }
  }

  private func writeFree(
    _ kind: StaticString, _ count: Int, to output: inout some TextOutput & ~Copyable
  ) {
    output.write("  free ")
    output.write(kind)
    output.write("s: ")
    output.write(decimal: UInt64(count))
    output.write("\n")
  }

  private func writeUnplaced(
    _ kind: StaticString, _ ids: RequestList<16>, to output: inout some TextOutput & ~Copyable
  ) {
    for n in 0..<ids.count {
      output.write(" ")
      output.write(kind)
      output.write(" ")
      output.write(decimal: UInt64(ids[n].number))
    }
  }

  /// What the debugger asks for, on every vCPU.
  func writeRequests(to output: inout some TextOutput & ~Copyable) {
    let requests = cores.requests
    output.write("the debugger asks for\n")
    if requests.value.isEmpty {
      // GDB does this unless told otherwise, and a reader would wonder.
      output.write(
        """
          nothing now. (GDB takes its points back at each stop and asks anew when it goes on; above
          is what the hardware held until then.)

        """)
    }
    var next = requests.value.firstBreakpoint
    while let id = next, let request = requests.value[id] {
      writeRequest("breakpoint", id, at: request.range.first, to: &output)
      output.write("\n")
      next = requests.value.next(after: id)
    }
    next = requests.value.firstWatchpoint
    while let id = next, let request = requests.value[id] {
      writeRequest("watchpoint", id, at: request.range.first, to: &output)
      output.write(" to ")
      output.write(hex: request.range.last, digits: 16)
      output.write("\n")
      next = requests.value.next(after: id)
    }
  }

  @inline(never)
  private func writeRequest(
    _ kind: StaticString, _ id: RequestID, at address: UInt64,
    to output: inout some TextOutput & ~Copyable
  ) {
    output.write("  ")
    output.write(kind)
    output.write(" request ")
    output.write(decimal: UInt64(id.number))
    output.write(": ")
    output.write(hex: address, digits: 16)
  }
}

extension VirtualDebug.Mode {
  fileprivate var description: StaticString {
    switch self {
    case .reset: "not started"
    case .native: "native: the debug registers in hardware are the guest's own"
    case .shared: "shared: the hardware holds the plan, and the guest's accesses are emulated"
    }
  }
}

extension Breakpoint {
  /// Nothing for one that is off.
  @inline(never)
  fileprivate func write(_ label: StaticString, to output: inout some TextOutput & ~Copyable) {
    guard control.e else { return }
    output.write("    ")
    output.write(label)
    if control.comparesContext {
      output.write("context ")
      output.write(hex: value)
    } else {
      output.write(hex: value, digits: 16)
    }
    if control.isLinked && control.comparesAddress {
      output.write(", linked to ")
      output.write(decimal: UInt64(control.lbn))
    }
    control.privilege.write(to: &output)
    output.write("  (DBGBCR ")
    output.write(hex: control.rawValue)
    output.write(")\n")
  }
}

extension Watchpoint {
  /// Nothing for one that is off.
  @inline(never)
  fileprivate func write(_ label: StaticString, to output: inout some TextOutput & ~Copyable) {
    guard control.e else { return }
    output.write("    ")
    output.write(label)
    if let range {
      output.write(hex: range.first, digits: 16)
      output.write(", ")
      output.write(decimal: range.last &- range.first &+ 1)
      output.write(range.last == range.first ? " byte" : " bytes")
    } else {
      output.write("watches nothing")
    }
    switch control.lsc {
    case .load: output.write(", loads")
    case .store: output.write(", stores")
    case .any: output.write(", loads and stores")
    case nil: break
    }
    control.privilege.write(to: &output)
    output.write("  (DBGWCR ")
    output.write(hex: control.rawValue)
    output.write(")\n")
  }
}

extension PrivilegeMatch {
  fileprivate func write(to output: inout some TextOutput & ~Copyable) {
    switch (el1, el0) {
    case (true, true): output.write(", EL0 and EL1")
    case (true, false): output.write(", EL1")
    case (false, true): output.write(", EL0")
    case (false, false): output.write(", at no level that the guest has")
    }
  }
}
