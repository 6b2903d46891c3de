// The registers of a GICv2 by the names of the manual: where they are, and their fields (IHI 0048B.b, 4.1, 4.4
// and 5.3). Registers with a field for each interrupt are `InterruptRegister`.

/// The architecture's names, apart from those of a GICv3 that mean something else.
enum GICv2 {
  /// The most CPU interfaces that there are.
  static var mostCPUs: Int { 8 }

  /// Offsets of the distributor's registers.
  enum GICD {
    static var size: Int { 0x1000 }

    static var ctlr: Int { 0x000 }
    static var typer: Int { 0x004 }
    /// IMPLEMENTATION DEFINED; on a GIC-400 GICD_PPISR and GICD_SPISR, the lines of 32 interrupts a word.
    static var lines: Range<Int> { 0xd00..<0xd80 }
    static var sgir: Int { 0xf00 }
    /// A byte for each SGI, with a bit for each CPU that sent it.
    static var cpendsgir: Range<Int> { 0xf10..<0xf20 }
    static var spendsgir: Range<Int> { 0xf20..<0xf30 }
  }

  /// Offsets of the CPU interface's registers. Those of the second page begin at 0x1000, wherever the page is.
  enum GICC {
    static var ctlr: Int { 0x0000 }
    static var pmr: Int { 0x0004 }
    static var bpr: Int { 0x0008 }
    static var iar: Int { 0x000c }
    static var eoir: Int { 0x0010 }
    /// GICC_APR<n>, n from 0 to 3.
    static func apr(_ n: Int) -> Int { 0x00d0 &+ 4 &* n }
    /// GICC_NSAPR<n>, n from 0 to 3.
    static func nsapr(_ n: Int) -> Int { 0x00e0 &+ 4 &* n }
    static var iidr: Int { 0x00fc }
    static var dir: Int { 0x1000 }
  }

  /// Offsets of the registers by which a hypervisor controls the virtual interface.
  enum GICH {
    static var hcr: Int { 0x000 }
    static var vtr: Int { 0x004 }
    static var vmcr: Int { 0x008 }
    static var elrsr0: Int { 0x030 }
    static var elrsr1: Int { 0x034 }
    static var apr: Int { 0x0f0 }
    /// GICH_LR<n>, n from 0 to GICH_VTR.ListRegs.
    static func lr(_ n: Int) -> Int { 0x100 &+ 4 &* n }
  }

  /// GICD_TYPER.
  struct GICD_TYPER: Equatable, Sendable {
    let rawValue: UInt32

    /// ITLinesNumber: how many words of 32 INTIDs there are after the first.
    var itLinesNumber: Int { Int(rawValue & 0x1f) }
    /// CPUNumber, plus one.
    var cpuCount: Int { Int(rawValue >> 5 & 7) &+ 1 }
    /// SecurityExtn: two Security states.
    var hasSecurityExtensions: Bool { rawValue & 1 << 10 != 0 }
  }

  /// GICC_CTLR, the bits at the same place in both views: without the Security Extensions, and Non-secure with.
  struct GICC_CTLR: FlagSet {
    var rawValue: UInt32

    /// EnableGrp0 without the Security Extensions; EnableGrp1 as Non-secure software sees it.
    static var enable: Self { Self(rawValue: 1 << 0) }
    /// The signals that bypass the CPU interface while it is disabled: how firmware has wired them up.
    static var bypass: Self { Self(rawValue: 0b1111 << 5) }
    /// EOImode, and EOImodeNS as Non-secure software sees it.
    static var eoiMode: Self { Self(rawValue: 1 << 9) }
  }

  /// GICD_SGIR: one SGI to a number of CPU interfaces.
  struct GICD_SGIR: Equatable, Sendable {
    let rawValue: UInt32

    init(rawValue: UInt32) { self.rawValue = rawValue }

    /// `sgi` to the CPU interfaces in `targets`, as Non-secure software or the only Security state sends it.
    init(sgi: InterruptNumber, targets: UInt8) {
      rawValue = UInt32(targets) << 16 | sgi.rawValue & 15
    }

    /// SGIINTID.
    var sgi: InterruptNumber { InterruptNumber(rawValue & 15) }

    /// Whether the SGI, sent by the CPU interface `source`, is for `target`; a bit each, and 0 for a CPU interface
    /// whose number nobody knows.
    func isFor(_ target: UInt8, from source: UInt8) -> Bool {
      switch rawValue >> 24 & 3 {
      case 0: rawValue >> 16 & UInt32(target) != 0
      case 1: target != source
      case 2: target == source
      default: false
      }
    }
  }
}

extension ListRegister {
  /// The contents of GICH_LR<n>.
  ///
  /// - Parameter guestHasGroup1Only: see `GICv2Access.guestHasGroup1Only`.
  init(gichLR value: UInt32, guestHasGroup1Only: Bool) {
    let isLinked = value >> 31 != 0
    var raw = UInt64(value & 0x3ff) | UInt64(value >> 23 & 0x1f) << 51
    raw |= UInt64(value >> 28 & 3) << 62
    raw |= UInt64(value >> 30 & 1 ^ (guestHasGroup1Only ? 1 : 0)) << 60
    if isLinked {
      raw |= 1 << 61 | UInt64(value >> 10 & 0x3ff) << 32
    } else {
      raw |= UInt64(value >> 10 & 7) << 45
    }
    // An empty one is equal to every other empty one.
    self.init(rawValue: value == 0 ? 0 : raw)
  }

  /// GICH_LR<n>: VirtualID [9:0]; PhysicalID [19:10], or CPUID [12:10] without HW; Priority [27:23], of which
  /// the three lowest bits are not there; State [29:28]; Grp1 [30]; HW [31].
  func gichLR(guestHasGroup1Only: Bool) -> UInt32 {
    guard rawValue != 0 else { return 0 }
    var value = number.rawValue & 0x3ff | UInt32(priority >> 3) << 23
    value |= UInt32(truncatingIfNeeded: rawValue >> 62) << 28
    if (group == .group1) != guestHasGroup1Only { value |= 1 << 30 }
    if isHardwareLinked {
      value |= 1 << 31 | UInt32(truncatingIfNeeded: rawValue >> 32 & 0x3ff) << 10
    } else {
      value |= UInt32(source) << 10
    }
    return value
  }
}
