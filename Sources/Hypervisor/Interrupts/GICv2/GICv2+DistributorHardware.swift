// Distributor and physical CPU interface of a GICv2 (IHI 0048B.b, 4.3 and 4.4).

extension GICv2Access where Self: ~Copyable {
  static var privateRegistersAreBanked: Bool { true }

  // MARK: The CPU interface of the executing core

  func enableCPUInterface() {}

  func identifyCore(_ processor: Int) {
    // Each byte that is implemented reads as the reader's own bit, those of Secure SGIs as 0 to Non-secure software.
    // With a single CPU interface all are 0.
    var bits: UInt32 = 0
    for word in 0..<8 {
      bits |= read32(
        .distributor,
        InterruptRegister.itargetsr.gicv2Offset(of: InterruptNumber(UInt32(word) &* 4)))
    }
    bits |= bits >> 16
    bits = (bits | bits >> 8) & 0xff
    setInterfaceBit(of: processor, bits == 0 ? 1 : UInt8(truncatingIfNeeded: bits & (0 &- bits)))
  }

  func startCPUInterface() {
    // What was active for whoever ran before is active no longer here, or it would hold back what is no more urgent.
    for n in 0..<4 {
      write32(.cpuInterface, GICv2.GICC.apr(n), 0)
      write32(.cpuInterface, GICv2.GICC.nsapr(n), 0)
    }
    writePriorityMask(0xff)
    write32(.cpuInterface, GICv2.GICC.bpr, 0)
    // AckCtl, FIQEn and CBPR are 0: what is enabled comes as IRQ, and by GICC_IAR.
    var control = GICv2.GICC_CTLR(rawValue: read32(.cpuInterface, GICv2.GICC.ctlr))
    control = control.intersection(.bypass)
    control.insert(.eoiMode)
    control.insert(.enable)
    write32(.cpuInterface, GICv2.GICC.ctlr, control.rawValue)
    complete()
  }

  /// GICC_IAR: the CPU that sent an SGI is at [12:10], and GICC_EOIR and GICC_DIR want it back.
  func acknowledge() -> AcknowledgedInterrupt {
    let value = read32(.cpuInterface, GICv2.GICC.iar) & 0x1fff
    // The acknowledge is complete, and what the sender of an SGI wrote is visible, before what follows.
    complete()
    return AcknowledgedInterrupt(rawValue: value)
  }

  static func number(of acknowledged: AcknowledgedInterrupt) -> InterruptNumber {
    InterruptNumber(acknowledged.rawValue & 0x3ff)
  }

  func dropPriority(_ acknowledged: AcknowledgedInterrupt) {
    write32(.cpuInterface, GICv2.GICC.eoir, acknowledged.rawValue)
  }

  func deactivate(_ acknowledged: AcknowledgedInterrupt) {
    write32(.cpuInterface, GICv2.GICC.dir, acknowledged.rawValue)
  }

  func deactivate(_ number: InterruptNumber) {
    write32(.cpuInterface, GICv2.GICC.dir, number.rawValue)
  }

  func readPriorityMask() -> UInt8 {
    UInt8(truncatingIfNeeded: read32(.cpuInterface, GICv2.GICC.pmr))
  }

  func writePriorityMask(_ value: UInt8) {
    write32(.cpuInterface, GICv2.GICC.pmr, UInt32(value))
    // As for GICH_HCR: a core that is about to wait must not be woken by what it has masked.
    _ = read32(.cpuInterface, GICv2.GICC.pmr)
    complete()
  }

  /// What sticks in GICC_PMR. Non-secure software has a bit less than there is.
  var priorityBits: Int {
    let mask = read32(.cpuInterface, GICv2.GICC.pmr)
    write32(.cpuInterface, GICv2.GICC.pmr, 0xff)
    let bits = (read32(.cpuInterface, GICv2.GICC.pmr) & 0xff).nonzeroBitCount
    write32(.cpuInterface, GICv2.GICC.pmr, mask)
    return min(max(guestHasGroup1Only ? bits &+ 1 : bits, 4), 8)
  }

  func sendSGI(_ number: InterruptNumber, to processor: Int) {
    // A core that has not come up has nothing to look at.
    let target = interfaceBit(of: processor)
    guard target != 0 else { return }
    // What the other core is called for is visible to it before it is called.
    complete()
    write32(
      .distributor, GICv2.GICD.sgir, GICv2.GICD_SGIR(sgi: number, targets: target).rawValue)
  }

  func sgiSource(of processor: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: interfaceBit(of: processor).trailingZeroBitCount & 7)
  }

  // MARK: Fields of one interrupt

  func read(_ register: InterruptRegister, of number: InterruptNumber, on processor: Int) -> UInt32
  {
    read32(.distributor, register.gicv2Offset(of: number))
  }

  func write(
    _ register: InterruptRegister, of number: InterruptNumber, on processor: Int, _ value: UInt32
  ) {
    write32(.distributor, register.gicv2Offset(of: number), value)
  }

  func readPriority(of number: InterruptNumber, on processor: Int) -> UInt8 {
    read8(.distributor, InterruptRegister.ipriorityr.gicv2Offset(of: number))
  }

  func writePriority(of number: InterruptNumber, on processor: Int, _ value: UInt8) {
    write8(.distributor, InterruptRegister.ipriorityr.gicv2Offset(of: number), value)
  }

  func route(_ number: InterruptNumber, to processor: Int) {
    write8(
      .distributor, InterruptRegister.itargetsr.gicv2Offset(of: number), interfaceBit(of: processor)
    )
  }

  /// There is no RWP. A read behind the write says that it has arrived.
  func waitForWrite(of number: InterruptNumber, on processor: Int) -> Bool {
    _ = read(.icenabler, of: number, on: processor)
    complete()
    return true
  }

  func lpiConfiguration(of number: InterruptNumber) -> UInt8 { 0 }

  // MARK: Starting

  private var distributorType: GICv2.GICD_TYPER {
    GICv2.GICD_TYPER(rawValue: read32(.distributor, GICv2.GICD.typer))
  }

  var hasSingleSecurityState: Bool { !guestHasGroup1Only }

  /// Group 0 without the Security Extensions: an interrupt of group 1 would need GICC_AIAR, or AckCtl, whose use is
  /// deprecated. Non-secure software has group 1, and cannot choose.
  var physicalGroup: InterruptGroup { guestHasGroup1Only ? .group1 : .group0 }

  /// GICD_CTLR. EnableGrp1 is bit 0 as Non-secure software sees it.
  var enabledGroups: InterruptGroups {
    let value = read32(.distributor, GICv2.GICD.ctlr)
    return InterruptGroups(rawValue: guestHasGroup1Only ? (value & 1) << 1 : value & 0b11)
  }

  func enableGroups(_ groups: InterruptGroups) -> Bool {
    write32(
      .distributor, GICv2.GICD.ctlr, guestHasGroup1Only ? groups.rawValue >> 1 : groups.rawValue)
    complete()
    return true
  }

  // INTIDs 0 to 31 have a word, which is banked.
  var sharedWordCount: Int { distributorType.itLinesNumber }

  var extendedSharedWordCount: Int { 0 }

  func privateWordCount(on processor: Int) -> Int { 1 }

  func isAsleep(_ processor: Int) -> Bool { false }

  func wake(_ processor: Int) -> Bool { true }

  func report(_ fault: InterruptControllerFault) {}

  /// How many CPU interfaces there are.
  var interfaceCount: Int { distributorType.cpuCount }
}

// MARK: Where a GICv2 has the registers with a field for each interrupt

extension InterruptRegister {
  /// Where the fields of INTID 0 are; nil for what only a GICv3 has.
  fileprivate var gicv2Base: Int? {
    switch self {
    case .igroupr: 0x080
    case .isenabler: 0x100
    case .icenabler: 0x180
    case .ispendr: 0x200
    case .icpendr: 0x280
    case .isactiver: 0x300
    case .icactiver: 0x380
    case .ipriorityr: 0x400
    case .itargetsr: 0x800
    case .icfgr: 0xc00
    case .igrpmodr, .nsacr, .inmir, .irouter: nil
    }
  }

  private static var ofGICv2: InlineArray<10, InterruptRegister> {
    [
      .igroupr, .isenabler, .icenabler, .ispendr, .icpendr, .isactiver, .icactiver,
      .ipriorityr, .itargetsr, .icfgr,
    ]
  }

  /// What is at `offset` of a GICv2's distributor; nil for what is no such register, and beyond the last INTID.
  static func field(inGICv2At offset: Int) -> InterruptField? {
    let registers = ofGICv2
    for n in registers.indices {
      let register = registers[n]
      guard let base = register.gicv2Base else { continue }
      let number = (offset &- base) &* 8 / register.width
      // INTIDs 1020 to 1023 have bits in the last words, and nothing else.
      guard offset >= base, number < (register.width < 8 ? 1024 : 1020) else { continue }
      return InterruptField(register: register, number: InterruptNumber(UInt32(number)))
    }
    return nil
  }

  /// The offset of the 32-bit register, or of the byte, that has the field of `number`, 0 to 1019.
  func gicv2Offset(of number: InterruptNumber) -> Int {
    let bit = (gicv2Base ?? 0) &* 8 &+ Int(number.rawValue) &* width
    return width < 8 ? bit / 32 &* 4 : bit / 8
  }
}
