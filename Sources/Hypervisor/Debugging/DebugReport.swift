internal import ArmDebug
internal import NestedDebug
internal import RemoteProtocol

/// `monitor debug`: who has what of one vCPU's debug hardware. Two lines of text a comparator at most,
/// and none for one that is off on both sides.
enum DebugReport {
  static func write(_ index: Int, to output: inout some TextOutput & ~Copyable) {
    let vcpu = EL2.vcpu(index)
    output.write("vCPU ")
    output.write(decimal: UInt64(index))
    guard CoreWord.power.load(index) == PSCI.Power.on.rawValue else {
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

  private static func writeGuest(
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

  private static func writeComparators(
    _ vcpu: Fixed<VCPU>, to output: inout some TextOutput & ~Copyable
  ) {
    let isShared = vcpu.value.debug.mode == .shared
    let capabilities = vcpu.value.debug.capabilities
    writeBank(
      capabilities.breakpointCount, isShared,
      guests: { vcpu.value.debug.guest.bank.breakpoints[$0] },
      hardware: { vcpu.value.debug.plan.bank.breakpoints[$0] },
      owner: { vcpu.value.debug.plan.breakpointOwners[$0] }, to: &output)
    writeBank(
      capabilities.watchpointCount, isShared,
      guests: { vcpu.value.debug.guest.bank.watchpoints[$0] },
      hardware: { vcpu.value.debug.plan.bank.watchpoints[$0] },
      owner: { vcpu.value.debug.plan.watchpointOwners[$0] }, to: &output)
    if isShared && !vcpu.value.debug.plan.isComplete {
      output.write(
        "  NOT IN FORCE for want of comparators, which the guest has taken since: requests")
      writeUnplaced("breakpoint", vcpu.value.debug.plan.unplacedBreakpoints, to: &output)
      writeUnplaced("watchpoint", vcpu.value.debug.plan.unplacedWatchpoints, to: &output)
      output.write("\n")
    }
  }

  /// The comparators of one kind, and how many of them are free. In native mode the hardware's are the
  /// guest's.
  private static func writeBank<Comparator: ReportedComparator>(
    _ count: Int, _ isShared: Bool, guests: (Int) -> Comparator, hardware: (Int) -> Comparator,
    owner: (Int) -> Owner, to output: inout some TextOutput & ~Copyable
  ) {
    var used = 0
    for n in 0..<count {
      let guests = guests(n)
      let owner = isShared ? owner(n) : guests.isEnabled ? .guest : .nobody
      if owner != .nobody { used &+= 1 }
      guard guests.isEnabled || owner != .nobody else { continue }
      writeHead(Comparator.kind, n, owner, to: &output)
      if guests.isEnabled { guests.write("guest's  ", to: &output) }
      if isShared, hardware(n).isEnabled { hardware(n).write("hardware ", to: &output) }
    }
    writeFree(Comparator.kind, count &- used, to: &output)
  }

  private static func writeHead(
    _ kind: StaticString, _ n: Int, _ owner: Owner, to output: inout some TextOutput & ~Copyable
  ) {
    output.write("  ")
    output.write(kind)
    output.write(" ")
    output.write(decimal: UInt64(n))
    switch owner {
    case .nobody: output.write(": nobody's\n")
    case .guest: output.write(": the guest's\n")
    case .debugger(let request):
      output.write(": the debugger's, request ")
      output.write(decimal: UInt64(request))
      output.write("\n")
    }
  }

  private static func writeFree(
    _ kind: StaticString, _ count: Int, to output: inout some TextOutput & ~Copyable
  ) {
    output.write("  free ")
    output.write(kind)
    output.write("s: ")
    output.write(decimal: UInt64(count))
    output.write("\n")
  }

  private static func writeUnplaced(
    _ kind: StaticString, _ set: UInt16, to output: inout some TextOutput & ~Copyable
  ) {
    for n in 0..<UInt16(16) where set & 1 &<< n != 0 {
      output.write(" ")
      output.write(kind)
      output.write(" ")
      output.write(decimal: UInt64(n))
    }
  }

  /// What the debugger asks for, on every vCPU.
  static func writeRequests(to output: inout some TextOutput & ~Copyable) {
    output.write("the debugger asks for\n")
    if EL2.shared.value.requests.isEmpty {
      // GDB does this unless told otherwise, and a reader would wonder.
      output.write(
        """
          nothing now. (GDB takes its points back at each stop and asks anew when it goes on; above
          is what the hardware held until then.)

        """)
    }
    for n in 0..<DebugRequests.capacity {
      guard let request = EL2.shared.value.requests.breakpoint(n) else { continue }
      output.write("  breakpoint request ")
      output.write(decimal: UInt64(n))
      output.write(": ")
      output.write(hex: request.address, digits: 16)
      output.write("\n")
    }
    for n in 0..<DebugRequests.capacity {
      guard let request = EL2.shared.value.requests.watchpoint(n) else { continue }
      output.write("  watchpoint request ")
      output.write(decimal: UInt64(n))
      output.write(": ")
      output.write(hex: request.range.first, digits: 16)
      output.write(" to ")
      output.write(hex: request.range.last, digits: 16)
      output.write("\n")
    }
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

/// A comparator as the report shows it.
private protocol ReportedComparator {
  static var kind: StaticString { get }
  var isEnabled: Bool { get }
  func write(_ label: StaticString, to output: inout some TextOutput & ~Copyable)
}

extension Breakpoint: ReportedComparator {
  fileprivate static var kind: StaticString { "breakpoint" }
  fileprivate var isEnabled: Bool { control.e }

  fileprivate func write(_ label: StaticString, to output: inout some TextOutput & ~Copyable) {
    output.write("    ")
    output.write(label)
    if control.bt.comparesContext {
      output.write("context ")
      output.write(hex: value)
    } else {
      output.write(hex: value, digits: 16)
    }
    if control.bt.isLinked && control.bt.comparesAddress {
      output.write(", linked to ")
      output.write(decimal: UInt64(control.lbn))
    }
    control.privilege.write(to: &output)
    output.write("  (DBGBCR ")
    output.write(hex: control.rawValue)
    output.write(")\n")
  }
}

extension Watchpoint: ReportedComparator {
  fileprivate static var kind: StaticString { "watchpoint" }
  fileprivate var isEnabled: Bool { control.e }

  fileprivate func write(_ label: StaticString, to output: inout some TextOutput & ~Copyable) {
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
