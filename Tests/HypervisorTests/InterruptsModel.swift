@testable import Hypervisor

/// A GICv3 with one Security state, or what Non-secure software sees of two, written from IHI 0069 and
/// sharing no code with what it tests: distributor, redistributors, physical CPU interfaces with
/// EOImode, virtual CPU interfaces with list registers, active priorities and maintenance
/// interrupts.
///
/// EL2 uses it through `GICv3Access`; devices and the guest through the methods here. The
/// system registers are those of `executing`.
class InterruptModel: GICv3Access {
  class var sgisHaveSources: Bool { false }
  class var canTrapAcknowledge: Bool { true }

  /// One physical interrupt.
  struct Source: Equatable {
    var isEnabled = false
    /// Latched: an edge, or a write of a set-pending register.
    var isLatched = false
    /// The level of the line, for a level-sensitive one.
    var isAsserted = false
    var isActive = false
    var isGroup1 = false
    var isEdge = false
    /// As it is kept: with two Security states Non-secure software sees another.
    var priority: UInt8 = 0
    var route: UInt64 = 0

    var isPending: Bool { isLatched || (!isEdge && isAsserted) }
  }

  /// Interrupts by INTID. Those that are pending are listed, because looking for them is what the
  /// model does most.
  struct Sources {
    private var sources: [UInt32: Source] = [:]
    private(set) var pending: Set<UInt32> = []

    subscript(number: UInt32) -> Source {
      get { sources[number] ?? Source() }
      set {
        sources[number] = newValue
        if newValue.isPending { pending.insert(number) } else { pending.remove(number) }
      }
    }
  }

  /// One core: its private interrupts, its physical and its virtual CPU interface.
  struct Core {
    var affinity: UInt64
    var sources = Sources()
    var lpis: Set<UInt32> = []
    var waker: UInt32 = 0b110
    /// Those that are Secure: Non-secure software sees nothing of them.
    var secure: Set<UInt32> = []
    var registers: [UInt32: UInt64] = [:]

    var sre: UInt64 = 0
    var control: UInt64 = 0
    var priorityMask: UInt64 = 0
    var groupEnable: UInt64 = 0
    var running: [UInt8] = []

    var hcr: UInt64 = 0
    var vmcr: UInt64 = 0
    var lists = [UInt64](repeating: 0, count: 16)
    var activePriorities: [UInt32] = [0, 0]
  }

  var executing = 0
  var cores: [Core]
  var shared = Sources()
  var lpiConfigurations: [UInt32: UInt8] = [:]
  var distributorControl: UInt32
  var distributorType: UInt32
  var interfaceType: UInt64
  /// ICH_VTR_EL2 of those cores whose is another.
  var interfaceTypes: [Int: UInt64] = [:]
  /// A list register shows an acknowledged LPI as active, as some implementations have it.
  var showsActiveLPIs = false
  /// SCR_EL3.FIQ: group 0 is EL3's, and ICC_PMR_EL1 is seen as Non-secure.
  var routesGroup0ToEL3 = true
  /// GICR_WAKER says after reset that the redistributor sleeps, even to Non-secure software, and it
  /// forwards nevertheless: as QEMU has it.
  var showsMeaninglessSleep = false
  /// GICD_CTLR.RWP and GICR_CTLR.RWP stay 1.
  var neverCompletesWrites = false
  /// GICR_WAKER.ChildrenAsleep stays 1.
  var neverWakes = false
  /// What EL2 has told the developer.
  private(set) var reports: [InterruptControllerFault] = []
  private var lpiTablesAreLocked = false
  /// Everything EL2 wrote to memory-mapped registers outside those modelled.
  var otherWrites: [Int: UInt64] = [:]

  let maintenance: UInt32 = 25
  private func interfaceType(of core: Int) -> UInt64 { interfaceTypes[core] ?? interfaceType }
  private func listCount(of core: Int) -> Int { Int(interfaceType(of: core) & 0x1f) + 1 }

  required init(
    affinities: [UInt64], hasSingleSecurityState: Bool = true, listCount: Int = 4,
    canTrapDeactivation: Bool = true
  ) {
    // Where there is a Secure state its firmware has woken the redistributors.
    cores = affinities.map { Core(affinity: $0, waker: hasSingleSecurityState ? 0b110 : 0) }
    distributorControl = hasSingleSecurityState ? 0x50 : 0x10
    // 1020 INTIDs, 16 bits of them, LPIs, extended SPIs, one of many not excluded.
    distributorType = 31 | 1 << 8 | 31 << 27 | 1 << 17 | 15 << 19
    // Five bits of priority, all of them for preemption.
    interfaceType =
      UInt64(listCount - 1) | 4 << 26 | 4 << 29 | 1 << 23 | (canTrapDeactivation ? 1 << 19 : 0)
    for core in cores.indices {
      for number: UInt32 in 0..<16 { cores[core].sources[number].isEdge = true }
    }
  }

  var hasSingleSecurityState: Bool { distributorControl & 0x40 != 0 }

  // MARK: Priorities

  /// What software sees of a priority that is kept (IHI 0069, 4.8.1).
  func seen(_ priority: UInt8) -> UInt8 { hasSingleSecurityState ? priority : priority << 1 }

  /// What is kept of a priority that software writes; five bits are implemented.
  func kept(_ value: UInt8) -> UInt8 { (hasSingleSecurityState ? value : 0x80 | value >> 1) & 0xf8 }

  /// The priority of an LPI, as it is compared.
  private func priority(ofLPI number: UInt32) -> UInt8 {
    kept(lpiConfigurations[number, default: 0xa1] & 0xfc)
  }

  private var masksAsNonSecure: Bool { !hasSingleSecurityState && routesGroup0ToEL3 }

  // MARK: Devices

  /// Changes the line of a shared interrupt; a rising one latches an edge-triggered one.
  func setLine(_ number: UInt32, _ isAsserted: Bool) {
    let rises = isAsserted && !shared[number].isAsserted
    shared[number].isAsserted = isAsserted
    if rises && shared[number].isEdge { shared[number].isLatched = true }
  }

  /// Changes the line of a private interrupt.
  func setLine(_ number: UInt32, ofCore core: Int, _ isAsserted: Bool) {
    cores[core].sources[number].isAsserted = isAsserted
  }

  /// An ITS makes an LPI pending in a redistributor.
  func sendLPI(_ number: UInt32, toCore core: Int) { cores[core].lpis.insert(number) }

  // MARK: Physical CPU interface

  /// The interrupt that an acknowledge on `core` would return.
  func highestPending(on core: Int) -> UInt32? {
    updateMaintenance(of: core)
    let it = cores[core]
    guard it.groupEnable & 1 != 0, distributorControl & 2 != 0,
      it.waker & 0b100 == 0 || showsMeaninglessSleep, it.sre & 1 != 0
    else { return nil }
    let limit = min(it.priorityMask, UInt64(it.running.last ?? 0xff))
    var candidates: [(priority: UInt8, number: UInt32)] = []
    for number in it.sources.pending
    where isReady(it.sources[number]) && !it.secure.contains(number) {
      candidates.append((it.sources[number].priority, number))
    }
    for number in shared.pending
    where isReady(shared[number]) && shared[number].route == it.affinity {
      candidates.append((shared[number].priority, number))
    }
    for number in it.lpis {
      candidates.append((priority(ofLPI: number), number))
    }
    return candidates.filter { UInt64($0.priority) < limit }
      .min { ($0.priority, $0.number) < ($1.priority, $1.number) }?.number
  }

  private func isReady(_ source: Source) -> Bool {
    source.isPending && source.isEnabled && !source.isActive
      && (source.isGroup1 || !hasSingleSecurityState)
  }

  private func acknowledge() -> UInt64 {
    guard let number = highestPending(on: executing) else { return 1023 }
    if number >= 8192 {
      cores[executing].running.append(priority(ofLPI: number))
      cores[executing].lpis.remove(number)
    } else {
      update(number) {
        $0.isActive = true
        $0.isLatched = false
        cores[executing].running.append($0.priority)
      }
    }
    return UInt64(number)
  }

  /// The physical interrupt `number` as the executing core sees it.
  func source(_ number: UInt32, core: Int) -> Source {
    isPrivate(number) ? cores[core].sources[number] : shared[number]
  }

  private func isPrivate(_ number: UInt32) -> Bool {
    number < 32 || (1056..<1120).contains(number)
  }

  private func update(_ number: UInt32, _ body: (inout Source) -> Void) {
    var source = source(number, core: executing)
    body(&source)
    if isPrivate(number) {
      cores[executing].sources[number] = source
    } else {
      shared[number] = source
    }
  }

  private func requestSGI(_ value: UInt64) {
    for core in cores.indices {
      let affinity = cores[core].affinity
      let isNeighbour =
        affinity >> 32 == value >> 48 & 0xff && affinity >> 16 & 0xff == value >> 32 & 0xff
        && affinity >> 8 & 0xff == value >> 16 & 0xff
      let list = (value & 0xffff) << ((value >> 44 & 15) * 16 & 63)
      if isNeighbour && list >> (affinity & 0xff) & 1 != 0 {
        cores[core].sources[UInt32(value >> 24 & 15)].isLatched = true
      }
    }
  }

  // MARK: Virtual CPU interface, as the guest uses it

  /// ICC_IAR1_EL1, or ICC_IAR0_EL1 for group 0, of the guest on `core`.
  func guestAcknowledge(on core: Int, group: Int = 1) -> UInt32 {
    guard cores[core].hcr & 1 != 0, let n = highestVirtual(on: core) else { return 1023 }
    let list = cores[core].lists[n]
    let priority = UInt8(truncatingIfNeeded: list >> 48)
    guard Int(list >> 60 & 1) == group, UInt64(priority) < cores[core].vmcr >> 24 & 0xff,
      priority < runningVirtual(on: core)
    else { return 1023 }
    let number = identity(of: list)
    cores[core].activePriorities[group] |= 1 << UInt32(priority >> 3)
    // LPIs have no active state.
    let isActive = number < 8192 || showsActiveLPIs
    cores[core].lists[n] = list & ~(3 << 62) | (isActive ? 2 << 62 : 0)
    return number
  }

  /// What an acknowledge says of the interrupt in a list register.
  func identity(of list: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: list) }

  private func highestVirtual(on core: Int) -> Int? {
    (0..<listCount(of: core)).filter {
      let list = cores[core].lists[$0]
      return list >> 62 == 1 && cores[core].vmcr >> (list >> 60 & 1) & 1 != 0
    }.min {
      (cores[core].lists[$0] >> 48 & 0xff, $0) < (cores[core].lists[$1] >> 48 & 0xff, $1)
    }
  }

  /// Whether `core` has a virtual IRQ or FIQ for its guest, masked in PSTATE or not.
  func signalsVirtualInterrupt(on core: Int) -> Bool {
    guard cores[core].hcr & 1 != 0, let n = highestVirtual(on: core) else { return false }
    let priority = UInt8(truncatingIfNeeded: cores[core].lists[n] >> 48)
    return UInt64(priority) < cores[core].vmcr >> 24 & 0xff && priority < runningVirtual(on: core)
  }

  /// The running priority of the guest on `core`; 0xff when idle. Five bits of preemption.
  func runningVirtual(on core: Int) -> UInt8 {
    let active = cores[core].activePriorities[0] | cores[core].activePriorities[1]
    return active == 0 ? 0xff : UInt8(active.trailingZeroBitCount << 3)
  }

  /// ICC_EOIR<n>_EL1 of the guest on `core`.
  func guestEnd(_ number: UInt32, on core: Int) {
    let bits = cores[core].activePriorities
    if bits[0].trailingZeroBitCount <= bits[1].trailingZeroBitCount, bits[0] != 0 {
      cores[core].activePriorities[0] &= bits[0] &- 1
    } else {
      cores[core].activePriorities[1] &= bits[1] &- 1
    }
    if number >= 8192 {
      if let n = activeList(number, on: core) { cores[core].lists[n] &= ~(1 << 63) }
    } else if cores[core].vmcr & 1 << 9 == 0 {
      deactivateVirtual(number, on: core)
    }
  }

  /// ICC_DIR_EL1 of the guest on `core`. False if the write traps.
  func guestDeactivate(_ number: UInt32, on core: Int) -> Bool {
    if cores[core].hcr & 1 << 14 != 0 { return false }
    if cores[core].vmcr & 1 << 9 != 0 { deactivateVirtual(number, on: core) }
    return true
  }

  private func activeList(_ number: UInt32, on core: Int) -> Int? {
    (0..<listCount(of: core)).first {
      cores[core].lists[$0] >> 63 == 1
        && identity(of: cores[core].lists[$0]) == number
    }
  }

  private func deactivateVirtual(_ number: UInt32, on core: Int) {
    guard let n = activeList(number, on: core) else {
      let count = cores[core].hcr >> 27 & 0x1f
      cores[core].hcr = cores[core].hcr & ~(0x1f << 27) | (count + 1 & 0x1f) << 27
      return
    }
    let list = cores[core].lists[n]
    cores[core].lists[n] = list & ~(1 << 63)
    if list & 1 << 61 != 0 {
      executing = core
      update(UInt32(list >> 32 & 0x1fff)) { $0.isActive = false }
    }
  }

  /// ICH_MISR_EL2 of `core`.
  func maintenanceStatus(of core: Int) -> UInt64 {
    let it = cores[core]
    let states = it.lists[..<listCount(of: core)].map { $0 >> 62 }
    var status: UInt64 = 0
    if it.hcr & 1 << 1 != 0 && states.count(where: { $0 != 0 }) <= 1 { status |= 1 << 1 }
    if it.hcr & 1 << 2 != 0 && it.hcr >> 27 & 0x1f != 0 { status |= 1 << 2 }
    if it.hcr & 1 << 3 != 0 && !states.contains(1) { status |= 1 << 3 }
    for group: UInt64 in 0...1 {
      let isEnabled = it.vmcr >> group & 1 != 0
      if it.hcr >> (4 + 2 * group) & 1 != 0 && isEnabled { status |= 1 << (4 + 2 * group) }
      if it.hcr >> (5 + 2 * group) & 1 != 0 && !isEnabled { status |= 1 << (5 + 2 * group) }
    }
    return status
  }

  private func updateMaintenance(of core: Int) {
    setLine(
      maintenance, ofCore: core, cores[core].hcr & 1 != 0 && maintenanceStatus(of: core) != 0)
  }

  // MARK: GICv3Access: system registers

  func read(_ register: GICv3SystemRegister) -> UInt64 {
    precondition(register == .iccSRE || cores[executing].sre & 1 != 0, "UNDEFINED")
    return switch register {
    case .iccSRE: cores[executing].sre
    // PRIbits: five.
    case .iccCTLR: cores[executing].control | 4 << 8
    case .iccPMR:
      // A mask in the Secure half reads as 0.
      if masksAsNonSecure {
        cores[executing].priorityMask & 0x80 == 0
          ? 0 : cores[executing].priorityMask << 1 & 0xff
      } else {
        cores[executing].priorityMask
      }
    case .iccBPR1: 0
    case .iccIGRPEN1: cores[executing].groupEnable
    case .iccIAR1: acknowledge()
    case .iccEOIR1, .iccDIR, .iccSGI1R: fatalError("write-only")
    case .ichHCR: cores[executing].hcr
    case .ichVTR: interfaceType(of: executing)
    case .ichVMCR: cores[executing].vmcr
    case .ichELRSR:
      (0..<listCount(of: executing)).reduce(0) { mask, n in
        // Empty, with nothing to be said about the end of what was in it: HW, or no EOI.
        let list = cores[executing].lists[n]
        let isEmpty = list >> 62 == 0 && (list >> 61 & 1 == 1 || list >> 41 & 1 == 0)
        return mask | (isEmpty ? 1 << UInt64(n) : 0)
      }
    case .ichLR(let n): implemented(n, cores[executing].lists[n])
    case .ichAP0R: UInt64(cores[executing].activePriorities[0])
    case .ichAP1R: UInt64(cores[executing].activePriorities[1])
    }
  }

  func write(_ register: GICv3SystemRegister, _ value: UInt64) {
    precondition(register == .iccSRE || cores[executing].sre & 1 != 0, "UNDEFINED")
    switch register {
    case .iccSRE: cores[executing].sre = value
    case .iccCTLR: cores[executing].control = value
    case .iccPMR:
      cores[executing].priorityMask = (masksAsNonSecure ? 0x80 | value >> 1 : value) & 0xf8
    case .iccBPR1: break
    case .iccIGRPEN1: cores[executing].groupEnable = value
    case .iccIAR1, .ichVTR, .ichELRSR: fatalError("read-only")
    case .iccEOIR1:
      precondition(cores[executing].control & 2 != 0, "EOImode 1 is what EL2 counts on")
      cores[executing].running.removeLast()
    case .iccDIR:
      precondition(value < 8192, "an LPI has no active state")
      update(UInt32(value)) { $0.isActive = false }
    case .iccSGI1R: requestSGI(value)
    case .ichHCR: cores[executing].hcr = value
    case .ichVMCR: cores[executing].vmcr = value
    case .ichLR(let n):
      precondition(value >> 61 != 0b111, "pending and active with the hardware link")
      let others = (0..<listCount(of: executing)).filter {
        $0 != n && cores[executing].lists[$0] >> 62 != 0 && value >> 62 != 0
          && identity(of: cores[executing].lists[$0]) == identity(of: value)
      }
      precondition(others.isEmpty, "one interrupt in two list registers")
      cores[executing].lists[n] = implemented(n, value)
    case .ichAP0R(let n): cores[executing].activePriorities[0] = UInt32(implemented(n, value, 1))
    case .ichAP1R(let n): cores[executing].activePriorities[1] = UInt32(implemented(n, value, 1))
    }
  }

  private func implemented(_ n: Int, _ value: UInt64, _ count: Int? = nil) -> UInt64 {
    precondition(n < count ?? listCount(of: executing), "UNDEFINED")
    return value
  }

  // MARK: GICv3Access: the rest

  /// The hypervisor waits for a second; here it looks often.
  func wait(while condition: () -> Bool) -> Bool {
    for _ in 0..<100 where !condition() { return true }
    return false
  }

  func affinity(of processor: Int) -> Affinity { Affinity(mpidr: cores[processor].affinity) }
  func processor(of affinity: Affinity) -> Int? {
    cores.indices.first { self.affinity(of: $0) == affinity }
  }

  func isLastRedistributor(_ processor: Int) -> Bool { processor == cores.count - 1 }

  func report(_ fault: InterruptControllerFault) { reports.append(fault) }

  func lockLPITables() {
    precondition(!lpiTablesAreLocked, "it would wait for itself")
    lpiTablesAreLocked = true
  }

  func unlockLPITables() { lpiTablesAreLocked = false }

  /// Where EL2 is.
  var hypervisorMemory: Range<UInt64> = 0x4020_0000..<0x4060_0000

  func lpiConfiguration(of number: InterruptNumber) -> UInt8 {
    lpiConfigurations[number.rawValue, default: 0xa1]
  }
}

/// A GICv3 whose virtual interface is as a GICv2's: an SGI is pending once for each CPU that sent it, and
/// neither an acknowledge nor a deactivation can be made to trap.
final class SourceInterruptModel: InterruptModel {
  override class var sgisHaveSources: Bool { true }
  override class var canTrapAcknowledge: Bool { false }

  required init(
    affinities: [UInt64], hasSingleSecurityState: Bool, listCount: Int, canTrapDeactivation: Bool
  ) {
    super.init(
      affinities: affinities, hasSingleSecurityState: hasSingleSecurityState, listCount: listCount,
      canTrapDeactivation: false)
  }

  /// GICC_IAR: the CPU that sent an SGI is at [12:10].
  override func identity(of list: UInt64) -> UInt32 {
    UInt32(list & 0x3ff | (list >> 45 & 7) << 10)
  }

  override func write(_ register: GICv3SystemRegister, _ value: UInt64) {
    // TALL0, TALL1 and TDIR are not there.
    super.write(register, register == .ichHCR ? value & ~(0b11 << 11 | 1 << 14) : value)
  }
}
