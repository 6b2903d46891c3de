// The registers of a GICv3 by the names of the manual: where they are, and their fields (IHI 0069, 12.2, 12.9
// and 12.11). Registers with a field for each interrupt are `InterruptRegister`.

// MARK: Distributor

/// Offsets of the distributor's registers.
enum GICD {
  static var size: Int { 0x1_0000 }

  static var ctlr: Int { 0x0000 }
  static var typer: Int { 0x0004 }
  static var typer2: Int { 0x000c }
  /// The INTID that is written becomes pending, or not pending.
  static var setspiNSR: Int { 0x0040 }
  static var clrspiNSR: Int { 0x0048 }
  static var setspiSR: Int { 0x0050 }
  static var clrspiSR: Int { 0x0058 }

  /// Whether a register takes an INTID that becomes pending or not pending.
  static func isMessage(_ offset: Int) -> Bool {
    offset == setspiNSR || offset == clrspiNSR || offset == setspiSR || offset == clrspiSR
  }
}

/// GICD_CTLR with affinity routing, the bits that are the same in the views that matter here: one Security
/// state, and Non-secure of two (IHI 0069, 12.9.4).
struct GICD_CTLR: FlagSet {
  var rawValue: UInt32

  /// EnableGrp0 of a single Security state.
  static var enableGrp0: Self { Self(rawValue: 1 << 0) }
  /// EnableGrp1, EnableGrp1A.
  static var enableGrp1: Self { Self(rawValue: 1 << 1) }
  /// ARE, ARE_NS: affinity routing.
  static var are: Self { Self(rawValue: 1 << 4) }
  /// DS: one Security state.
  static var ds: Self { Self(rawValue: 1 << 6) }
  /// RWP: a write has not yet taken effect everywhere.
  static var rwp: Self { Self(rawValue: 1 << 31) }

  /// EnableGrp0 and EnableGrp1.
  var enabledGroups: InterruptGroups {
    get { InterruptGroups(rawValue: rawValue & InterruptGroups.both.rawValue) }
    set { rawValue = rawValue & ~InterruptGroups.both.rawValue | newValue.rawValue }
  }
}

/// GICD_TYPER.
struct GICD_TYPER: FlagSet {
  var rawValue: UInt32

  /// ESPI: there are extended SPIs.
  static var espi: Self { Self(rawValue: 1 << 8) }
  /// NMI: there are non-maskable interrupts.
  static var nmi: Self { Self(rawValue: 1 << 9) }
  /// DVIS: virtual LPIs are injected directly.
  static var dvis: Self { Self(rawValue: 1 << 18) }
  /// No1N: no routing to one of many.
  static var no1N: Self { Self(rawValue: 1 << 25) }

  /// ITLinesNumber: how many words of 32 INTIDs there are after the first.
  var itLinesNumber: Int { Int(rawValue & 0x1f) }

  /// IDbits: how many bits an INTID has, less one.
  var idBits: UInt32 {
    get { rawValue >> 19 & 0x1f }
    set { rawValue = rawValue & ~(0x1f << 19) | (newValue & 0x1f) << 19 }
  }

  /// ESPI_range: how many words of 32 extended SPIs there are.
  var extendedWordCount: Int { contains(.espi) ? Int(rawValue >> 27) &+ 1 : 0 }
}

// MARK: Redistributor

/// Offsets of a redistributor's registers from RD_base.
enum GICR {
  /// RD_base and SGI_base. (VLPI_base and a reserved frame follow where there are virtual LPIs.)
  static var size: Int { 0x2_0000 }
  /// SGI_base.
  static var sgiBase: Int { 0x1_0000 }

  static var ctlr: Int { 0x0000 }
  static var iidr: Int { 0x0004 }
  static var typer: Int { 0x0008 }
  static var waker: Int { 0x0014 }
  static var setlpir: Int { 0x0040 }
  static var clrlpir: Int { 0x0048 }
  static var propbaser: Int { 0x0070 }
  static var pendbaser: Int { 0x0078 }
  static var invlpir: Int { 0x00a0 }
  static var invallr: Int { 0x00b0 }
  /// The identification registers at the end of RD_base, GICR_PIDR2 among them.
  static var identification: Range<Int> { 0xffd0..<0x1_0000 }

  /// The bytes of the 64-bit register at `offset`.
  static func wide(_ offset: Int) -> Range<Int> { offset..<offset &+ 8 }
}

/// GICR_CTLR.
struct GICR_CTLR: FlagSet {
  var rawValue: UInt32

  static var enableLPIs: Self { Self(rawValue: 1 << 0) }
  /// RWP: a write has not yet taken effect.
  static var rwp: Self { Self(rawValue: 1 << 3) }
}

/// GICR_WAKER.
struct GICR_WAKER: FlagSet {
  var rawValue: UInt32

  static var processorSleep: Self { Self(rawValue: 1 << 1) }
  static var childrenAsleep: Self { Self(rawValue: 1 << 2) }
}

/// GICR_TYPER.
struct GICR_TYPER: FlagSet {
  var rawValue: UInt64

  /// VLPIS: two frames more, for virtual LPIs.
  static var vlpis: Self { Self(rawValue: 1 << 1) }
  /// Last of a series of redistributors.
  static var last: Self { Self(rawValue: 1 << 4) }
  /// Dirty, RVPEID and VSGI: more of virtual LPIs and SGIs.
  private static var otherVirtual: Self { Self(rawValue: 1 << 2 | 1 << 7 | 1 << 26) }

  /// PPInum: how many words of extended PPIs there are, 0 to 2.
  var ppiNum: Int { Int(rawValue >> 27 & 0x1f) }

  /// Affinity_Value.
  var affinity: Affinity { Affinity(rawValue: UInt32(truncatingIfNeeded: rawValue >> 32)) }

  /// From one RD_base to the next.
  var stride: UInt64 { contains(.vlpis) ? 2 &* UInt64(GICR.size) : UInt64(GICR.size) }

  /// The register as the guest has it, which is no hypervisor and has no virtual LPIs to give.
  func guests(isLast: Bool) -> Self {
    var type = self
    type.remove(.vlpis)
    type.remove(.otherVirtual)
    type.remove(.last)
    if isLast { type.insert(.last) }
    return type
  }
}

/// GICR_PROPBASER: the table with a byte for each LPI.
struct GICR_PROPBASER: Equatable, Sendable {
  var rawValue: UInt64

  /// IDbits: how many bits an INTID has that the table is for, less one.
  var idBits: UInt64 {
    get { rawValue & 0x1f }
    set { rawValue = rawValue & ~0x1f | newValue & 0x1f }
  }

  /// Physical_Address, with its low bits 0.
  var address: UInt64 { rawValue & 0x000f_ffff_ffff_f000 }
}

/// GICR_PENDBASER: the table with a bit for each INTID.
struct GICR_PENDBASER: Equatable, Sendable {
  var rawValue: UInt64

  /// Physical_Address, with its low bits 0.
  var address: UInt64 { rawValue & 0x000f_ffff_ffff_0000 }
}

// MARK: CPU interface

/// ICC_CTLR_EL1.
struct ICC_CTLR: FlagSet {
  var rawValue: UInt64

  /// EOImode: an end of interrupt drops the priority only; ICC_DIR_EL1 deactivates.
  static var eoiMode: Self { Self(rawValue: 1 << 1) }

  /// PRIbits, plus one.
  var priorityBits: Int { Int(rawValue >> 8 & 7) &+ 1 }
}

/// ICC_SGI0R_EL1, ICC_SGI1R_EL1 or ICC_ASGI1R_EL1: one SGI to a number of cores (IHI 0069, 12.2.18).
struct ICC_SGIR: Equatable, Sendable {
  let rawValue: UInt64

  init(rawValue: UInt64) { self.rawValue = rawValue }

  /// `sgi` to the one core `target`.
  init(sgi: InterruptNumber, target: Affinity) {
    // Range and list are the two halves of Aff0.
    rawValue =
      target.aff3 << 48 | target.aff2 << 32 | target.aff1 << 16
      | (target.aff0 >> 4) << 44 | 1 << (target.aff0 & 15)
      | UInt64(sgi.rawValue & 15) << 24
  }

  /// INTID, 0 to 15.
  var sgi: InterruptNumber { InterruptNumber(UInt32(rawValue >> 24 & 15)) }

  /// IRM: the SGI is for all cores but the one that sends it, whatever the other fields say.
  var isForAllOthers: Bool { rawValue & 1 << 40 != 0 }

  /// TargetList: a bit for each of sixteen neighbours, which ``target(_:)`` names.
  var targetList: UInt16 { UInt16(truncatingIfNeeded: rawValue) }

  /// The core that bit `n` of ``targetList``, 0 to 15, is for.
  func target(_ n: Int) -> Affinity {
    let aff0 = (rawValue >> 44 & 15) << 4 | UInt64(truncatingIfNeeded: n & 15)
    return Affinity(
      rawValue: UInt32(
        truncatingIfNeeded: (rawValue >> 48 & 0xff) << 24 | (rawValue >> 32 & 0xff) << 16
          | (rawValue >> 16 & 0xff) << 8 | aff0))
  }

  /// Whether the SGI, sent by the core `source`, is for the core `target`. With IRM set it is for all but
  /// the source; otherwise for those of sixteen neighbours that the list has.
  func isFor(_ target: Affinity, from source: Affinity) -> Bool {
    if isForAllOthers { return target != source }
    return target.aff3 == rawValue >> 48 & 0xff && target.aff2 == rawValue >> 32 & 0xff
      && target.aff1 == rawValue >> 16 & 0xff && target.aff0 >> 4 == rawValue >> 44 & 15
      && rawValue >> (target.aff0 & 15) & 1 != 0
  }
}

/// A core's place in the affinity hierarchy, as interrupt routing names it.
struct Affinity: Equatable, Sendable {
  /// Aff3, Aff2, Aff1 and Aff0 from the high byte to the low.
  let rawValue: UInt32

  /// From GICR_TYPER.Affinity_Value.
  init(rawValue: UInt32) { self.rawValue = rawValue }

  /// From MPIDR_EL1, or a device tree's `reg` (Arm ARM D19.2: Aff3 is at [39:32]).
  init(mpidr: UInt64) {
    rawValue = UInt32(truncatingIfNeeded: mpidr & 0xff_ffff | (mpidr >> 8) & 0xff00_0000)
  }

  var aff0: UInt64 { UInt64(rawValue & 0xff) }
  var aff1: UInt64 { UInt64(rawValue >> 8 & 0xff) }
  var aff2: UInt64 { UInt64(rawValue >> 16 & 0xff) }
  var aff3: UInt64 { UInt64(rawValue >> 24) }

  /// The value that routes an SPI to this core: GICD_IROUTER, with IRM 0.
  var route: UInt64 { aff3 << 32 | UInt64(rawValue & 0xff_ffff) }
}

/// GICD_IROUTER<n>.Interrupt_Routing_Mode: to one of many.
var GICD_IROUTER_IRM: UInt64 { 1 << 31 }

// MARK: Interrupt Translation Service

/// Offsets of an ITS's registers (IHI 0069, 12.19).
enum GITS {
  static var ctlr: UInt { 0x0000 }
  static var cbaser: UInt { 0x0080 }
  /// GITS_BASER<n>, n below `baserCount`.
  static func baser(_ n: UInt) -> UInt { 0x0100 &+ 8 &* n }
  static var baserCount: UInt { 8 }
}
