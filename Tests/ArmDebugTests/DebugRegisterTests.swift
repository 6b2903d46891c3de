import ArmDebug
import Testing

/// Every register of the table, on every number of comparators.
@Suite("Debug registers")
struct DebugRegisterTests {
  static let full = DebugCapabilities(dfr0: 0xF0F0_F006)

  static let singles: [(DebugRegister, SystemRegister)] = [
    (.osdtrrx, .init(2, 0, 0, 0, 2)), (.mdccint, .init(2, 0, 0, 2, 0)),
    (.mdscr, .init(2, 0, 0, 2, 2)), (.osdtrtx, .init(2, 0, 0, 3, 2)),
    (.oseccr, .init(2, 0, 0, 6, 2)), (.mdrar, .init(2, 0, 1, 0, 0)),
    (.oslar, .init(2, 0, 1, 0, 4)), (.oslsr, .init(2, 0, 1, 1, 4)),
    (.osdlr, .init(2, 0, 1, 3, 4)), (.dbgprcr, .init(2, 0, 1, 4, 4)),
    (.dbgclaimset, .init(2, 0, 7, 8, 6)), (.dbgclaimclr, .init(2, 0, 7, 9, 6)),
    (.dbgauthstatus, .init(2, 0, 7, 14, 6)), (.mdccsr, .init(2, 3, 0, 1, 0)),
    (.dbgdtr, .init(2, 3, 0, 4, 0)), (.dbgdtrRxTx, .init(2, 3, 0, 5, 0)),
  ]

  static let comparators: [(DebugRegister, SystemRegister)] = (0..<16).flatMap(comparator)

  static func comparator(_ n: Int) -> [(DebugRegister, SystemRegister)] {
    let crm = UInt8(n)
    return [
      (.dbgbvr(n), .init(2, 0, 0, crm, 4)), (.dbgbcr(n), .init(2, 0, 0, crm, 5)),
      (.dbgwvr(n), .init(2, 0, 0, crm, 6)), (.dbgwcr(n), .init(2, 0, 0, crm, 7)),
    ]
  }

  @Test("each has the encoding of Arm's manual", arguments: singles + comparators)
  func encoding(register: DebugRegister, encoding: SystemRegister) throws {
    #expect(DebugRegister(encoding) == register)
    #expect(register.encoding == encoding)
    #expect(register.description(on: Self.full) != nil)
  }

  @Test("no other encoding of op0 = 2 names one")
  func others() {
    var known = 0
    for bits in 0..<UInt32(1 << 14) {
      let encoding = SystemRegister(
        op0: 2, op1: UInt8(bits >> 11 & 7), crn: UInt8(bits >> 7 & 15), crm: UInt8(bits >> 3 & 15),
        op2: UInt8(bits & 7))
      guard let register = DebugRegister(encoding) else { continue }
      known += 1
      #expect(register.encoding == encoding)
      #expect(register.description(on: Self.full) != nil)
    }
    #expect(known == Self.singles.count + Self.comparators.count)
    #expect(DebugRegister(SystemRegister(3, 0, 0, 2, 2)) == nil)
  }

  @Test("comparators beyond the processor's count do not exist", arguments: 2...16, 2...16)
  func absent(breakpoints: Int, watchpoints: Int) {
    let dfr0 = UInt64(breakpoints - 1) << 12 | UInt64(watchpoints - 1) << 20
    let capabilities = DebugCapabilities(dfr0: dfr0)
    for n in 0..<16 {
      #expect((DebugRegister.dbgbvr(n).description(on: capabilities) != nil) == (n < breakpoints))
      #expect((DebugRegister.dbgbcr(n).description(on: capabilities) != nil) == (n < breakpoints))
      #expect((DebugRegister.dbgwvr(n).description(on: capabilities) != nil) == (n < watchpoints))
      #expect((DebugRegister.dbgwcr(n).description(on: capabilities) != nil) == (n < watchpoints))
    }
  }

  @Test("only a context-aware DBGBVRn holds bits 1:0", arguments: 0..<6)
  func valueMask(n: Int) throws {
    let capabilities = DebugCapabilities(dfr0: 0x1030_5106)
    let mask = try #require(DebugRegister.dbgbvr(n).description(on: capabilities)).mask
    let expected: UInt64 = n >= 4 ? .max : ~3
    #expect(mask == expected)
  }

  @Test(
    "RES0 bits, direction and reset values",
    arguments: [
      (.dbgbcr(3), 0x00FF_E1E7, .readWrite, 0), (.dbgwvr(1), ~3, .readWrite, 0),
      (.dbgwcr(2), 0x1F1F_FFFF, .readWrite, 0), (.mdccint, 0x6000_0000, .readWrite, 0),
      (.mdrar, 0, .readOnly, 0), (.oslar, 1, .writeOnly, 0), (.oslsr, 0b1010, .readOnly, 0b1010),
      (.osdlr, 1, .readWrite, 0), (.osdtrrx, 0xFFFF_FFFF, .readWrite, 0),
      (.osdtrtx, 0xFFFF_FFFF, .readWrite, 0), (.oseccr, 0xFF, .readWrite, 0),
      (.dbgprcr, 1, .readWrite, 0), (.dbgclaimset, 0xFF, .readWrite, 0),
      (.dbgclaimclr, 0xFF, .readWrite, 0), (.dbgauthstatus, 0xFF, .readOnly, 0b1010),
      (.mdccsr, 0x6000_0000, .readOnly, 0), (.dbgdtr, .max, .readWrite, 0),
      (.dbgdtrRxTx, 0xFFFF_FFFF, .readWrite, 0),
    ] as [(DebugRegister, UInt64, DebugRegisterDescription.Access, UInt64)])
  func masks(
    register: DebugRegister, mask: UInt64, access: DebugRegisterDescription.Access, reset: UInt64
  ) throws {
    let description = try #require(register.description(on: Self.full))
    #expect(description.mask == mask)
    #expect(description.access == access)
    #expect(description.reset == reset)
  }

  @Test("DBGVCR32_EL2 is EL2's, and no register of the guest's")
  func vectorCatch() {
    #expect(DebugRegister(SystemRegister(2, 4, 0, 7, 0)) == nil)
  }

  @Test(
    "OSECCR_EL1 catches exception returns from FEAT_Debugv8p2 on",
    arguments: 6...11 as ClosedRange<UInt64>)
  func exceptionCatch(version: UInt64) throws {
    let capabilities = DebugCapabilities(dfr0: 0x1030_5100 | version)
    let expected: UInt64 = version < 8 ? 0xFF : 0xFFFF
    #expect(try #require(DebugRegister.oseccr.description(on: capabilities)).mask == expected)
  }

  @Test("OSDLR_EL1 is RES0 without FEAT_DoubleLock")
  func doubleLock() throws {
    let capabilities = DebugCapabilities(dfr0: 0xF0_0000_0000 | 0x1030_5106)
    #expect(try #require(DebugRegister.osdlr.description(on: capabilities)).mask == 0)
  }
}
