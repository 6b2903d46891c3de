/// The registers of a GICv3, one access at a time. The real ones are `GICv3Hardware`; the tests have a
/// model. `GICv3+VirtualInterface.swift` and `GICv3+DistributorHardware.swift` make of them what the policy
/// asks for, so that this half is tested on the host as well.
protocol GICv3Access: VirtualInterface, DistributorHardware, ~Copyable {
  /// Reads a system register of the executing core. Reading ICC_IAR1_EL1 acknowledges.
  func read(_ register: GICv3SystemRegister) -> UInt64

  /// Writes a system register of the executing core, with the barriers that its effect needs.
  func write(_ register: GICv3SystemRegister, _ value: UInt64)

  /// One access of a memory-mapped register. `offset` is within the frame and aligned to the size.
  func read8(_ frame: GICv3Frame, _ offset: Int) -> UInt8
  func read32(_ frame: GICv3Frame, _ offset: Int) -> UInt32
  func read64(_ frame: GICv3Frame, _ offset: Int) -> UInt64
  func write8(_ frame: GICv3Frame, _ offset: Int, _ value: UInt8)
  func write32(_ frame: GICv3Frame, _ offset: Int, _ value: UInt32)
  func write64(_ frame: GICv3Frame, _ offset: Int, _ value: UInt64)

  /// Waits while `condition` holds.
  ///
  /// - Returns: false if it still holds after the time that a register of the controller's may take.
  func wait(while condition: () -> Bool) -> Bool

  /// The place of a core in the affinity hierarchy.
  func affinity(of processor: Int) -> Affinity

  /// The vCPU whose core has that place, or nil.
  func processor(of affinity: Affinity) -> Int?

  /// Whether the redistributor of the vCPU is the last that the guest finds in its region.
  func isLastRedistributor(_ processor: Int) -> Bool

  /// EL2's own memory, where no table of the guest's may be.
  var hypervisorMemory: Range<UInt64> { get }

  /// Held while a register is written that says where the guest's LPI tables are, or that they are in use.
  /// The holder makes a few register accesses and nothing else, so whoever waits for it does not wait long.
  func lockLPITables()
  func unlockLPITables()
}

/// The system registers of a GICv3 that EL2 uses (IHI 0069, 12.2 and 12.4).
enum GICv3SystemRegister: Equatable, Sendable {
  case iccSRE, iccCTLR, iccPMR, iccBPR1, iccIGRPEN1
  case iccIAR1, iccEOIR1, iccDIR, iccSGI1R
  case ichHCR, ichVTR, ichVMCR, ichELRSR
  /// ICH_LR<n>_EL2, n from 0 to ICH_VTR_EL2.ListRegs.
  case ichLR(Int)
  /// ICH_AP0R<n>_EL2 and ICH_AP1R<n>_EL2, n from 0 to 3 as ICH_VTR_EL2.PREbits allows.
  case ichAP0R(Int), ichAP1R(Int)
}

/// A block of memory-mapped registers.
enum GICv3Frame: Equatable, Sendable {
  /// GICD, 64 KiB.
  case distributor
  /// The GICR frames of the core of this vCPU: RD_base, then SGI_base at 0x10000.
  case redistributor(Int)
}
