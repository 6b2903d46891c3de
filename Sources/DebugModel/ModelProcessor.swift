package import ArmDebug

/// What the architecture leaves to the processor.
package struct ModelProcessor: Equatable, Sendable {
  /// Breakpoints, 2 to 16. The last `contextAware` of them can compare context identifiers.
  package var breakpoints = 6
  package var contextAware = 2
  /// Watchpoints, 2 to 16.
  package var watchpoints = 4
  /// FEAT_DoubleLock.
  package var hasDoubleLock = true
  /// The bytes that DC ZVA writes, a power of two of 16 or more.
  package var zeroBlock: UInt64 = 64
  /// FAR of a watchpoint is the lowest address that the access touched in the block of DC ZVA where
  /// it was watched, and not the first watched one.
  package var reportsLowestAddress = false

  /// Six breakpoints, two of them context-aware; four watchpoints; FEAT_DoubleLock.
  package init() {}

  package init(
    breakpoints: Int = 6, contextAware: Int = 2, watchpoints: Int = 4, hasDoubleLock: Bool = true,
    zeroBlock: UInt64 = 64, reportsLowestAddress: Bool = false
  ) {
    self.breakpoints = breakpoints
    self.contextAware = contextAware
    self.watchpoints = watchpoints
    self.hasDoubleLock = hasDoubleLock
    self.zeroBlock = zeroBlock
    self.reportsLowestAddress = reportsLowestAddress
  }

  /// As ID_AA64DFR0_EL1 has it: a processor of Armv8.0.
  package var capabilities: DebugCapabilities {
    let counts =
      UInt64(breakpoints - 1) << 12 | UInt64(watchpoints - 1) << 20 | UInt64(contextAware - 1) << 28
    return DebugCapabilities(dfr0: counts | (hasDoubleLock ? 0 : 0xF << 36) | 0x106)
  }

  /// Whether breakpoint `n` can compare context identifiers.
  func isContextAware(_ n: Int) -> Bool {
    n < breakpoints && n >= breakpoints - contextAware
  }
}

extension DebugCapabilities {
  /// Six breakpoints, two of them context-aware; four watchpoints; FEAT_DoubleLock.
  package static let model = DebugCapabilities(dfr0: 0x1030_5106)
}

extension ExceptionFeatures {
  /// A processor of Armv8.0.
  package static let none = ExceptionFeatures(pfr0: 0, pfr1: 0, mmfr1: 0, dfr1: 0)
}
