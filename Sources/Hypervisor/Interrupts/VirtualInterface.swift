/// The virtual CPU interface of the executing core: what EL2 offers its guest's interrupts through.
///
/// `InterruptController` knows it only by the values below; how they lie in registers is the conforming
/// type's business. Nothing that is written has to have taken effect before the core returns to the guest.
protocol VirtualInterface: ~Copyable {
  /// Whether an SGI is pending once for each CPU that sent it, as on a GICv2. On a GICv3 it is pending or not.
  static var sgisHaveSources: Bool { get }

  /// Whether the guest's next acknowledge can be made to trap: ICH_HCR_EL2.TALL0 and TALL1. A GICv2 has no
  /// such trap, because its guest reads GICV_IAR in memory.
  static var canTrapAcknowledge: Bool { get }

  /// What this core's interface can do: ICH_VTR_EL2, GICH_VTR.
  func readType() -> VirtualInterfaceType

  /// List register `n`, below `VirtualInterfaceType.listRegisterCount`: ICH_LR<n>_EL2, GICH_LR<n>.
  func readListRegister(_ n: Int) -> ListRegister
  func writeListRegister(_ n: Int, _ value: ListRegister)

  /// A bit for each list register that is empty: ICH_ELRSR_EL2, GICH_ELRSR0 and GICH_ELRSR1.
  func readEmptyListRegisters() -> UInt64

  /// EL2's control of the interface: ICH_HCR_EL2, GICH_HCR. A bit that the hardware does not have is dropped.
  func readControl() -> VirtualInterfaceControl
  func writeControl(_ value: VirtualInterfaceControl)

  /// What the guest wrote to its CPU interface: ICH_VMCR_EL2, GICH_VMCR.
  func readMachineControl() -> VirtualMachineControl
  func writeMachineControl(_ value: VirtualMachineControl)

  /// The `n`-th 32 active priorities, those of both groups together, `n` below
  /// `VirtualInterfaceType.activePriorityRegisterCount`: ICH_AP0R<n>_EL2 and ICH_AP1R<n>_EL2, GICH_APR.
  func readActivePriorities(_ n: Int) -> UInt32

  /// Clears the `n`-th 32 active priorities of both groups.
  func clearActivePriorities(_ n: Int)
}
