// The virtual CPU interface of a GICv3: the ICH registers (IHI 0069, 12.4). The values of the policy are
// laid out as they are, so nothing is converted.

extension GICv3Access where Self: ~Copyable {
  static var sgisHaveSources: Bool { false }
  static var canTrapAcknowledge: Bool { true }

  @inline(__always)
  func readType() -> VirtualInterfaceType { VirtualInterfaceType(rawValue: read(.ichVTR)) }

  @inline(__always)
  func readListRegister(_ n: Int) -> ListRegister { ListRegister(rawValue: read(.ichLR(n))) }

  @inline(__always)
  func writeListRegister(_ n: Int, _ value: ListRegister) { write(.ichLR(n), value.rawValue) }

  @inline(__always)
  func readEmptyListRegisters() -> UInt64 { read(.ichELRSR) }

  @inline(__always)
  func readControl() -> VirtualInterfaceControl {
    VirtualInterfaceControl(rawValue: read(.ichHCR))
  }

  @inline(__always)
  func writeControl(_ value: VirtualInterfaceControl) { write(.ichHCR, value.rawValue) }

  @inline(__always)
  func readMachineControl() -> VirtualMachineControl {
    VirtualMachineControl(rawValue: read(.ichVMCR))
  }

  func writeMachineControl(_ value: VirtualMachineControl) { write(.ichVMCR, value.rawValue) }

  func readActivePriorities(_ n: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: read(.ichAP0R(n)) | read(.ichAP1R(n)))
  }

  func clearActivePriorities(_ n: Int) {
    write(.ichAP0R(n), 0)
    write(.ichAP1R(n), 0)
  }
}
