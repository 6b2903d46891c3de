import ArmDebug
import Testing

/// Coprocessor 14 as a trapped instruction names it.
@Suite("Coprocessor instructions")
struct CoprocessorTests {
  /// For which of the sixteen values of NZCV each condition holds: bit n of the word is value n.
  static let conditions: [(UInt8, UInt16)] = [
    (0, 0xF0F0), (1, 0x0F0F), (2, 0xCCCC), (3, 0x3333), (4, 0xFF00), (5, 0x00FF), (6, 0xAAAA),
    (7, 0x5555), (8, 0x0C0C), (9, 0xF3F3), (10, 0xAA55), (11, 0x55AA), (12, 0x0A05), (13, 0xF5FA),
    (14, 0xFFFF), (15, 0xFFFF),
  ]

  @Test("each condition holds for the flags that the manual's table says", arguments: conditions)
  func holding(code: UInt8, holds: UInt16) {
    for flags in 0..<16 as Range<UInt64> {
      let state = PState(rawValue: flags << 28 | 0x10)
      #expect(Condition(rawValue: code).holds(in: state) == (holds >> flags & 1 == 1))
    }
  }

  @Test("CV = 1: the syndrome has the condition, and IT does not count")
  func conditionInSyndrome() throws {
    // EQ.
    let access = try #require(CoprocessorAccess(Syndrome(.cp14Word, iss: 1 << 24)))
    #expect(access.condition == Condition(rawValue: 0))
    // In an IT block of NE.
    #expect(access.passesCondition(in: PState(rawValue: 1 << 30 | 0b0001_10 << 10 | 0x30)))
    #expect(!access.passesCondition(in: PState(rawValue: 0b0001_10 << 10 | 0x30)))
  }

  @Test("CV = 0: the condition is that of the IT block, and outside of one there is none")
  func conditionInIT() throws {
    let access = try #require(CoprocessorAccess(Syndrome(.cp14Word, iss: 0xF << 20)))
    #expect(access.condition == nil)
    for (it, z, passes) in [
      (0b0000_1000, true, true), (0b0000_1000, false, false), (0b0001_1000, false, true),
      (0b0001_0100, true, false), (0b0000_0000, false, true), (0b1110_0001, false, true),
    ] as [(UInt64, Bool, Bool)] {
      let state = PState(
        rawValue: (z ? 1 << 30 : 0) | (it >> 2) << 10 | (it & 3) << 25 | 0x30)
      #expect(state.itState == UInt8(it))
      #expect(access.passesCondition(in: state) == passes)
    }
  }

  @Test("MCR and MRC: every register's name comes out of the syndrome as it is")
  func words() {
    for packed in 0..<1 << 14 as Range<UInt64> {
      let register = CoprocessorRegister(
        opc1: UInt8(packed >> 11 & 7), crn: UInt8(packed >> 7 & 15), crm: UInt8(packed >> 3 & 15),
        opc2: UInt8(packed & 7))
      var iss: UInt64 = 1 << 24 | 0xE << 20
      iss |= UInt64(register.opc2) << 17 | UInt64(register.opc1) << 14 | UInt64(register.crn) << 10
      iss |= (packed & 15) << 5 | UInt64(register.crm) << 1 | packed & 1
      let rt = UInt8(packed & 15) == 15 ? 31 : UInt8(packed & 15)
      let expected = CoprocessorAccess(
        operands: .word(register, rt: rt), isRead: packed & 1 == 1,
        condition: Condition(rawValue: 0xE))
      if CoprocessorAccess(Syndrome(.cp14Word, iss: iss)) != expected {
        Issue.record("\(register)")
      }
    }
  }

  @Test("MRRC: opc1, CRm and both registers", arguments: 0..<15 as Range<UInt64>)
  func pairs(n: UInt64) {
    let iss: UInt64 = 0xE << 20 | 1 << 24 | n << 16 | (14 - n) << 10 | n << 5 | (15 - n) << 1 | 1
    #expect(
      CoprocessorAccess(Syndrome(.cp14Pair, iss: iss))
        == CoprocessorAccess(
          operands: .pair(opc1: UInt8(n), crm: UInt8(15 - n), rt: UInt8(n), rt2: UInt8(14 - n)),
          isRead: true, condition: Condition(rawValue: 0xE)))
  }

  @Test("LDC reads memory and so writes the register, STC the other way round")
  func transfers() throws {
    for (am, mode) in [
      (0, .unindexed), (1, .postIndexed), (2, .offset), (3, .preIndexed),
    ] as [(UInt64, CoprocessorTransfer.Mode)] {
      for isLoad in [false, true] {
        for adds in [false, true] {
          let iss: UInt64 =
            0xA5 << 12 | 7 << 5 | (adds ? 1 << 4 : 0) | am << 1 | (isLoad ? 1 : 0)
          let access = try #require(CoprocessorAccess(Syndrome(.cp14Transfer, iss: iss)))
          #expect(access.isRead == !isLoad)
          #expect(
            access.operands
              == .memory(.init(mode: mode, base: 7, offset: 0x294, adds: adds)))
        }
      }
    }
    // A literal: whatever Rn says, the base is R15.
    let literal = try #require(
      CoprocessorAccess(Syndrome(.cp14Transfer, iss: 3 << 5 | 0b0110 << 1)))
    guard case .memory(let transfer) = literal.operands else {
      Issue.record("no transfer")
      return
    }
    #expect(transfer.base == 31)
    #expect(transfer.mode == .offset)
  }

  @Test(
    "the address and what becomes of Rn, wrapping at 32 bits",
    arguments: [
      (.unindexed, true, 0x1000, nil), (.postIndexed, true, 0x1000, 0x1010),
      (.postIndexed, false, 0x1000, 0xFF0), (.offset, true, 0x1010, nil),
      (.offset, false, 0xFF0, nil), (.preIndexed, true, 0x1010, 0x1010),
      (.preIndexed, false, 0xFF0, 0xFF0),
    ] as [(CoprocessorTransfer.Mode, Bool, UInt32, UInt32?)])
  func addressing(mode: CoprocessorTransfer.Mode, adds: Bool, word: UInt32, writeBack: UInt32?) {
    let transfer = CoprocessorTransfer(mode: mode, base: 0, offset: 0x10, adds: adds)
    #expect(transfer.addresses(base: 0x1000).word == word)
    #expect(transfer.addresses(base: 0x1000).writeBack == writeBack)
    let wrapped = transfer.addresses(base: adds ? .max - 3 : 4)
    if word != 0x1000 { #expect(wrapped.word == (adds ? 0xC : 0xFFFF_FFF4)) }
  }

  @Test("R15 reads as two instructions on, word-aligned")
  func programCounter() {
    #expect(CoprocessorTransfer.programCounter(0x1000, isT32: false) == 0x1008)
    #expect(CoprocessorTransfer.programCounter(0x1002, isT32: true) == 0x1004)
    #expect(CoprocessorTransfer.programCounter(0x1000, isT32: true) == 0x1004)
    #expect(CoprocessorTransfer.programCounter(0xFFFF_FFFC, isT32: false) == 4)
  }

  @Test("no other class is decoded")
  func others() {
    for ec in 0..<64 as Range<UInt8> where ![0x05, 0x06, 0x0C].contains(ec) {
      #expect(CoprocessorAccess(Syndrome(rawValue: UInt64(ec) << 26)) == nil)
    }
  }

  @Test("E reverses the bytes of what is in memory, and nothing else does")
  func endianness() {
    #expect(PState(rawValue: 0x10).inEndianness(0x1122_3344) == 0x1122_3344)
    #expect(PState(rawValue: 0x210).inEndianness(0x1122_3344) == 0x4433_2211)
  }
}
