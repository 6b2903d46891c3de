public import ArmDebug

/// PC and PSTATE of the guest, as EL2 keeps them while the guest does not run.
///
/// Between `VirtualDebug.guestExited` and `VirtualDebug.prepareToRun`, PSTATE.SS is the one that the guest
/// would see, whoever steps the hardware.
public struct GuestContext: Equatable, Sendable {
  /// ELR_EL2.
  public var pc: UInt64
  /// SPSR_EL2.
  public var pstate: PState

  public init(pc: UInt64, pstate: PState) {
    self.pc = pc
    self.pstate = pstate
  }
}
