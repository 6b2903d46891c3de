/// What EL2 keeps of one vCPU's interrupts beyond the hardware's registers. Only the vCPU's own
/// core touches it; other cores leave word in its `PrivateInterrupts`.
///
/// All zero bytes are a valid value, the same as `init()` makes: it can be put into zeroed storage
/// without a copy of its several KiB.
struct VirtualCPUInterface: ~Copyable {
  /// The index of the vCPU, which is its core's too.
  var processor = 0

  /// `VirtualInterface.readEmptyListRegisters` of the core when all are empty; 0 before it is started.
  var allListsEmpty: UInt64 = 0

  /// Physical interrupts that EL2 has acknowledged for the guest and that are in no list register.
  /// (SGIs wait in `PrivateInterrupts`.)
  var queue = InterruptSet()

  /// Interrupts that the guest is handling and that are in no list register.
  var active = ActiveInterruptStack()

  /// The virtual interface's control as EL2 has written it last.
  var control = VirtualInterfaceControl.none

  /// Virtual interrupts are held back for a step.
  var isWithheld = false

  /// The core waits in EL2, where virtual interrupts are not signalled. ``control`` is what will be.
  var isWaiting = false

  /// The guest's next acknowledge traps, because a level-sensitive interrupt came while the guest could
  /// not take it, and its line may have fallen by then.
  var guardsAcknowledge = false

  /// The guest's deactivations trap, because an active interrupt was moved out while EOImode was 1.
  var trapsDeactivation = false
}
