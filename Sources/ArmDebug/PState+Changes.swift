// What may be changed in a PSTATE from outside, so that the exception return that takes it over is legal and
// means one thing on every processor (Arm ARM D1.4.4, "Illegal return events from AArch64 state").

extension PState {
  /// The state with the lower 32 bits of SPSR_ELx replaced by `word`, or nil if that would be another
  /// exception level, stack pointer or execution state, set IL, or touch a field that the processor does
  /// not have or that is reserved. An unchanged field is always permitted, even IL and reserved fields.
  public func changed(to word: UInt32, features: ExceptionFeatures) -> PState? {
    let difference = rawValue & 0xFFFF_FFFF ^ UInt64(word)
    let fields = isAArch32 ? Self.aarch32Fields(features) : Self.aarch64Fields(features)
    // IL can be taken away, not set: set, the next instruction is an Illegal Execution state exception.
    guard difference & ~(fields | Self.ilBit) == 0, UInt64(word) & difference & Self.ilBit == 0
    else {
      return nil
    }
    let new = PState(rawValue: rawValue ^ difference)
    // With T = 0, ITSTATE other than 0 is CONSTRAINED UNPREDICTABLE.
    if difference != 0, new.isAArch32, !new.t, new.itState != 0 { return nil }
    return new
  }

  /// The state at another instruction than the one that it was for: what the instruction before left for the
  /// one after it is gone. That is BTYPE, or in AArch32 ITSTATE.
  public var elsewhere: PState {
    var state = self
    if isAArch32 { state.rawValue &= ~Self.itBits } else { state.btype = 0 }
    return state
  }

  /// N, Z, C, V; SS as the guest sees it; D, A, I, F; and the fields of the features.
  private static func aarch64Fields(_ features: ExceptionFeatures) -> UInt64 {
    var fields: UInt64 = 0xF &<< 28 | ssBit | 0b1111 &<< 6
    if features.mte { fields |= tcoBit }
    if features.dit { fields |= ditBit }
    if features.uao { fields |= 1 &<< 23 }
    if features.pan { fields |= panBit }
    if features.nmi { fields |= allIntBit }
    if features.ssbs { fields |= ssbsBit }
    if features.bti { fields |= 0b11 &<< 10 }
    return fields
  }

  /// N, Z, C, V, Q; ITSTATE; SS; GE; E; A, I, F; T; and the fields of the features. SSBS has another place
  /// than in AArch64.
  private static func aarch32Fields(_ features: ExceptionFeatures) -> UInt64 {
    var fields: UInt64 = 0x1F &<< 27 | itBits | ssBit | 0xF &<< 16 | 0b1_1111 &<< 5
    if features.dit { fields |= ditBit }
    if features.ssbs { fields |= 1 &<< 23 }
    if features.pan { fields |= panBit }
    return fields
  }

  private static var ilBit: UInt64 { 1 &<< 20 }
  private static var ssBit: UInt64 { 1 &<< 21 }
  /// ITSTATE, AArch32: IT[1:0] at 26:25, IT[7:2] at 15:10.
  private static var itBits: UInt64 { 0b11 &<< 25 | 0b11_1111 &<< 10 }
}
