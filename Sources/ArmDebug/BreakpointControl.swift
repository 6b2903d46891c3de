/// What a breakpoint compares: DBGBCRn_EL1.BT.
public enum BreakpointType: UInt8, Sendable {
  case address = 0b0000
  case linkedAddress = 0b0001
  case context = 0b0010
  case linkedContext = 0b0011
  case mismatch = 0b0100
  case linkedMismatch = 0b0101
  case contextEL1 = 0b0110
  case linkedContextEL1 = 0b0111
  case vmid = 0b1000
  case linkedVMID = 0b1001
  case vmidAndContext = 0b1010
  case linkedVMIDAndContext = 0b1011
  case contextEL2 = 0b1100
  case linkedContextEL2 = 0b1101
  case fullContext = 0b1110
  case linkedFullContext = 0b1111
}

/// DBGBCRn_EL1, a breakpoint's control register (Arm ARM D24.3.2).
public struct BreakpointControl: Equatable, Sendable {
  public var rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// The bits that are not RES0 before FEAT_BWE and Armv8.9.
  public static let mask: UInt64 = 0x00FF_E1E7  // mutant: bitsOfBreakpointControl

  /// What the register holds after `value` was written: BAS[1] and BAS[3] are copies of BAS[0] and
  /// BAS[2] (as they are in hardware that can execute AArch32).
  public static func stored(_ value: UInt64) -> BreakpointControl {
    var control = BreakpointControl(rawValue: value & mask)
    control.bas = (control.bas & 0b0101) &* 0b11
    return control
  }

  /// An enabled, unlinked address breakpoint that matches at EL1 and EL0.
  public static func address(bas: UInt64) -> BreakpointControl {
    var control = BreakpointControl(rawValue: 0)
    control.e = true
    control.bas = bas
    control.privilege = .everywhere
    return control
  }

  /// E: enabled.
  public var e: Bool {
    get { rawValue[bit: 0] }
    set { rawValue[bit: 0] = newValue }
  }
  /// PMC: privilege mode control.
  public var pmc: UInt64 {
    get { rawValue[bits: 1...2] }
    set { rawValue[bits: 1...2] = newValue }
  }
  /// BAS: which halfwords of the word match; one bit for each byte. 0b1111 for A64.
  public var bas: UInt64 {
    get { rawValue[bits: 5...8] }
    set { rawValue[bits: 5...8] = newValue }
  }
  /// HMC: higher mode control.
  public var hmc: Bool {
    get { rawValue[bit: 13] }
    set { rawValue[bit: 13] = newValue }
  }
  /// SSC: security state control.
  public var ssc: UInt64 {
    get { rawValue[bits: 14...15] }
    set { rawValue[bits: 14...15] = newValue }
  }
  /// LBN: the number of the breakpoint that this one is linked to.
  public var lbn: Int {
    get { Int(truncatingIfNeeded: rawValue[bits: 16...19]) }
    set { rawValue[bits: 16...19] = UInt64(truncatingIfNeeded: newValue) }
  }
  /// BT: what is compared.
  public var bt: BreakpointType {
    get { BreakpointType(rawValue: UInt8(truncatingIfNeeded: rawValue[bits: 20...23])) ?? .address }
    set { rawValue[bits: 20...23] = UInt64(newValue.rawValue) }
  }
  /// HMC, SSC and PMC together. Setting it writes HMC 0 and SSC 00.
  public var privilege: PrivilegeMatch {
    get { PrivilegeMatch(control: rawValue) }
    set {
      // HMC, SSC and the levels.
      rawValue = rawValue & ~0xE006 | newValue.pmc &<< 1
    }
  }
}

// What BT says, from its bits: 0b000x are addresses and 0b010x addresses with an inverted result.
extension BreakpointControl {
  /// Compares the address of the instruction.
  public var comparesAddress: Bool { rawValue[bits: 21...23] == 0b000 }

  /// Compares the address with an inverted result. For AArch32 EL1 only.
  public var isMismatch: Bool { rawValue[bits: 21...23] == 0b010 }

  /// Compares a context identifier, a VMID or both. Context-aware breakpoints only.
  public var comparesContext: Bool { !comparesAddress && !isMismatch }

  /// Takes part in a link. An address breakpoint of this kind needs the partner that LBN names; a
  /// context breakpoint of this kind is such a partner and fires nothing by itself.
  public var isLinked: Bool { rawValue[bit: 20] }
}
