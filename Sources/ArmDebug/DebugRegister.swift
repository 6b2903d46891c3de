/// A debug register that software at EL1 or EL0 can name (Arm ARM D24.3).
public enum DebugRegister: Hashable, Sendable {
  /// The comparators; the payload is the number n, 0 to 15.
  case dbgbvr(Int)
  case dbgbcr(Int)
  case dbgwvr(Int)
  case dbgwcr(Int)
  case single(SingleDebugRegister)
}

/// A debug register of which there is one.
///
/// This is the table of encodings. The raw value has the hexadecimal digits op1, CRn, CRm and op2; op0 is
/// 2. The fast path, the description, and what AArch32 calls these registers follow from it.
public enum SingleDebugRegister: UInt16, Hashable, Sendable {
  case osdtrrx = 0x0_0_0_2
  case mdccint = 0x0_0_2_0
  case mdscr = 0x0_0_2_2
  case osdtrtx = 0x0_0_3_2
  case oseccr = 0x0_0_6_2
  case mdrar = 0x0_1_0_0
  case oslar = 0x0_1_0_4
  case oslsr = 0x0_1_1_4
  case osdlr = 0x0_1_3_4
  case dbgprcr = 0x0_1_4_4
  case dbgclaimset = 0x0_7_8_6
  case dbgclaimclr = 0x0_7_9_6
  case dbgauthstatus = 0x0_7_E_6
  case mdccsr = 0x3_0_1_0
  case dbgdtr = 0x3_0_4_0
  /// DBGDTRRX_EL0 when read, DBGDTRTX_EL0 when written.
  case dbgdtrRxTx = 0x3_0_5_0
}

extension DebugRegister {
  public static var osdtrrx: DebugRegister { .single(.osdtrrx) }
  public static var mdccint: DebugRegister { .single(.mdccint) }
  public static var mdscr: DebugRegister { .single(.mdscr) }
  public static var osdtrtx: DebugRegister { .single(.osdtrtx) }
  public static var oseccr: DebugRegister { .single(.oseccr) }
  public static var mdrar: DebugRegister { .single(.mdrar) }
  public static var oslar: DebugRegister { .single(.oslar) }
  public static var oslsr: DebugRegister { .single(.oslsr) }
  public static var osdlr: DebugRegister { .single(.osdlr) }
  public static var dbgprcr: DebugRegister { .single(.dbgprcr) }
  public static var dbgclaimset: DebugRegister { .single(.dbgclaimset) }
  public static var dbgclaimclr: DebugRegister { .single(.dbgclaimclr) }
  public static var dbgauthstatus: DebugRegister { .single(.dbgauthstatus) }
  public static var mdccsr: DebugRegister { .single(.mdccsr) }
  public static var dbgdtr: DebugRegister { .single(.dbgdtr) }
  public static var dbgdtrRxTx: DebugRegister { .single(.dbgdtrRxTx) }
}

extension DebugRegister {
  /// The register that an encoding names, or nil if it is none of these. Whether the processor has a
  /// comparator of that number is a question for `description`.
  public init?(_ encoding: SystemRegister) {
    guard encoding.op0 == 2 else { return nil }
    let n = Int(truncatingIfNeeded: encoding.crm)
    switch (encoding.op1, encoding.crn, encoding.op2) {
    case (0, 0, 4): self = .dbgbvr(n)
    case (0, 0, 5): self = .dbgbcr(n)
    case (0, 0, 6): self = .dbgwvr(n)
    case (0, 0, 7): self = .dbgwcr(n)
    default:
      let digits =
        UInt16(encoding.op1) &<< 12 | UInt16(encoding.crn) &<< 8 | UInt16(encoding.crm) &<< 4
        | UInt16(encoding.op2)
      guard let register = SingleDebugRegister(rawValue: digits) else { return nil }
      self = .single(register)
    }
  }

  /// How instructions name the register. The number of a comparator is cut to 4 bits.
  public var encoding: SystemRegister {
    func comparator(_ n: Int, _ op2: UInt8) -> SystemRegister {
      SystemRegister(2, 0, 0, UInt8(truncatingIfNeeded: n & 0xF), op2)
    }
    return switch self {
    case .dbgbvr(let n): comparator(n, 4)
    case .dbgbcr(let n): comparator(n, 5)
    case .dbgwvr(let n): comparator(n, 6)
    case .dbgwcr(let n): comparator(n, 7)
    case .single(let register): register.encoding
    }
  }
}

extension SingleDebugRegister {
  /// How instructions name the register.
  public var encoding: SystemRegister {
    func digit(_ n: UInt16) -> UInt8 { UInt8(truncatingIfNeeded: rawValue &>> (4 &* n) & 0xF) }
    return SystemRegister(2, digit(3), digit(2), digit(1), digit(0))
  }
}

/// What the architecture says of one debug register.
public struct DebugRegisterDescription: Sendable {
  /// In which direction software may access the register. The other direction is UNDEFINED.
  public enum Access: Sendable {
    case readWrite
    case readOnly
    case writeOnly
  }

  /// The name in Arm's manual, with `n` for a comparator's number.
  public var name: StaticString
  public var access: Access
  /// The bits that are not RES0 on this processor.
  public var mask: UInt64
  /// The value after a cold reset; UNKNOWN fields are 0.
  public var reset: UInt64
}

extension DebugRegister {
  /// The description of this register on a processor with `capabilities`, or nil for a comparator that
  /// the processor does not have: that register is UNDEFINED.
  public func description(on capabilities: DebugCapabilities) -> DebugRegisterDescription? {
    switch self {
    case .dbgbvr(let n) where 0..<capabilities.breakpointCount ~= n:
      // Bits 1:0 are part of a context identifier, where there can be one.
      // mutant: bitsOfBreakpointValue
      .init("DBGBVRn_EL1", mask: capabilities.isContextAware(n) ? .max : ~0b11)
    case .dbgbcr(let n) where 0..<capabilities.breakpointCount ~= n:  // mutant: existingBreakpoints
      .init("DBGBCRn_EL1", mask: BreakpointControl.mask)
    case .dbgwvr(let n) where 0..<capabilities.watchpointCount ~= n:
      .init("DBGWVRn_EL1", mask: ~0b11)
    case .dbgwcr(let n) where 0..<capabilities.watchpointCount ~= n:
      .init("DBGWCRn_EL1", mask: WatchpointControl.mask)
    case .dbgbvr, .dbgbcr, .dbgwvr, .dbgwcr:
      nil
    case .single(.mdscr):
      .init("MDSCR_EL1", mask: MDSCR.maskWhenLocked)
    case .single(.mdccint):
      // RX, TX.
      .init("MDCCINT_EL1", mask: 0x6000_0000)
    case .single(.mdrar):
      .init(
        "MDRAR_EL1", .readOnly,
        // ROMADDR and Valid, or no table: 0.
        mask: capabilities.external == nil ? 0 : 0x00FF_FFFF_FFFF_F003,
        reset: capabilities.external?.romAddress ?? 0)
    case .single(.oslar):
      .init("OSLAR_EL1", .writeOnly, mask: 0b1)
    case .single(.oslsr):
      // OSLM = 0b10: the OS Lock is implemented. OSLK = 1: it is set.
      .init("OSLSR_EL1", .readOnly, mask: 0b1010, reset: 0b1010)
    case .single(.osdlr):
      .init("OSDLR_EL1", mask: capabilities.hasDoubleLock ? 0b1 : 0)  // mutant: bitsOfOSDLR
    case .single(.oseccr):
      // EDECCR: SE and NSE; SR and NSR with FEAT_Debugv8p2.
      .init("OSECCR_EL1", mask: capabilities.version >= 8 ? 0xFFFF : 0xFF)
    case .single(.osdtrrx):
      .init("OSDTRRX_EL1", mask: 0xFFFF_FFFF)
    case .single(.osdtrtx):
      .init("OSDTRTX_EL1", mask: 0xFFFF_FFFF)
    case .single(.dbgprcr):
      .init("DBGPRCR_EL1", mask: 0b1)
    case .single(.dbgclaimset):
      .init("DBGCLAIMSET_EL1", mask: 0xFF)
    case .single(.dbgclaimclr):
      .init("DBGCLAIMCLR_EL1", mask: 0xFF)
    case .single(.dbgauthstatus):
      // NSID = 0b10: invasive debug is implemented, and no external debugger is let in. NSNID says
      // the same of non-invasive debug, which FEAT_Debugv8p4 always lets in (0b11). A processor that
      // has the register may say otherwise: it tells the signals of its board.
      .init(
        "DBGAUTHSTATUS_EL1", .readOnly,
        // Of Root and Realm state too, where the processor has the register.
        mask: capabilities.external == nil ? 0xFF : 0x0F00_F0FF,
        reset: capabilities.external?.authenticationStatus
          ?? (capabilities.version >= 9 ? 0b1110 : 0b1010))
    case .single(.mdccsr):
      .init("MDCCSR_EL0", .readOnly, mask: 0x6000_0000)
    case .single(.dbgdtr):
      .init("DBGDTR_EL0", mask: .max)
    case .single(.dbgdtrRxTx):
      .init("DBGDTRRX_EL0/DBGDTRTX_EL0", mask: 0xFFFF_FFFF)
    }
  }
}

extension DebugRegisterDescription {
  fileprivate init(
    _ name: StaticString, _ access: Access = .readWrite, mask: UInt64, reset: UInt64 = 0
  ) {
    self.name = name
    self.access = access
    self.mask = mask
    self.reset = reset
  }
}
