import ArmDebug
import Testing

@Suite("Load- and store-exclusives")
struct ExclusiveInstructionTests {
  /// Every word of the group "load/store exclusive" (bits 29:24 = 001000) with distinct operands: X21 in
  /// Rs, X22 in Rt2, X23 in Rn, X24 in Rt.
  @Test("the whole encoding space: sizes, pairs and operands, and who is none", arguments: 0..<64)
  func space(selector: UInt32) throws {
    let size = selector >> 4
    let (o2, load, o1, o0) = (selector >> 3 & 1, selector >> 2 & 1, selector >> 1 & 1, selector & 1)
    let bits =
      size << 30 | 0b001000 << 24 | o2 << 23 | load << 22 | o1 << 21 | 21 << 16 | o0 << 15
      | 22 << 10 | 23 << 5 | 24
    let instruction = ExclusiveInstruction(Instruction(bits))
    // LDAR, STLR, LDLAR, STLLR and CAS have o2 = 1; CASP is o1 = 1 with the small sizes.
    guard o2 == 0, o1 == 0 || size >= 2 else {
      #expect(instruction == nil)
      return
    }
    let exclusive = try #require(instruction)
    #expect(exclusive.isLoad == (load == 1))
    #expect(exclusive.isPair == (o1 == 1))
    #expect(exclusive.elementSize == [1, 2, 4, 8][Int(size)])
    #expect(exclusive.size == [1, 2, 4, 8][Int(size)] << UInt64(o1))
    #expect([exclusive.rs, exclusive.rt2, exclusive.rn, exclusive.rt] == [21, 22, 23, 24])
    #expect(!exclusive.isUnpredictable)
  }

  @Test("every instruction of another group is none", arguments: 0..<64 as Range<UInt32>)
  func otherGroups(group: UInt32) {
    guard group != 0b001000 else { return }
    for size: UInt32 in 0..<4 {
      #expect(ExclusiveInstruction(Instruction(size << 30 | group << 24 | 0x005F_7C41)) == nil)
    }
  }

  @Test(
    "operands for which the architecture promises nothing",
    arguments: [
      // STXR W1, X2, [X3]; W2, X2, [X3]; W3, X2, [X3]; W2, X3, [SP]; WZR, X2, [SP]
      (0xC801_7C62, false), (0xC802_7C62, true), (0xC803_7C62, true), (0xC802_7FE3, false),
      (0xC81F_7FE2, false),
      // STXP W1, X2, X4, [X3]; W4, X2, X4, [X3]; LDXP X2, X4, [X3]; X2, X2, [X3]; LDXR X3, [X3]
      (0xC821_1062, false), (0xC824_1062, true), (0xC87F_1062, false), (0xC87F_0862, true),
      (0xC85F_7C63, false),
    ] as [(UInt32, Bool)])
  func unpredictable(bits: UInt32, expected: Bool) throws {
    #expect(try #require(ExclusiveInstruction(Instruction(bits))).isUnpredictable == expected)
  }

  @Test(
    "CLREX, and where a sequence ends",
    arguments: [
      // CLREX; CLREX #0; DSB SY; DMB ISH; ISB
      (0xD503_3F5F, true, false), (0xD503_305F, true, false), (0xD503_3F9F, false, false),
      (0xD503_3BBF, false, false), (0xD503_3FDF, false, false),
      // B, BL, BR X1, BLR X1, RET, RETAA, ERET, ERETAA, SVC, HVC, SMC, BRK, HLT, UDF
      (0x1400_0002, false, true), (0x9400_0002, false, true), (0xD61F_0020, false, true),
      (0xD63F_0020, false, true), (0xD65F_03C0, false, true), (0xD65F_0BFF, false, true),
      (0xD69F_03E0, false, true), (0xD69F_0BFF, false, true), (0xD400_0001, false, true),
      (0xD400_0002, false, true), (0xD400_0003, false, true), (0xD420_0000, false, true),
      (0xD440_0000, false, true), (0x0000_0000, false, true),
      // B.NE, CBNZ W1, TBZ X1, ADD, CMP, LDR, MRS, NOP
      (0x5400_0041, false, false), (0x3500_0041, false, false), (0x3600_0041, false, false),
      (0x9100_0421, false, false), (0xEB02_003F, false, false), (0xF940_0041, false, false),
      (0xD53B_4220, false, false), (0xD503_201F, false, false),
    ] as [(UInt32, Bool, Bool)])
  func others(bits: UInt32, isCLREX: Bool, ends: Bool) {
    #expect(Instruction(bits).isCLREX == isCLREX)
    #expect(Instruction(bits).endsExclusiveSequence == ends)
  }
}
