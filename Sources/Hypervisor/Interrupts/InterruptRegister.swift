/// The registers of distributor and redistributor that hold a field for each interrupt
/// (IHI 0069, 12.9 and 12.11). A redistributor has those of its core's SGIs and PPIs at the
/// offsets, from SGI_base, that the distributor has those of the SPIs at.
enum InterruptRegister: Equatable, Sendable {
  case group, setEnable, clearEnable, setPending, clearPending, setActive, clearActive
  case priority, targets, configuration, groupModifier, nonSecureAccess, nonMaskable
  case route

  /// The size of one interrupt's field, in bits.
  var width: Int {
    switch self {
    case .route: 64
    case .priority, .targets: 8
    case .configuration, .nonSecureAccess: 2
    default: 1
    }
  }

  /// Where the fields of INTID 0 are, or would be.
  private var base: Int {
    switch self {
    case .group: 0x0080
    case .setEnable: 0x0100
    case .clearEnable: 0x0180
    case .setPending: 0x0200
    case .clearPending: 0x0280
    case .setActive: 0x0300
    case .clearActive: 0x0380
    case .priority: 0x0400
    case .targets: 0x0800
    case .configuration: 0x0c00
    case .groupModifier: 0x0d00
    case .nonSecureAccess: 0x0e00
    case .nonMaskable: 0x0f80
    case .route: 0x6000
    }
  }

  /// Where the distributor has the fields of INTID 4096, the first of the extended SPIs. There is
  /// no extended GICD_ITARGETSR.
  private var extendedBase: Int? {
    switch self {
    case .group: 0x1000
    case .setEnable: 0x1200
    case .clearEnable: 0x1400
    case .setPending: 0x1600
    case .clearPending: 0x1800
    case .setActive: 0x1a00
    case .clearActive: 0x1c00
    case .priority: 0x2000
    case .targets: nil
    case .configuration: 0x3000
    case .groupModifier: 0x3400
    case .nonSecureAccess: 0x3600
    case .nonMaskable: 0x3b00
    case .route: 0x8000
    }
  }

  private static var all: InlineArray<14, InterruptRegister> {
    [
      .group, .setEnable, .clearEnable, .setPending, .clearPending, .setActive, .clearActive,
      .priority, .targets, .configuration, .groupModifier, .nonSecureAccess, .nonMaskable, .route,
    ]
  }

  /// The SGI_base frame's offset from RD_base.
  static var privateFrame: Int { 0x1_0000 }
}

/// A place in a register of that kind: which register, and whose field begins there.
struct InterruptField: Equatable, Sendable {
  let register: InterruptRegister
  let number: InterruptNumber
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
    let offset = offset &- privateFrame
    let registers = all
    for n in registers.indices {
      let register = registers[n]
      guard register != .route && register != .targets else { continue }
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
  /// field of `number`, a PPI or SPI, in the frame that it is in.
  func offset(of number: InterruptNumber) -> Int {
    let number = Int(number.rawValue)
    let bit: Int
    switch number {
    case 4096...: bit = (extendedBase ?? 0) &* 8 &+ (number &- 4096) &* width
    case 1056...: bit = (Self.privateFrame &+ base) &* 8 &+ (number &- 1056 &+ 32) &* width
    case 32...: bit = base &* 8 &+ number &* width
    default: bit = (Self.privateFrame &+ base) &* 8 &+ number &* width
    }
    return width < 8 ? bit / 32 &* 4 : bit / 8
  }
}
