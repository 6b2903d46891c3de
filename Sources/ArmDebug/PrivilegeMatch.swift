/// At which exception levels of the guest a comparator matches: what HMC, SSC and PMC (PAC for
/// watchpoints) come to at EL1 and EL0 in Non-secure state (Arm ARM D2.8.3, D2.10.3, tables
/// "Summary of … HMC, SSC, and PMC encodings"; pseudocode AArch64.StateMatch).
public struct PrivilegeMatch: Equatable, Sendable {
  public var el1: Bool
  public var el0: Bool

  public init(el1: Bool, el0: Bool) {
    self.el1 = el1
    self.el0 = el0
  }

  /// Both of the guest's exception levels.
  public static let everywhere = PrivilegeMatch(el1: true, el0: true)

  /// Decodes the three fields. Secure-only combinations never match a guest. A reserved
  /// combination may by architecture behave as any allocated one or as disabled: here it is
  /// disabled.
  public init(hmc: Bool, ssc: UInt64, pmc: UInt64) {
    let combination = (hmc ? 0b10000 : 0) | ssc &<< 2 | pmc
    let matches =
      switch combination {
      // HMC 0, SSC 00 or 01, PMC 01, 10 or 11.
      case 0b0_00_01, 0b0_00_10, 0b0_00_11, 0b0_01_01, 0b0_01_10, 0b0_01_11: true
      // HMC 1: EL2 or EL3 as well. SSC 00 and 01, PMC 01 or 11; SSC 11, PMC 01 or 11.
      case 0b1_00_01, 0b1_00_11, 0b1_01_01, 0b1_01_11, 0b1_11_01, 0b1_11_11: true
      default: false
      }
    el1 = matches && pmc & 0b01 != 0
    el0 = matches && pmc & 0b10 != 0
  }

  /// PMC or PAC for these levels with HMC 0 and SSC 00.
  public var pmc: UInt64 { (el1 ? 0b01 : 0) | (el0 ? 0b10 : 0) }

  /// Whether neither level matches.
  public var isEmpty: Bool { !el1 && !el0 }

  /// Whether code or an access at `el` matches.
  public func contains(_ el: ExceptionLevel) -> Bool {
    switch el {
    case .el0: el0
    case .el1: el1
    case .el2, .el3: false
    }
  }
}
