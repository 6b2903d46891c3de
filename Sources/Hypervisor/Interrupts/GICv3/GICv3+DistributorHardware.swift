// Distributor, redistributors and physical CPU interface of a GICv3 (IHI 0069, 12.2, 12.9 and 12.11).

extension GICv3Access where Self: ~Copyable {
  static var privateRegistersAreBanked: Bool { false }

  // MARK: The CPU interface of the executing core

  /// Any core finds any other's registers, by its affinity.
  func identifyCore(_ processor: Int) {}

  func enableCPUInterface() {
    // Before, the other registers are UNDEFINED (IHI 0069, 12.2.25).
    write(.iccSRE, ControlRegisters.iccSRE)
  }

  func startCPUInterface() {
    write(.iccCTLR, read(.iccCTLR) | ICC_CTLR.eoiMode.rawValue)
    writePriorityMask(0xff)
    write(.iccBPR1, 0)
    write(.iccIGRPEN1, 1)
  }

  @inline(__always)
  func acknowledge() -> AcknowledgedInterrupt {
    AcknowledgedInterrupt(rawValue: UInt32(truncatingIfNeeded: read(.iccIAR1) & 0xff_ffff))
  }

  @inline(__always)
  static func number(of acknowledged: AcknowledgedInterrupt) -> InterruptNumber {
    InterruptNumber(acknowledged.rawValue)
  }

  @inline(__always)
  func dropPriority(_ acknowledged: AcknowledgedInterrupt) {
    write(.iccEOIR1, UInt64(acknowledged.rawValue))
  }

  @inline(__always)
  func deactivate(_ acknowledged: AcknowledgedInterrupt) {
    write(.iccDIR, UInt64(acknowledged.rawValue))
  }

  @inline(__always)
  func deactivate(_ number: InterruptNumber) { write(.iccDIR, UInt64(number.rawValue)) }

  func readPriorityMask() -> UInt8 { UInt8(truncatingIfNeeded: read(.iccPMR)) }

  func writePriorityMask(_ value: UInt8) { write(.iccPMR, UInt64(value)) }

  var priorityBits: Int { ICC_CTLR(rawValue: read(.iccCTLR)).priorityBits }

  func sendSGI(_ number: InterruptNumber, to processor: Int) {
    write(.iccSGI1R, ICC_SGIR(sgi: number, target: affinity(of: processor)).rawValue)
  }

  func sgiSource(of processor: Int) -> UInt8 { UInt8(truncatingIfNeeded: processor) }

  // MARK: Fields of one interrupt

  /// The frame that has the registers of `number`, an SGI, PPI or SPI, for the core `processor`.
  @inline(__always)
  func frame(of number: InterruptNumber, on processor: Int) -> GICv3Frame {
    number.kind == .spi ? .distributor : .redistributor(processor)
  }

  func read(
    _ register: InterruptRegister, of number: InterruptNumber, on processor: Int
  ) -> UInt32 {
    read32(frame(of: number, on: processor), register.offset(of: number))
  }

  func write(
    _ register: InterruptRegister, of number: InterruptNumber, on processor: Int, _ value: UInt32
  ) {
    write32(frame(of: number, on: processor), register.offset(of: number), value)
  }

  @inline(__always)
  func readPriority(of number: InterruptNumber, on processor: Int) -> UInt8 {
    read8(frame(of: number, on: processor), InterruptRegister.ipriorityr.offset(of: number))
  }

  func writePriority(of number: InterruptNumber, on processor: Int, _ value: UInt8) {
    write8(
      frame(of: number, on: processor), InterruptRegister.ipriorityr.offset(of: number), value)
  }

  func route(_ number: InterruptNumber, to processor: Int) {
    write64(
      .distributor, InterruptRegister.irouter.offset(of: number), affinity(of: processor).route)
  }

  func waitForWrite(of number: InterruptNumber, on processor: Int) -> Bool {
    let frame = frame(of: number, on: processor)
    return wait {
      frame == .distributor
        ? GICD_CTLR(rawValue: read32(frame, GICD.ctlr)).contains(.rwp)
        : GICR_CTLR(rawValue: read32(frame, GICR.ctlr)).contains(.rwp)
    }
  }

  // MARK: Starting

  private var distributorControl: GICD_CTLR { GICD_CTLR(rawValue: read32(.distributor, GICD.ctlr)) }

  var hasSingleSecurityState: Bool { distributorControl.contains(.ds) }

  var physicalGroup: InterruptGroup { .group1 }

  var enabledGroups: InterruptGroups { distributorControl.enabledGroups }

  func enableGroups(_ groups: InterruptGroups) -> Bool {
    // ARE may only change while the groups are disabled.
    var control = distributorControl
    control.enabledGroups = .none
    control.insert(.are)
    write32(.distributor, GICD.ctlr, control.rawValue)
    guard waitForDistributor() else { return false }
    guard groups != .none else { return true }
    control.enabledGroups = groups
    write32(.distributor, GICD.ctlr, control.rawValue)
    return waitForDistributor()
  }

  private func waitForDistributor() -> Bool {
    wait { distributorControl.contains(.rwp) }
  }

  private var distributorType: GICD_TYPER { GICD_TYPER(rawValue: read32(.distributor, GICD.typer)) }

  // INTIDs 0 to 31 have a word, which is the redistributors'.
  var sharedWordCount: Int { distributorType.itLinesNumber }

  var extendedSharedWordCount: Int { distributorType.extendedWordCount }

  func privateWordCount(on processor: Int) -> Int {
    min(GICR_TYPER(rawValue: read64(.redistributor(processor), GICR.typer)).ppiNum, 2) &+ 1
  }

  func isAsleep(_ processor: Int) -> Bool {
    GICR_WAKER(rawValue: read32(.redistributor(processor), GICR.waker)).contains(.processorSleep)
  }

  func wake(_ processor: Int) -> Bool {
    let frame = GICv3Frame.redistributor(processor)
    var waker = GICR_WAKER(rawValue: read32(frame, GICR.waker))
    waker.remove(.processorSleep)
    write32(frame, GICR.waker, waker.rawValue)
    return wait { GICR_WAKER(rawValue: read32(frame, GICR.waker)).contains(.childrenAsleep) }
  }
}
