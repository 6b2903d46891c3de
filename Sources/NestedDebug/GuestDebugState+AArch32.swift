public import ArmDebug

extension GuestDebugState {
  /// Completes an access by a program at AArch32 EL0, as an access to the AArch64 register of which this
  /// is another name.
  mutating func access(
    _ register: AArch32DebugRegister, isRead: Bool, value: UInt64,
    on capabilities: DebugCapabilities
  ) -> AccessResult {
    if let view = register.register {
      // The other fields of DBGDSCRint are UNKNOWN at EL0; those of MDCCSR_EL0 are RES0.
      return access(.single(view), isRead: isRead, value: value, on: capabilities)
    }
    guard isRead else { return .undefined }
    // DBGDSAR is RAZ since Armv8.
    return .read(register == .dbgdidr ? capabilities.dbgdidr : 0)
  }
}

extension VirtualDebug {
  /// Completes a trapped access by a program at AArch32 EL0 to a debug register, on guest state. `value`
  /// is the value of a write. The hypervisor goes on as after an access to an AArch64 register.
  ///
  /// MDSCR_EL1.TDCC is not checked, neither here nor for AArch64. The plan leaves the bit to the guest, and
  /// the processor takes an access from EL0 that it forbids to EL1 before it considers MDCR_EL2
  /// (pseudocode of DBGDIDR, MDCCSR_EL0 …). So only accesses that the guest permits come to EL2.
  public mutating func access(
    _ register: AArch32DebugRegister, isRead: Bool, value: UInt64
  ) -> AccessResult {
    guest.access(register, isRead: isRead, value: value, on: capabilities)
  }

  /// Whether an access that EL2 is about to make for the guest, to `size` bytes at `address`, would hit a
  /// watchpoint of the plan. The hypervisor then passes a watchpoint exception to `handle`, and makes the
  /// access when the guest executes the instruction again.
  public func watches<Hardware: GuestProcessor & ~Copyable>(
    _ address: UInt64, size: UInt64, isStore: Bool, in state: PState, hardware: inout Hardware
  ) -> Bool {
    mode == .shared
      && byteWatched(
        ofAccessAt: address, size: size, kind: isStore ? .store : .load, from: state.el,
        hardware: &hardware) != nil
  }
}
