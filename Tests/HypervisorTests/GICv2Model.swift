@testable import Hypervisor

/// A GICv2 without the Security Extensions, or what Non-secure software sees of one with them, written from
/// IHI 0048B.b and sharing no code with what it tests: distributor with banked registers, physical CPU interfaces,
/// virtual CPU interfaces with list registers.
///
/// EL2 uses it through `GICv2Access`; devices and the guest through the methods here. Banked registers are those of
/// `executing`.
final class GICv2Model: GICv2Access {
  /// One physical interrupt of one core, or a shared one.
  struct Source: Equatable {
    var isEnabled = false
    /// Latched: an edge, or a write of GICD_ISPENDR.
    var isLatched = false
    var isAsserted = false
    var isActive = false
    var isGroup1 = false
    var isEdge = false
    /// As it is kept: Non-secure software sees another.
    var priority: UInt8 = 0
    /// GICD_ITARGETSR of an SPI.
    var targets: UInt8 = 0

    var isPending: Bool { isLatched || (!isEdge && isAsserted) }
  }

  /// Interrupts by INTID. Those that are pending are listed, because looking for them is what the model does most.
  struct Sources {
    private var sources: [Source]
    private(set) var pending: Set<Int> = []

    init(count: Int) { sources = [Source](repeating: Source(), count: count) }

    subscript(number: Int) -> Source {
      get { sources[number] }
      set {
        sources[number] = newValue
        if newValue.isPending { pending.insert(number) } else { pending.remove(number) }
      }
    }
  }

  struct Core {
    /// The number of the CPU interface.
    var number: UInt8
    var sources = Sources(count: 32)
    /// SGIs that are pending, a bit for each CPU interface that sent it.
    var sgis = [UInt8](repeating: 0, count: 16)
    /// Those that are Secure: Non-secure software sees nothing of them.
    var secure: Set<UInt32> = []

    var control: UInt32 = 0
    var priorityMask: UInt32 = 0
    /// What was acknowledged and not ended, as GICC_IAR had it, with its priority.
    var running: [(iar: UInt32, priority: UInt8)] = []
    /// What was acknowledged and not deactivated of SGIs.
    var activeSGIs: Set<UInt32> = []

    var hcr: UInt32 = 0
    var vmcr: UInt32 = 0
    var lists = [UInt32](repeating: 0, count: 64)
    var apr: UInt32 = 0
  }

  var executing = 0
  var cores: [Core]
  var shared = Sources(count: 1024)
  var distributorControl: UInt32 = 0
  let hasSecurityExtensions: Bool
  let listCount: Int
  /// GICD_ICENABLER does not disable SGIs (IHI 0048B.b, 4.3.5).
  var sgisArePermanentlyEnabled = false
  /// Writes of GICH that nothing has waited for.
  private(set) var incompleteWrites = 0
  private var isComplete = false
  private var bits: [UInt8]

  let maintenance: UInt32 = 25

  init(numbers: [UInt8], hasSecurityExtensions: Bool, listCount: Int) {
    cores = numbers.map { Core(number: $0) }
    bits = numbers.map { _ in 0 }
    self.hasSecurityExtensions = hasSecurityExtensions
    self.listCount = listCount
    for core in cores.indices {
      for n in 0..<16 { cores[core].sources[n].isEdge = true }
      if hasSecurityExtensions { for n in 0..<32 { cores[core].sources[n].isGroup1 = true } }
    }
    if hasSecurityExtensions { for n in 32..<1024 { shared[n].isGroup1 = true } }
  }

  // MARK: Priorities

  func seen(_ priority: UInt8) -> UInt8 { hasSecurityExtensions ? priority << 1 : priority }
  func kept(_ value: UInt8) -> UInt8 { (hasSecurityExtensions ? 0x80 | value >> 1 : value) & 0xf8 }

  // MARK: Devices

  func setLine(_ number: UInt32, _ isAsserted: Bool) {
    let rises = isAsserted && !shared[Int(number)].isAsserted
    shared[Int(number)].isAsserted = isAsserted
    if rises && shared[Int(number)].isEdge { shared[Int(number)].isLatched = true }
  }

  func setLine(_ number: UInt32, ofCore core: Int, _ isAsserted: Bool) {
    cores[core].sources[Int(number)].isAsserted = isAsserted
  }

  // MARK: Physical CPU interface

  private func source(_ number: UInt32, core: Int) -> Source {
    number < 32 ? cores[core].sources[Int(number)] : shared[Int(number)]
  }

  private func update(_ number: UInt32, _ body: (inout Source) -> Void) {
    if number < 32 {
      body(&cores[executing].sources[Int(number)])
    } else {
      body(&shared[Int(number)])
    }
  }

  /// What GICC_IAR of `core` would return; nil for nothing.
  func highestPending(on core: Int) -> UInt32? {
    updateMaintenance(of: core)
    let it = cores[core]
    guard it.control & 1 != 0, distributorControl & 0b11 != 0 else { return nil }
    let limit = min(it.priorityMask, UInt32(it.running.last?.priority ?? 0xff))
    var candidates: [(priority: UInt8, iar: UInt32)] = []
    for n in 0..<16 as Range<UInt32> where it.sgis[Int(n)] != 0 && isReady(it.sources[Int(n)]) {
      let source = UInt32(it.sgis[Int(n)].trailingZeroBitCount)
      let iar = source << 10 | n
      if !it.activeSGIs.contains(iar) && !it.secure.contains(n) {
        candidates.append((it.sources[Int(n)].priority, iar))
      }
    }
    for n in it.sources.pending where n >= 16 && isReady(it.sources[n]) && !it.sources[n].isActive {
      candidates.append((it.sources[n].priority, UInt32(n)))
    }
    for n in shared.pending {
      let source = shared[n]
      if !source.isActive, isReady(source), source.targets >> it.number & 1 != 0 {
        candidates.append((source.priority, UInt32(n)))
      }
    }
    return candidates.filter { UInt32($0.priority) < limit }
      .min { ($0.priority, $0.iar & 0x3ff) < ($1.priority, $1.iar & 0x3ff) }?.iar
  }

  private func isReady(_ source: Source) -> Bool {
    // The distributor's and the CPU interface's enable of the group. Without the Security Extensions GICC_IAR
    // returns 1022 for group 1.
    let group = source.isGroup1 && !hasSecurityExtensions ? 1 : 0
    return source.isEnabled && distributorControl >> UInt32(group) & 1 != 0 && group == 0
  }

  private func acknowledge() -> UInt32 {
    guard let iar = highestPending(on: executing) else { return 1023 }
    let number = iar & 0x3ff
    cores[executing].running.append((iar, source(number, core: executing).priority))
    if number < 16 {
      cores[executing].sgis[Int(number)] &= ~(1 << UInt8(iar >> 10))
      cores[executing].activeSGIs.insert(iar)
    } else {
      update(number) {
        $0.isActive = true
        $0.isLatched = false
      }
    }
    return iar
  }

  private func deactivate(_ value: UInt32) {
    precondition(cores[executing].control & 1 << 9 != 0, "EOImode 1 is what EL2 counts on")
    if value & 0x3ff < 16 {
      precondition(cores[executing].activeSGIs.remove(value) != nil, "GICC_DIR wants the CPUID too")
    } else {
      update(value & 0x3ff) { $0.isActive = false }
    }
  }

  private func sendSGI(_ value: UInt32) {
    precondition(isComplete, "what the other core is called for is not visible to it")
    precondition(value >> 24 & 3 == 0, "EL2 names its targets")
    for core in cores.indices where value >> (16 + UInt32(cores[core].number)) & 1 != 0 {
      cores[core].sgis[Int(value & 15)] |= 1 << cores[executing].number
    }
  }

  /// Whoever has used the controller before has sent a core an SGI.
  func sendSGI(_ number: Int, to core: Int, from source: UInt8) {
    cores[core].sgis[number] |= 1 << source
  }

  // MARK: GICV, as the guest of a core uses it

  func guestReadIAR(on core: Int) -> UInt32 {
    guard cores[core].hcr & 1 != 0, let n = highestVirtual(on: core) else { return 1023 }
    let list = cores[core].lists[n]
    let priority = virtualPriority(of: list)
    guard UInt32(priority) < cores[core].vmcr >> 24 & 0xf8, priority < runningVirtual(on: core)
    else { return 1023 }
    // AckCtl.
    if list >> 30 & 1 != 0 && cores[core].vmcr & 1 << 2 == 0 { return 1022 }
    cores[core].apr |= 1 << UInt32(priority >> 3)
    cores[core].lists[n] = list & ~(3 << 28) | 2 << 28
    return identity(of: list)
  }

  /// What GICV_IAR says of a list register.
  private func identity(of list: UInt32) -> UInt32 {
    list >> 31 != 0 ? list & 0x3ff : list & 0x3ff | list & 0x1c00
  }

  private func virtualPriority(of list: UInt32) -> UInt8 { UInt8(list >> 23 & 0x1f) << 3 }

  private func highestVirtual(on core: Int) -> Int? {
    (0..<listCount).filter {
      let list = cores[core].lists[$0]
      return list >> 28 & 3 == 1 && cores[core].vmcr >> (list >> 30 & 1) & 1 != 0
    }.min {
      (virtualPriority(of: cores[core].lists[$0]), $0)
        < (virtualPriority(of: cores[core].lists[$1]), $1)
    }
  }

  /// What `core` signals to its guest: 1 is an IRQ, 2 an FIQ, 0 nothing.
  func virtualSignal(on core: Int) -> Int {
    guard cores[core].hcr & 1 != 0, let n = highestVirtual(on: core) else { return 0 }
    let list = cores[core].lists[n]
    let priority = virtualPriority(of: list)
    guard UInt32(priority) < cores[core].vmcr >> 24 & 0xf8, priority < runningVirtual(on: core)
    else { return 0 }
    return list >> 30 & 1 == 0 && cores[core].vmcr & 1 << 3 != 0 ? 2 : 1
  }

  private func runningVirtual(on core: Int) -> UInt8 {
    cores[core].apr == 0 ? 0xff : UInt8(cores[core].apr.trailingZeroBitCount << 3)
  }

  func guestWriteEOIR(_ value: UInt32, on core: Int) {
    guard cores[core].apr != 0 else { return }
    cores[core].apr &= cores[core].apr &- 1
    if cores[core].vmcr & 1 << 9 == 0 { deactivateVirtual(value, on: core) }
  }

  func guestWriteDIR(_ value: UInt32, on core: Int) {
    if cores[core].vmcr & 1 << 9 != 0 { deactivateVirtual(value, on: core) }
  }

  private func deactivateVirtual(_ value: UInt32, on core: Int) {
    guard
      let n = (0..<listCount).first(where: {
        cores[core].lists[$0] >> 29 & 1 == 1 && identity(of: cores[core].lists[$0]) == value
      })
    else {
      let count = cores[core].hcr >> 27
      cores[core].hcr = cores[core].hcr & ~(0x1f << 27) | (count &+ 1) << 27
      return
    }
    let list = cores[core].lists[n]
    cores[core].lists[n] = list & ~(2 << 28)
    if list >> 31 != 0 {
      executing = core
      update(list >> 10 & 0x3ff) { $0.isActive = false }
    }
  }

  /// GICV_CTLR and GICV_PMR.
  func guestWriteInterface(control: UInt32, priorityMask: UInt32, on core: Int) {
    let kept = control & 0x21f
    cores[core].vmcr =
      cores[core].vmcr & ~(0x21f | 0xf800_0000) | kept | (priorityMask & 0xf8) << 24
  }

  private func updateMaintenance(of core: Int) {
    let it = cores[core]
    let states = it.lists[..<listCount].map { $0 >> 28 & 3 }
    var status: UInt32 = 0
    if it.hcr & 1 << 1 != 0 && states.count(where: { $0 != 0 }) <= 1 { status |= 1 << 1 }
    if it.hcr & 1 << 2 != 0 && it.hcr >> 27 != 0 { status |= 1 << 2 }
    if it.hcr & 1 << 3 != 0 && !states.contains(1) { status |= 1 << 3 }
    for group: UInt32 in 0...1 {
      let isEnabled = it.vmcr >> group & 1 != 0
      if it.hcr >> (4 + 2 * group) & 1 != 0 && isEnabled { status |= 1 << (4 + 2 * group) }
      if it.hcr >> (5 + 2 * group) & 1 != 0 && !isEnabled { status |= 1 << (5 + 2 * group) }
    }
    setLine(maintenance, ofCore: core, it.hcr & 1 != 0 && status != 0)
  }

  // MARK: GICv2Access

  func read32(_ frame: GICv2Frame, _ offset: Int) -> UInt32 {
    precondition(offset % 4 == 0)
    isComplete = false
    let it = cores[executing]
    switch (frame, offset) {
    case (.distributor, _): return readDistributor(offset)
    case (.cpuInterface, 0x0): return it.control
    case (.cpuInterface, 0x4):
      guard hasSecurityExtensions else { return it.priorityMask }
      return it.priorityMask & 0x80 == 0 ? 0 : it.priorityMask << 1 & 0xff
    case (.cpuInterface, 0xc): return acknowledge()
    // Five bits of priority, all of them for preemption; some reserved ones.
    case (.virtualControl, 0x4): return UInt32(listCount - 1) | 4 << 26 | 4 << 29 | 1 << 19
    case (.virtualControl, 0x0): return it.hcr
    case (.virtualControl, 0x8): return it.vmcr
    case (.virtualControl, 0x30):
      return (0..<min(listCount, 32)).reduce(0) { mask, n in
        let isEmpty =
          it.lists[n] >> 28 & 3 == 0 && (it.lists[n] >> 31 != 0 || it.lists[n] >> 19 & 1 == 0)
        return mask | (isEmpty ? 1 << UInt32(n) : 0)
      }
    case (.virtualControl, 0xf0): return it.apr
    case (.virtualControl, 0x100..<0x100 + 4 * listCount): return it.lists[(offset - 0x100) / 4]
    default: fatalError("no register to read at \(offset)")
    }
  }

  func write32(_ frame: GICv2Frame, _ offset: Int, _ value: UInt32) {
    precondition(offset % 4 == 0)
    switch (frame, offset) {
    case (.distributor, 0xf00): sendSGI(value)
    case (.distributor, _): writeDistributor(offset, value)
    case (.cpuInterface, 0x0):
      precondition(value & 0b1_1110 == 0, "AckCtl, FIQEn and CBPR are not for EL2")
      cores[executing].control = value
    case (.cpuInterface, 0x4):
      cores[executing].priorityMask = UInt32(kept(UInt8(value)))
    case (.cpuInterface, 0x8): break
    case (.cpuInterface, 0x10):
      let last = cores[executing].running.removeLast()
      precondition(last.iar == value, "GICC_EOIR wants what GICC_IAR said")
    case (.cpuInterface, 0x1000): deactivate(value)
    case (.cpuInterface, 0xd0..<0xf0): cores[executing].running = []
    case (.virtualControl, 0x0):
      precondition(value & 0x07ff_ff00 == 0)
      cores[executing].hcr = value
      incompleteWrites += 1
    case (.virtualControl, 0x8):
      cores[executing].vmcr = value & 0xf8fc_021f
      incompleteWrites += 1
    case (.virtualControl, 0xf0): cores[executing].apr = value
    case (.virtualControl, 0x100..<0x100 + 4 * listCount): writeList((offset - 0x100) / 4, value)
    default: fatalError("no register to write at \(offset)")
    }
    isComplete = false
  }

  private func writeList(_ n: Int, _ value: UInt32) {
    incompleteWrites += 1
    precondition(
      value >> 28 & 3 != 3 || value >> 31 == 0, "pending and active with the hardware link")
    for other in 0..<listCount where other != n && value >> 28 & 3 != 0 {
      let list = cores[executing].lists[other]
      precondition(
        list >> 28 & 3 == 0 || identity(of: list) != identity(of: value),
        "one interrupt in two list registers")
    }
    precondition(value >> 31 == 0 || value >> 10 & 0x3ff >= 16, "an SGI is not physical")
    cores[executing].lists[n] = value & 0xff8f_ffff
  }

  func complete() {
    incompleteWrites = 0
    isComplete = true
  }

  func interfaceBit(of processor: Int) -> UInt8 { bits[processor] }
  func setInterfaceBit(of processor: Int, _ value: UInt8) { bits[processor] = value }

  var guestHasGroup1Only: Bool { hasSecurityExtensions }

  // MARK: Distributor

  private subscript(number: Int) -> Source {
    get {
      guard number < 32 else { return shared[number] }
      return cores[executing].secure.contains(UInt32(number))
        ? Source() : cores[executing].sources[number]
    }
    set {
      guard number < 32 else { return shared[number] = newValue }
      if !cores[executing].secure.contains(UInt32(number)) {
        cores[executing].sources[number] = newValue
      }
    }
  }

  private func readDistributor(_ offset: Int) -> UInt32 {
    switch offset {
    case 0x0: return distributorControl
    // 1020 INTIDs.
    case 0x4:
      return 31 | UInt32(cores.map(\.number).max() ?? 0) << 5
        | (hasSecurityExtensions ? 1 << 10 : 0)
    case 0x8: return 0x0200_143b
    case 0xfe8: return 0x2b
    case 0xd00..<0xd80:
      return word(offset, 0xd00) { $0.isAsserted }
    case 0x080..<0x100: return hasSecurityExtensions ? 0 : word(offset, 0x080) { $0.isGroup1 }
    case 0x100..<0x180: return word(offset, 0x100) { $0.isEnabled }
    case 0x180..<0x200: return word(offset, 0x180) { $0.isEnabled }
    case 0x200..<0x280: return pendingWord(offset, 0x200)
    case 0x280..<0x300: return pendingWord(offset, 0x280)
    case 0x300..<0x380: return word(offset, 0x300) { $0.isActive }
    case 0x380..<0x400: return word(offset, 0x380) { $0.isActive }
    case 0x400..<0x7fc, 0x800..<0xbfc:
      return (0..<4).reduce(0) { $0 | UInt32(read8(.distributor, offset + $1)) << UInt32(8 * $1) }
    case 0xc00..<0xd00:
      return (0..<16).reduce(0) {
        $0 | (self[(offset - 0xc00) * 4 + $1].isEdge ? 0b10 << UInt32(2 * $1) : 0)
      }
    default: return 0
    }
  }

  private func word(_ offset: Int, _ base: Int, _ bit: (Source) -> Bool) -> UInt32 {
    (0..<32).reduce(0) { $0 | (bit(self[(offset - base) * 8 + $1]) ? 1 << UInt32($1) : 0) }
  }

  private func pendingWord(_ offset: Int, _ base: Int) -> UInt32 {
    let value = word(offset, base) { $0.isPending }
    guard offset == base else { return value }
    return (0..<16).reduce(value & 0xffff_0000) {
      $0 | (cores[executing].sgis[$1] != 0 ? 1 << UInt32($1) : 0)
    }
  }

  private func writeDistributor(_ offset: Int, _ value: UInt32) {
    func each(_ base: Int, _ body: (inout Source, Bool) -> Void) {
      for n in 0..<32 { body(&self[(offset - base) * 8 + n], value >> UInt32(n) & 1 != 0) }
    }
    switch offset {
    case 0x0: distributorControl = value & (hasSecurityExtensions ? 1 : 0b11)
    case 0x080..<0x100: if !hasSecurityExtensions { each(0x080) { $0.isGroup1 = $1 } }
    case 0x100..<0x180: each(0x100) { if $1 { $0.isEnabled = true } }
    case 0x180..<0x200:
      let enabled = (0..<16).map { cores[executing].sources[$0].isEnabled }
      each(0x180) { if $1 { $0.isEnabled = false } }
      if sgisArePermanentlyEnabled && offset == 0x180 {
        for n in 0..<16 { cores[executing].sources[n].isEnabled = enabled[n] }
      }
    // GICD_ISPENDR0 and GICD_ICPENDR0 do not change SGIs.
    case 0x200..<0x280:
      for n in 0..<32 where value >> UInt32(n) & 1 != 0 && (offset - 0x200) * 8 + n >= 16 {
        self[(offset - 0x200) * 8 + n].isLatched = true
      }
    case 0x280..<0x300: each(0x280) { if $1 { $0.isLatched = false } }
    case 0x300..<0x380: each(0x300) { if $1 { $0.isActive = true } }
    case 0x380..<0x400: each(0x380) { if $1 { $0.isActive = false } }
    case 0xc00..<0xd00:
      for n in 0..<16 where (offset - 0xc00) * 4 + n >= 16 {
        self[(offset - 0xc00) * 4 + n].isEdge = value >> UInt32(2 * n + 1) & 1 != 0
      }
    default: fatalError("EL2 writes nothing else: \(offset)")
    }
  }

  func read8(_ frame: GICv2Frame, _ offset: Int) -> UInt8 {
    isComplete = false
    switch offset {
    case 0x400..<0x7fc: return seen(self[offset - 0x400].priority)
    case 0x800..<0x820:
      guard cores.count > 1, !cores[executing].secure.contains(UInt32(offset - 0x800)) else {
        return 0
      }
      return 1 << cores[executing].number
    case 0x820..<0xbfc: return shared[offset - 0x800].targets
    default: fatalError("not byte-accessible")
    }
  }

  func write8(_ frame: GICv2Frame, _ offset: Int, _ value: UInt8) {
    isComplete = false
    switch offset {
    case 0x400..<0x7fc: self[offset - 0x400].priority = kept(value)
    case 0x820..<0xbfc: shared[offset - 0x800].targets = value
    default: fatalError("not byte-accessible, or read-only")
    }
  }
}
