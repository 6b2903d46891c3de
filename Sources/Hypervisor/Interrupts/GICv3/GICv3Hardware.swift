internal import EL2Support
internal import RemoteProtocol
internal import Synchronization

/// The redistributors of the vCPUs' cores. (Arrays of their own, because the guest's interrupts wait for the first.)
struct Redistributors {
  /// RD_base. No frame begins at the highest address, which says that none was found yet.
  let bases: PerVCPU<UInt>
  /// The core's place in the affinity hierarchy.
  let affinities: PerVCPU<Affinity>
  /// The redistributor says Last to the guest.
  let isLast: PerVCPU<Bool>
  /// The vCPUs by ascending affinity.
  private let order: PerVCPU<UInt16>

  var count: Int { bases.count }

  /// Those of the `count` cores with the affinities of `mpidrs`, none of which was found yet.
  ///
  /// - Returns: nil where `memory` has no room.
  init?(_ count: Int, mpidrs: PerVCPU<UInt64>, in memory: inout BootMemory) {
    guard let bases = PerVCPU<UInt>(count, in: &memory, { _ in .max }),
      let affinities = PerVCPU<Affinity>(count, in: &memory, { Affinity(mpidr: mpidrs[$0]) }),
      let isLast = PerVCPU<Bool>(count, in: &memory, { _ in false }),
      let order = PerVCPU<UInt16>(count, in: &memory, { UInt16(truncatingIfNeeded: $0) })
    else { return nil }
    // Device trees list CPUs in this order, or nearly.
    for n in 1..<max(1, count) {
      var place = n
      while place > 0,
        affinities[Int(order[place &- 1])].rawValue > affinities[Int(order[place])].rawValue
      {
        (order[place &- 1], order[place]) = (order[place], order[place &- 1])
        place &-= 1
      }
    }
    self.bases = bases
    self.affinities = affinities
    self.isLast = isLast
    self.order = order
  }

  /// The vCPU whose core has that affinity, or nil. In a number of steps that hardly depends on how many there are.
  func processor(of affinity: Affinity) -> Int? {
    var first = 0
    var end = count
    while first < end {
      let middle = (first &+ end) &>> 1
      let processor = Int(order[middle])
      let found = affinities[processor].rawValue
      if found == affinity.rawValue { return processor }
      if found < affinity.rawValue { first = middle &+ 1 } else { end = middle }
    }
    return nil
  }
}

/// The GICv3 of the machine: its registers in memory, and the system registers of the executing
/// core.
struct GICv3Hardware: GICv3Access, ~Copyable {
  private let distributor: UInt
  private let redistributors: Redistributors
  private let memory: MemoryRegions
  let hypervisorMemory: Range<UInt64>
  private let lpiTables = Atomic(false)
  private let hasReported = Atomic(false)
  private let inPlace = InPlace()

  /// - Parameters:
  ///   - distributor: where GICD is. All addresses are physical ones, which EL2 maps one to one.
  ///   - redistributors: those of the vCPUs' cores.
  ///   - memory: the RAM that EL2 has mapped, where the guest's LPI tables may be, except in
  ///     `hypervisorMemory`.
  init(
    distributor: UInt, redistributors: Redistributors, memory: consuming MemoryRegions,
    hypervisorMemory: Range<UInt64>
  ) {
    self.distributor = distributor
    self.redistributors = redistributors
    self.memory = memory
    self.hypervisorMemory = hypervisorMemory
  }

  func affinity(of processor: Int) -> Affinity { redistributors.affinities[processor] }

  func processor(of affinity: Affinity) -> Int? { redistributors.processor(of: affinity) }

  func isLastRedistributor(_ processor: Int) -> Bool { redistributors.isLast[processor] }

  // MARK: System registers

  func read(_ register: GICv3SystemRegister) -> UInt64 {
    switch register {
    case .iccSRE: return el2_read_icc_sre_el2()
    case .iccCTLR: return el2_read_icc_ctlr_el1()
    case .iccPMR: return el2_read_icc_pmr_el1()
    case .iccBPR1: return el2_read_icc_bpr1_el1()
    case .iccIGRPEN1: return el2_read_icc_igrpen1_el1()
    case .iccIAR1:
      let number = el2_read_icc_iar1_el1()
      // The acknowledge has taken effect before anything that depends on it (IHI 0069, 4.1.2).
      el2_dsb_sy()
      return number
    // Write-only.
    case .iccEOIR1, .iccDIR, .iccSGI1R: return 0
    case .ichHCR: return el2_read_ich_hcr_el2()
    case .ichVTR: return el2_read_ich_vtr_el2()
    case .ichVMCR: return el2_read_ich_vmcr_el2()
    case .ichELRSR: return el2_read_ich_elrsr_el2()
    case .ichLR(let n): return el2_read_ich_lr_el2(UInt32(truncatingIfNeeded: n))
    case .ichAP0R(let n): return el2_read_ich_ap0r_el2(UInt32(truncatingIfNeeded: n))
    case .ichAP1R(let n): return el2_read_ich_ap1r_el2(UInt32(truncatingIfNeeded: n))
    }
  }

  func write(_ register: GICv3SystemRegister, _ value: UInt64) {
    switch register {
    case .iccSRE: el2_write_icc_sre_el2(value)
    case .iccCTLR: el2_write_icc_ctlr_el1(value)
    case .iccPMR: el2_write_icc_pmr_el1(value)
    case .iccBPR1: el2_write_icc_bpr1_el1(value)
    case .iccIGRPEN1: el2_write_icc_igrpen1_el1(value)
    // Read-only.
    case .iccIAR1, .ichVTR, .ichELRSR: return
    case .iccEOIR1: el2_write_icc_eoir1_el1(value)
    case .iccDIR: el2_write_icc_dir_el1(value)
    case .iccSGI1R:
      // What the other core is called for is visible to it before it is called.
      el2_dsb_ish()
      el2_write_icc_sgi1r_el1(value)
    case .ichHCR: el2_write_ich_hcr_el2(value)
    case .ichVMCR: el2_write_ich_vmcr_el2(value)
    // Nothing reads the list registers before the return to the guest, which is a context
    // synchronization event.
    case .ichLR(let n): return el2_write_ich_lr_el2(UInt32(truncatingIfNeeded: n), value)
    case .ichAP0R(let n): el2_write_ich_ap0r_el2(UInt32(truncatingIfNeeded: n), value)
    case .ichAP1R(let n): el2_write_ich_ap1r_el2(UInt32(truncatingIfNeeded: n), value)
    }
    el2_isb()
  }

  // MARK: Memory-mapped registers
  //
  // The frames are those of the device tree, which EL2 has mapped, and every offset is that of a register in one.

  private func address(_ frame: GICv3Frame, _ offset: Int) -> UInt {
    switch frame {
    case .distributor: distributor &+ UInt(bitPattern: offset)
    case .redistributor(let n): redistributors.bases[n] &+ UInt(bitPattern: offset)
    }
  }

  func read8(_ frame: GICv3Frame, _ offset: Int) -> UInt8 {
    unsafe el2_mmio_read8(address(frame, offset))
  }
  func read32(_ frame: GICv3Frame, _ offset: Int) -> UInt32 {
    unsafe el2_mmio_read32(address(frame, offset))
  }
  func read64(_ frame: GICv3Frame, _ offset: Int) -> UInt64 {
    unsafe el2_mmio_read64(address(frame, offset))
  }
  func write8(_ frame: GICv3Frame, _ offset: Int, _ value: UInt8) {
    unsafe el2_mmio_write8(address(frame, offset), value)
  }
  func write32(_ frame: GICv3Frame, _ offset: Int, _ value: UInt32) {
    unsafe el2_mmio_write32(address(frame, offset), value)
  }
  func write64(_ frame: GICv3Frame, _ offset: Int, _ value: UInt64) {
    unsafe el2_mmio_write64(address(frame, offset), value)
  }

  /// For a second, as Linux waits.
  func wait(while condition: () -> Bool) -> Bool {
    let start = el2_read_cntpct_el0()
    // Firmware that has not set CNTFRQ_EL0 leaves 0 there.
    let second = max(el2_read_cntfrq_el0(), 1_000_000)
    while condition() {
      if el2_read_cntpct_el0() &- start > second { return false }
    }
    return true
  }

  func report(_ fault: InterruptControllerFault) {
    guard !hasReported.exchange(true, ordering: .relaxed) else { return }
    var console = FaultConsole.current
    console.write("Stepwell: ")
    console.write(MachineError.interruptControllerStuck(fault).sentence)
    console.write("\n")
  }

  // MARK: LPIs

  /// All redistributors share one table (GICR_TYPER.CommonLPIAff), or the guest has given them
  /// equal ones; which is the executing core's is not known here, so the first one's is read.
  func lpiConfiguration(of number: InterruptNumber) -> UInt8 {
    let table = GICR_PROPBASER(rawValue: read64(.redistributor(0), GICR.propbaser))
    guard number.rawValue >= 8192, UInt64(number.rawValue) >> (table.idBits &+ 1) == 0 else {
      return 0
    }
    let address = table.address &+ UInt64(number.rawValue &- 8192)
    // The table is the guest's memory, where something may answer with an abort.
    guard memory.contains(address) else { return 0 }
    let result = el2_guarded_load8(UInt(address))
    return result.failed == 0 ? UInt8(truncatingIfNeeded: result.value) : 0
  }

  func lockLPITables() {
    while lpiTables.exchange(true, ordering: .acquiring) {}
  }

  func unlockLPITables() { lpiTables.store(false, ordering: .releasing) }
}
