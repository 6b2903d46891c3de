/// The physical interrupt controller and the virtual CPU interface of the executing core: all that
/// the policy in this folder touches. The real one is `GICv3Hardware`; the tests have a model.
protocol InterruptHardware: ~Copyable {
  /// Reads a system register of the executing core. Reading ICC_IAR1_EL1 acknowledges.
  func read(_ register: InterruptSystemRegister) -> UInt64

  /// Writes a system register of the executing core, with the barriers that its effect needs.
  func write(_ register: InterruptSystemRegister, _ value: UInt64)

  /// One access of a memory-mapped register. `offset` is within the frame and aligned to the size.
  func read8(_ frame: InterruptFrame, _ offset: Int) -> UInt8
  func read32(_ frame: InterruptFrame, _ offset: Int) -> UInt32
  func read64(_ frame: InterruptFrame, _ offset: Int) -> UInt64
  func write8(_ frame: InterruptFrame, _ offset: Int, _ value: UInt8)
  func write32(_ frame: InterruptFrame, _ offset: Int, _ value: UInt32)
  func write64(_ frame: InterruptFrame, _ offset: Int, _ value: UInt64)

  /// The byte that the guest's LPI configuration table has for `number` (IHI 0069, 5.1.1): priority
  /// at [7:2], enable at [0]. 0 where the table does not reach.
  func lpiConfiguration(of number: InterruptNumber) -> UInt8

  /// EL2's own memory, where no table of the guest's may be.
  var hypervisorMemory: Range<UInt64> { get }
}

/// The system registers of a GICv3 that EL2 uses (IHI 0069, 12.2 and 12.4).
enum InterruptSystemRegister: Equatable, Sendable {
  case iccSRE, iccCTLR, iccPMR, iccBPR1, iccIGRPEN1
  case iccIAR1, iccEOIR1, iccDIR, iccSGI1R
  case ichHCR, ichVTR, ichVMCR, ichELRSR
  /// ICH_LR<n>_EL2, n from 0 to ICH_VTR_EL2.ListRegs.
  case ichLR(Int)
  /// ICH_AP0R<n>_EL2 and ICH_AP1R<n>_EL2, n from 0 to 3 as ICH_VTR_EL2.PREbits allows.
  case ichAP0R(Int), ichAP1R(Int)
}

/// A block of memory-mapped registers.
enum InterruptFrame: Equatable, Sendable {
  /// GICD, 64 KiB.
  case distributor
  /// The GICR frames of the processor of this index: RD_base, then SGI_base at 0x10000.
  case redistributor(Int)
}
