import ArmDebug
import Testing

@Suite("Address translation results")
struct TranslationResultTests {
  @Test(
    "what a store would be told: the faults of the tables' contents, and no other",
    arguments: 0..<64 as Range<UInt64>)
  func storeAbort(status: UInt64) {
    let isTables = status < 16 || status == 0x29 || status == 0x2B
    let fault = TranslationResult(par: 1 << 11 | status << 1 | 1)
    #expect(fault.isFault)
    #expect(fault.faultStatus == status)
    #expect(fault.storeAbort == (isTables ? 0x40 | status : nil))
    #expect(!fault.isWriteBack)
    // Stage 2's are EL2's own, and a translation that succeeded is none.
    #expect(TranslationResult(par: 1 << 9 | status << 1 | 1).storeAbort == nil)
    #expect(TranslationResult(par: status << 1).storeAbort == nil)
  }

  @Test("write-back in both caches, and nothing else, is memory to exchange on")
  func writeBack() {
    let halves: Set<UInt64> = [0b0101, 0b0110, 0b0111, 0b1100, 0b1101, 0b1110, 0b1111]
    for attributes in UInt64(0)...0xFF {
      let isWriteBack =
        halves.contains(attributes & 0xF) && halves.contains(attributes >> 4) || attributes == 0xF0
      let par = attributes << 56 | 0x4000_0B80
      #expect(TranslationResult(par: par).isWriteBack == isWriteBack, "\(attributes)")
      #expect(!TranslationResult(par: par | 1).isWriteBack)
    }
  }
}
