public import ArmDebug

extension GuestDebugState {
  /// Completes an access of a program at AArch32 EL0, as `access` of the AArch64 register that is
  /// behind the name.
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
  /// Completes a trapped access of a program at AArch32 EL0 to a debug register, on guest state.
  /// `value` is what a write writes. The hypervisor goes on as after `access` of an AArch64 register.
  ///
  /// MDSCR_EL1.TDCC is not looked at, here or there: an access from EL0 that it forbids is taken to
  /// EL1 by the processor, before MDCR_EL2 is considered (pseudocode of DBGDIDR, MDCCSR_EL0 …), for
  /// the plan leaves that bit to the guest. What comes to EL2 is what the guest permits.
  public mutating func access(
    _ register: AArch32DebugRegister, isRead: Bool, value: UInt64
  ) -> AccessResult {
    guest.access(register, isRead: isRead, value: value, on: capabilities)
  }

  /// Whether an access by the guest of `size` bytes at `address` would have hit a watchpoint of the
  /// plan: for one that EL2 is about to make in the guest's place. The hypervisor then gives
  /// `handle` a watchpoint exception, and makes the access when the instruction comes again.
  public func watches<Hardware: GuestProcessor & ~Copyable>(
    _ address: UInt64, size: UInt64, isStore: Bool, in state: PState, hardware: inout Hardware
  ) -> Bool {
    mode == .shared
      && byteWatched(
        ofAccessAt: address, size: size, kind: isStore ? .store : .load, from: state.el,
        hardware: &hardware) != nil
  }
}
