import ArmDebug
import Testing

@Suite("ID_AA64DFR0_EL1")
struct DebugCapabilitiesTests {
  @Test(
    "counts are held minus one",
    arguments: [
      // Cortex-A53/A57/A72, Cortex-A76, and the largest there can be.
      (dfr0: 0x1030_5106, version: 6, breakpoints: 6, watchpoints: 4, contextAware: 2, lock: true),
      (dfr0: 0x1030_5408, version: 8, breakpoints: 6, watchpoints: 4, contextAware: 2, lock: true),
      (
        dfr0: 0xF_F0F0_F00B, version: 11, breakpoints: 16, watchpoints: 16, contextAware: 16,
        lock: true
      ),
      (
        dfr0: 0xFF_1030_5609, version: 9, breakpoints: 6, watchpoints: 4, contextAware: 2,
        lock: false
      ),
    ] as [(UInt64, UInt8, Int, Int, Int, Bool)])
  func decoding(
    dfr0: UInt64, version: UInt8, breakpoints: Int, watchpoints: Int, contextAware: Int, lock: Bool
  ) {
    let capabilities = DebugCapabilities(dfr0: dfr0)
    #expect(capabilities.version == version)
    #expect(capabilities.breakpointCount == breakpoints)
    #expect(capabilities.watchpointCount == watchpoints)
    #expect(capabilities.contextAwareCount == contextAware)
    // DoubleLock counts downwards: 0b0000 is implemented, 0b1111 is not.
    #expect(capabilities.hasDoubleLock == (dfr0 >> 36 == 0))
    #expect(lock == (dfr0 >> 36 == 0))
  }

  @Test("the context-aware breakpoints are the highest-numbered ones")
  func contextAware() {
    let capabilities = DebugCapabilities(dfr0: 0x1030_5106)
    let aware = (0..<16).filter(capabilities.isContextAware)
    #expect(aware == [4, 5])
  }

  @Test("more context-aware breakpoints than breakpoints are not believed")
  func inconsistent() {
    let capabilities = DebugCapabilities(dfr0: 0xF000_1006)
    #expect(capabilities.contextAwareCount == 2)
  }
}
