// Where a GICv3 has the registers with a field for each interrupt.

extension InterruptRegister {
  /// Where the fields of INTID 0 are, or would be.
  @inline(__always)
  private var base: Int {
    switch self {
    case .igroupr: 0x0080
    case .isenabler: 0x0100
    case .icenabler: 0x0180
    case .ispendr: 0x0200
    case .icpendr: 0x0280
    case .isactiver: 0x0300
    case .icactiver: 0x0380
    case .ipriorityr: 0x0400
    case .itargetsr: 0x0800
    case .icfgr: 0x0c00
    case .igrpmodr: 0x0d00
    case .nsacr: 0x0e00
    case .inmir: 0x0f80
    case .irouter: 0x6000
    }
  }

  /// Where the distributor has the fields of INTID 4096, the first of the extended SPIs. There is
  /// no extended GICD_ITARGETSR.
  @inline(__always)
  private var extendedBase: Int? {
    switch self {
    case .igroupr: 0x1000
    case .isenabler: 0x1200
    case .icenabler: 0x1400
    case .ispendr: 0x1600
    case .icpendr: 0x1800
    case .isactiver: 0x1a00
    case .icactiver: 0x1c00
    case .ipriorityr: 0x2000
    case .itargetsr: nil
    case .icfgr: 0x3000
    case .igrpmodr: 0x3400
    case .nsacr: 0x3600
    case .inmir: 0x3b00
    case .irouter: 0x8000
    }
  }

  private static var all: InlineArray<14, InterruptRegister> {
    [
      .igroupr, .isenabler, .icenabler, .ispendr, .icpendr, .isactiver, .icactiver,
      .ipriorityr, .itargetsr, .icfgr, .igrpmodr, .nsacr, .inmir, .irouter,
    ]
  }
}

extension InterruptRegister {
  /// What is at `offset` of the distributor. Nil for what is no such register, for the places of
  /// SGIs and PPIs, which are RES0 with affinity routing, and beyond the last INTID.
  static func field(inDistributorAt offset: Int) -> InterruptField? {
    let registers = all
    for n in registers.indices {
      let register = registers[n]
      // 1024 INTIDs in either range; 1020 to 1023 have bits in the last words, and nothing else.
      let size = 1024 &* register.width / 8
      if offset >= register.base && offset < register.base &+ size {
        let number = (offset &- register.base) &* 8 / register.width
        guard number >= 32 && (register.width < 8 || number < 1020) else { return nil }
        return InterruptField(register: register, number: InterruptNumber(UInt32(number)))
      }
      if let base = register.extendedBase, offset >= base && offset < base &+ size {
        let number = 4096 &+ (offset &- base) &* 8 / register.width
        return InterruptField(register: register, number: InterruptNumber(UInt32(number)))
      }
    }
    return nil
  }

  /// What is at `offset` of a redistributor, counted from RD_base: SGIs and PPIs, then the extended
  /// PPIs. Nil for what is no such register.
  static func field(inRedistributorAt offset: Int) -> InterruptField? {
    let offset = offset &- GICR.sgiBase
    let registers = all
    for n in registers.indices {
      let register = registers[n]
      guard register != .irouter && register != .itargetsr else { continue }
      let size = 96 &* register.width / 8
      guard offset >= register.base && offset < register.base &+ size else { continue }
      let number = (offset &- register.base) &* 8 / register.width
      // INTIDs 1056 to 1119 follow directly on 31.
      return InterruptField(
        register: register,
        number: InterruptNumber(UInt32(number < 32 ? number : number &+ (1056 &- 32))))
    }
    return nil
  }

  /// The offset of the 32-bit register (the byte, the 64-bit register for a route) that holds the
  /// field of `number`, an SGI, PPI or SPI, in the frame that it is in.
  @inline(__always)
  func offset(of number: InterruptNumber) -> Int {
    let number = Int(number.rawValue)
    let bit: Int
    switch number {
    case 4096...: bit = (extendedBase ?? 0) &* 8 &+ (number &- 4096) &* width
    case 1056...: bit = (GICR.sgiBase &+ base) &* 8 &+ (number &- 1056 &+ 32) &* width
    case 32...: bit = base &* 8 &+ number &* width
    default: bit = (GICR.sgiBase &+ base) &* 8 &+ number &* width
    }
    return width < 8 ? bit / 32 &* 4 : bit / 8
  }
}
