import ArmDebug
import DebugModel
import NestedDebug
import Testing

/// The registers whose other end is an external debugger, which is never there.
@Suite("The external debugger's registers, emulated")
struct ExternalDebugTests {
  private static func debug(osLock: Bool = false, dfr0: UInt64 = 0x1030_5106) -> VirtualDebug {
    var debug = VirtualDebug(capabilities: DebugCapabilities(dfr0: dfr0), features: .none)
    write(&debug, .oslar, osLock ? 1 : 0)
    return debug
  }

  private static func encoding(_ register: DebugRegister) -> SystemRegister {
    // No processor lacks one of these; the encoding beside is no debug register.
    register.encoding
  }

  private static func write(_ debug: inout VirtualDebug, _ register: DebugRegister, _ value: UInt64)
  {
    let access = SystemRegisterAccess(register: encoding(register), rt: 0, isRead: false)
    #expect(debug.access(access, value: value) == .written)
  }

  private static func read(_ debug: inout VirtualDebug, _ register: DebugRegister) -> UInt64? {
    let access = SystemRegisterAccess(register: encoding(register), rt: 0, isRead: true)
    guard case .read(let value) = debug.access(access, value: 0) else { return nil }
    return value
  }

  @Test("claim tags are set and cleared one by one, and DBGCLAIMSET_EL1 reads as all there are")
  func claimTags() {
    var debug = Self.debug()
    for (register, value, tags) in [
      (.dbgclaimset, 0x05, 0x05), (.dbgclaimset, 0x12, 0x17), (.dbgclaimset, 0, 0x17),
      (.dbgclaimclr, 0x03, 0x14), (.dbgclaimclr, 0, 0x14), (.dbgclaimset, .max, 0xFF),
      (.dbgclaimclr, 0x80, 0x7F),
    ] as [(DebugRegister, UInt64, UInt64)] {
      Self.write(&debug, register, value)
      #expect(Self.read(&debug, .dbgclaimclr) == tags)
      #expect(Self.read(&debug, .dbgclaimset) == 0xFF)
    }
    debug.reset()
    #expect(Self.read(&debug, .dbgclaimclr) == 0)
  }

  @Test("OSECCR_EL1 is there under the OS Lock, and RES0 without it")
  func exceptionCatch() {
    var debug = Self.debug(osLock: true)
    Self.write(&debug, .oseccr, .max)
    #expect(Self.read(&debug, .oseccr) == 0xFF)
    Self.write(&debug, .oslar, 0)
    #expect(Self.read(&debug, .oseccr) == 0)
    Self.write(&debug, .oseccr, 0x11)
    Self.write(&debug, .oslar, 1)
    #expect(Self.read(&debug, .oseccr) == 0xFF)
  }

  @Test(
    "OSDTRRX_EL1 and OSDTRTX_EL1 hold their words, and leave RXfull and TXfull",
    arguments: [
      false, true,
    ])
  func savedChannel(osLock: Bool) {
    var debug = Self.debug(osLock: osLock)
    Self.write(&debug, .osdtrrx, 0x1_2345_6789)
    Self.write(&debug, .osdtrtx, 0x9_ABCD_EF01)
    #expect(Self.read(&debug, .osdtrrx) == 0x2345_6789)
    #expect(Self.read(&debug, .osdtrtx) == 0xABCD_EF01)
    #expect(Self.read(&debug, .mdccsr) == 0)
    #expect(Self.read(&debug, .mdscr) == 0)
  }

  @Test("a word written to DBGDTRTX_EL0 stays, and TXfull says so")
  func transmit() {
    var debug = Self.debug()
    Self.write(&debug, .dbgdtrRxTx, 0xF_0000_0041)
    #expect(Self.read(&debug, .mdccsr) == 1 << 29)
    #expect(Self.read(&debug, .mdscr) == 1 << 29)
    #expect(Self.read(&debug, .osdtrtx) == 0x41)
    #expect(Self.read(&debug, .osdtrrx) == 0)
  }

  @Test("DBGDTR_EL0 writes both words at once, and reads them in the other order")
  func both() {
    var debug = Self.debug()
    Self.write(&debug, .dbgdtr, 0x1111_1111_2222_2222)
    #expect(Self.read(&debug, .osdtrrx) == 0x1111_1111)
    #expect(Self.read(&debug, .osdtrtx) == 0x2222_2222)
    #expect(Self.read(&debug, .mdccsr) == 1 << 29)
    #expect(Self.read(&debug, .dbgdtr) == 0x2222_2222_1111_1111)
  }

  @Test(
    "a restored RXfull lasts until the word is read, and TXfull is not touched",
    arguments: [DebugRegister.dbgdtr, .dbgdtrRxTx])
  func receive(reader: DebugRegister) {
    var debug = Self.debug(osLock: true)
    Self.write(&debug, .osdtrrx, 0x55)
    Self.write(&debug, .mdscr, 3 << 29)
    Self.write(&debug, .oslar, 0)
    #expect(Self.read(&debug, .mdccsr) == 3 << 29)
    #expect(Self.read(&debug, reader) == 0x55)
    #expect(Self.read(&debug, .mdccsr) == 1 << 29)
  }

  @Test("DBGPRCR_EL1.CORENPDRQ holds the OS Double Lock off")
  func noPowerDown() {
    var debug = Self.debug()
    Self.write(&debug, .mdscr, 0x8000)
    Self.write(&debug, .osdlr, 1)
    #expect(!debug.guest.armsComparators)
    Self.write(&debug, .dbgprcr, .max)
    #expect(Self.read(&debug, .dbgprcr) == 1)
    #expect(Self.read(&debug, .osdlr) == 1)
    #expect(debug.guest.armsComparators)
    Self.write(&debug, .oslar, 1)
    #expect(!debug.guest.armsComparators)
  }

  @Test(
    "DBGAUTHSTATUS_EL1: Non-secure debug is implemented, and nobody let in",
    arguments: [(6, 0b1010), (8, 0b1010), (9, 0b1110), (11, 0b1110)] as [(UInt64, UInt64)])
  func authentication(version: UInt64, status: UInt64) {
    var debug = Self.debug(dfr0: 0x1030_5100 | version)
    #expect(Self.read(&debug, .dbgauthstatus) == status)
  }

  @Test(
    "what is read-only or write-only is UNDEFINED in the other direction",
    arguments: [
      (.mdrar, false), (.oslsr, false), (.dbgauthstatus, false), (.mdccsr, false), (.oslar, true),
    ] as [(DebugRegister, Bool)])
  func directions(register: DebugRegister, isRead: Bool) {
    var debug = Self.debug()
    let access = SystemRegisterAccess(
      register: Self.encoding(register), rt: 0, isRead: isRead)
    #expect(debug.access(access, value: 0) == .undefined)
  }
}
