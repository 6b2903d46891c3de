/// At which exception levels of the guest a comparator matches: what HMC, SSC and PMC (PAC for
/// watchpoints) come to at EL1 and EL0 in Non-secure state (Arm ARM D2.8.3, D2.10.3, tables
/// "Summary of … HMC, SSC, and PMC encodings"; pseudocode AArch64.StateMatch).
public struct PrivilegeMatch: Equatable, Sendable {
  /// PMC or PAC for these levels with HMC 0 and SSC 00: bit 0 is EL1 and bit 1 EL0.
  public let pmc: UInt64

  public init(el1: Bool, el0: Bool) { pmc = (el1 ? 0b01 : 0) | (el0 ? 0b10 : 0) }

  /// Both of the guest's exception levels.
  public static let everywhere = PrivilegeMatch(el1: true, el0: true)

  /// Decodes the three fields, which lie at the same places in both kinds of control register.
  /// Secure-only combinations never match a guest. A reserved combination may by architecture behave as
  /// any allocated one or as disabled: here it is disabled.
  init(control: UInt64) {
    // HMC and SSC are neighbours.
    let combination = control[bits: 13...15] &<< 2 | control[bits: 1...2]
    pmc = Self.matching &>> combination & 1 != 0 ? control[bits: 1...2] : 0
  }

  /// A bit for each combination of SSC, HMC and PMC, in that order: whether it matches a guest at all.
  private static var matching: UInt64 {
    // SSC  11 and 10, each with HMC 1 and 0; then 01 and 00. PMC is the bit of four, 3 to 0.
    0b1010_0000_0000_0000 &<< 16 | 0b1010_1110_1010_1110
  }

  public var el1: Bool { pmc & 0b01 != 0 }
  public var el0: Bool { pmc & 0b10 != 0 }

  /// Whether neither level matches.
  public var isEmpty: Bool { pmc == 0 }

  /// Whether code or an access at `el` matches.
  public func contains(_ el: ExceptionLevel) -> Bool {
    switch el {
    case .el0: el0
    case .el1: el1
    case .el2, .el3: false
    }
  }

  /// The levels that are in both.
  public func intersection(_ other: PrivilegeMatch) -> PrivilegeMatch {
    PrivilegeMatch(pmc: pmc & other.pmc)
  }

  private init(pmc: UInt64) { self.pmc = pmc }
}
