// The virtual CPU interface of a GICv2: the GICH registers (IHI 0048B.b, 5.3). Their fields are where those of the
// ICH registers are, but for the list registers, which have half the width, and for what a GICv2 does not have.

extension GICv2Access where Self: ~Copyable {
  static var sgisHaveSources: Bool { true }
  static var canTrapAcknowledge: Bool { false }

  func readType() -> VirtualInterfaceType {
    let value = UInt64(read32(.virtualControl, GICv2.GICH.vtr))
    // ListRegs has a bit more than the policy has list registers. Bits [25:6] are reserved.
    return VirtualInterfaceType(rawValue: value & 0xfc00_0000 | min(value & 0x3f, 15))
  }

  func readListRegister(_ n: Int) -> ListRegister {
    ListRegister(
      gichLR: read32(.virtualControl, GICv2.GICH.lr(n)), guestHasGroup1Only: guestHasGroup1Only)
  }

  func writeListRegister(_ n: Int, _ value: ListRegister) {
    write32(
      .virtualControl, GICv2.GICH.lr(n), value.gichLR(guestHasGroup1Only: guestHasGroup1Only))
    // In force before the return to the guest, which waits for no memory.
    complete()
  }

  func readEmptyListRegisters() -> UInt64 {
    // Sixteen at most are used, which are in GICH_ELRSR0.
    UInt64(read32(.virtualControl, GICv2.GICH.elrsr0) & 0xffff)
  }

  func readControl() -> VirtualInterfaceControl {
    VirtualInterfaceControl(
      rawValue: swapGroups(UInt64(read32(.virtualControl, GICv2.GICH.hcr))))
  }

  func writeControl(_ value: VirtualInterfaceControl) {
    // En, UIE, LRENPIE, NPIE, the groups' four and EOICount. Nothing of the guest's traps.
    let value = UInt32(truncatingIfNeeded: swapGroups(value.rawValue) & 0xf800_00ff)
    write32(.virtualControl, GICv2.GICH.hcr, value)
    // A write may be on its way for long after the processor was told that it is complete (early write
    // acknowledgement); a read of the same register comes behind it. A guest whose interrupts are withheld must not
    // get one at its next instruction.
    _ = read32(.virtualControl, GICv2.GICH.hcr)
    complete()
  }

  func readMachineControl() -> VirtualMachineControl {
    var value = UInt64(read32(.virtualControl, GICv2.GICH.vmcr))
    guard guestHasGroup1Only else { return VirtualMachineControl(rawValue: value) }
    // VMG0En is the guest's group 1, and VMBP its binary point.
    value = value & ~0b11 | (value & 1) << 1 | 1 << 4
    return VirtualMachineControl(rawValue: value)
  }

  func writeMachineControl(_ value: VirtualMachineControl) {
    // VFIQEn is RES1 in ICH_VMCR_EL2. Here it is GICC_CTLR.FIQEn, which a reset clears.
    write32(
      .virtualControl, GICv2.GICH.vmcr, UInt32(truncatingIfNeeded: value.rawValue) & ~(1 << 3))
    complete()
  }

  // There are 32 active priorities at most, and one register for both groups.

  func readActivePriorities(_ n: Int) -> UInt32 { read32(.virtualControl, GICv2.GICH.apr) }

  func clearActivePriorities(_ n: Int) { write32(.virtualControl, GICv2.GICH.apr, 0) }

  /// GICH_HCR.VGrp0EIE and VGrp0DIE for VGrp1EIE and VGrp1DIE, where the guest's group 1 is offered as group 0.
  private func swapGroups(_ control: UInt64) -> UInt64 {
    guard guestHasGroup1Only else { return control }
    return control & ~0xf0 | control >> 2 & 0x30 | control << 2 & 0xc0
  }
}
