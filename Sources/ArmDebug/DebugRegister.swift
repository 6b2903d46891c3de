/// A debug register that software at EL1 or EL0 can name (Arm ARM D24.3).
public enum DebugRegister: Hashable, Sendable {
  /// The comparators; the payload is the number n, 0 to 15.
  case dbgbvr(Int)
  case dbgbcr(Int)
  case dbgwvr(Int)
  case dbgwcr(Int)
  case mdscr
  case mdccint
  case mdrar
  case oslar
  case oslsr
  case osdlr
  case oseccr
  case osdtrrx
  case osdtrtx
  case dbgprcr
  case dbgclaimset
  case dbgclaimclr
  case dbgauthstatus
  case mdccsr
  case dbgdtr
  /// DBGDTRRX_EL0 when read, DBGDTRTX_EL0 when written.
  case dbgdtrRxTx

  /// The register that an encoding names, or nil if it is not one of these. For a comparator,
  /// whether the processor has that many is a question for `DebugRegisterDescription`.
  public init?(_ encoding: SystemRegister) {
    let n = Int(truncatingIfNeeded: encoding.crm)
    switch (encoding.op0, encoding.op1, encoding.crn, encoding.crm, encoding.op2) {
    case (2, 0, 0, 0...15, 4): self = .dbgbvr(n)
    case (2, 0, 0, 0...15, 5): self = .dbgbcr(n)
    case (2, 0, 0, 0...15, 6): self = .dbgwvr(n)
    case (2, 0, 0, 0...15, 7): self = .dbgwcr(n)
    case (2, 0, 0, 0, 2): self = .osdtrrx
    case (2, 0, 0, 2, 0): self = .mdccint
    case (2, 0, 0, 2, 2): self = .mdscr
    case (2, 0, 0, 3, 2): self = .osdtrtx
    case (2, 0, 0, 6, 2): self = .oseccr
    case (2, 0, 1, 0, 0): self = .mdrar
    case (2, 0, 1, 0, 4): self = .oslar
    case (2, 0, 1, 1, 4): self = .oslsr
    case (2, 0, 1, 3, 4): self = .osdlr
    case (2, 0, 1, 4, 4): self = .dbgprcr
    case (2, 0, 7, 8, 6): self = .dbgclaimset
    case (2, 0, 7, 9, 6): self = .dbgclaimclr
    case (2, 0, 7, 14, 6): self = .dbgauthstatus
    case (2, 3, 0, 1, 0): self = .mdccsr
    case (2, 3, 0, 4, 0): self = .dbgdtr
    case (2, 3, 0, 5, 0): self = .dbgdtrRxTx
    default: return nil
    }
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
  public var encoding: SystemRegister
  public var access: Access
  /// The bits that are not RES0 on this processor.
  public var mask: UInt64
  /// The value after a cold reset; UNKNOWN fields are 0.
  public var reset: UInt64
}

extension DebugRegister {
  /// The description of this register on a processor with `capabilities`, or nil for a comparator
  /// that it does not have: that register is UNDEFINED.
  public func description(on capabilities: DebugCapabilities) -> DebugRegisterDescription? {
    switch self {
    case .dbgbvr(let n) where n < capabilities.breakpointCount:
      // Bits 1:0 are part of a context identifier, where there can be one.
      .comparator(
        "DBGBVRn_EL1", n, op2: 4, mask: capabilities.isContextAware(n) ? .max : ~0b11)
    case .dbgbcr(let n) where n < capabilities.breakpointCount:
      .comparator("DBGBCRn_EL1", n, op2: 5, mask: BreakpointControl.mask)
    case .dbgwvr(let n) where n < capabilities.watchpointCount:
      .comparator("DBGWVRn_EL1", n, op2: 6, mask: ~0b11)
    case .dbgwcr(let n) where n < capabilities.watchpointCount:
      .comparator("DBGWCRn_EL1", n, op2: 7, mask: WatchpointControl.mask)
    case .dbgbvr, .dbgbcr, .dbgwvr, .dbgwcr:
      nil
    case .mdscr:
      .init("MDSCR_EL1", .init(2, 0, 0, 2, 2), mask: MDSCR.maskWhenLocked)
    case .mdccint:
      // RX, TX.
      .init("MDCCINT_EL1", .init(2, 0, 0, 2, 0), mask: 0x6000_0000)
    case .mdrar:
      .init(
        "MDRAR_EL1", .init(2, 0, 1, 0, 0), .readOnly,
        // ROMADDR and Valid, or no table: 0.
        mask: capabilities.external == nil ? 0 : 0x00FF_FFFF_FFFF_F003,
        reset: capabilities.external?.romAddress ?? 0)
    case .oslar:
      .init("OSLAR_EL1", .init(2, 0, 1, 0, 4), .writeOnly, mask: 0b1)
    case .oslsr:
      // OSLM = 0b10: the OS Lock is implemented. OSLK = 1: it is set.
      .init("OSLSR_EL1", .init(2, 0, 1, 1, 4), .readOnly, mask: 0b1010, reset: 0b1010)
    case .osdlr:
      .init("OSDLR_EL1", .init(2, 0, 1, 3, 4), mask: capabilities.hasDoubleLock ? 0b1 : 0)
    case .oseccr:
      // EDECCR: SE and NSE; SR and NSR with FEAT_Debugv8p2.
      .init("OSECCR_EL1", .init(2, 0, 0, 6, 2), mask: capabilities.version >= 8 ? 0xFFFF : 0xFF)
    case .osdtrrx:
      .init("OSDTRRX_EL1", .init(2, 0, 0, 0, 2), mask: 0xFFFF_FFFF)
    case .osdtrtx:
      .init("OSDTRTX_EL1", .init(2, 0, 0, 3, 2), mask: 0xFFFF_FFFF)
    case .dbgprcr:
      .init("DBGPRCR_EL1", .init(2, 0, 1, 4, 4), mask: 0b1)
    case .dbgclaimset:
      .init("DBGCLAIMSET_EL1", .init(2, 0, 7, 8, 6), mask: 0xFF)
    case .dbgclaimclr:
      .init("DBGCLAIMCLR_EL1", .init(2, 0, 7, 9, 6), mask: 0xFF)
    case .dbgauthstatus:
      // NSID = 0b10: invasive debug is implemented, and no external debugger is let in. NSNID says
      // the same of non-invasive debug, which FEAT_Debugv8p4 always lets in (0b11). A processor that
      // has the register may say otherwise: it tells the signals of its board.
      .init(
        "DBGAUTHSTATUS_EL1", .init(2, 0, 7, 14, 6), .readOnly,
        // Of Root and Realm state too, where the processor has the register.
        mask: capabilities.external == nil ? 0xFF : 0x0F00_F0FF,
        reset: capabilities.external?.authenticationStatus
          ?? (capabilities.version >= 9 ? 0b1110 : 0b1010))
    case .mdccsr:
      .init("MDCCSR_EL0", .init(2, 3, 0, 1, 0), .readOnly, mask: 0x6000_0000)
    case .dbgdtr:
      .init("DBGDTR_EL0", .init(2, 3, 0, 4, 0), mask: .max)
    case .dbgdtrRxTx:
      .init("DBGDTRRX_EL0/DBGDTRTX_EL0", .init(2, 3, 0, 5, 0), mask: 0xFFFF_FFFF)
    }
  }
}

extension DebugRegisterDescription {
  fileprivate init(
    _ name: StaticString, _ encoding: SystemRegister, _ access: Access = .readWrite, mask: UInt64,
    reset: UInt64 = 0
  ) {
    self.name = name
    self.encoding = encoding
    self.access = access
    self.mask = mask
    self.reset = reset
  }

  fileprivate static func comparator(
    _ name: StaticString, _ n: Int, op2: UInt8, mask: UInt64
  ) -> DebugRegisterDescription? {
    // A number that no encoding can hold names no register.
    guard 0..<ComparatorBank.capacity ~= n else { return nil }
    return .init(name, .init(2, 0, 0, UInt8(truncatingIfNeeded: n), op2), mask: mask)
  }
}
