/// The registers with a field for each interrupt, by the manual's names: GICD_IGROUPR<n> and GICR_IGROUPR<n>
/// are `igroupr` (IHI 0069, 12.9 and 12.11). A redistributor has the fields of its core's SGIs and PPIs at
/// the same offsets from SGI_base as the distributor has, or would have, from its own base. A GICv2's
/// distributor has them all, those of SGIs and PPIs banked by core (IHI 0048, 4.3).
enum InterruptRegister: Equatable, Sendable {
  case igroupr, isenabler, icenabler, ispendr, icpendr, isactiver, icactiver
  case ipriorityr, itargetsr, icfgr, igrpmodr, nsacr, inmir
  case irouter

  /// The size of one interrupt's field, in bits.
  @inline(__always)
  var width: Int {
    switch self {
    case .irouter: 64
    case .ipriorityr, .itargetsr: 8
    case .icfgr, .nsacr: 2
    default: 1
    }
  }
}

/// A place in such a register: which register, and whose field begins there.
struct InterruptField: Equatable, Sendable {
  let register: InterruptRegister
  let number: InterruptNumber
}
