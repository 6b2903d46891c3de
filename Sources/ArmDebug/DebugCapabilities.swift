/// What debug hardware a processor has, from ID_AA64DFR0_EL1 (Arm ARM D24.2.54).
public struct DebugCapabilities: Equatable, Sendable {
  /// DebugVer: 6 is Armv8.0, 8 Armv8.2, 9 Armv8.4, 10 Armv8.8, 11 Armv8.9.
  public let version: UInt8
  /// Breakpoints, 2 to 16.
  public var breakpointCount: Int { Int(breakpoints) }
  /// Watchpoints, 2 to 16.
  public var watchpointCount: Int { Int(watchpoints) }
  /// Breakpoints that can compare context identifiers, 1 to `breakpointCount`: the
  /// highest-numbered ones.
  public var contextAwareCount: Int { Int(contextAware) }
  /// FEAT_DoubleLock: OSDLR_EL1 does something.
  public let hasDoubleLock: Bool

  // Of a byte each: the whole is copied where plans are made.
  private let breakpoints: UInt8
  private let watchpoints: UInt8
  private let contextAware: UInt8
  /// EL3 is implemented; DBGDIDR says so to AArch32.
  public let hasEL3: Bool

  /// The registers of an external debugger, where the processor has them. The architecture requires them,
  /// and no identification register says whether they exist; QEMU 7.2 lacks them. The caller sets this
  /// after it has tried.
  public var external: ExternalDebugRegisters?

  /// Decodes ID_AA64DFR0_EL1, and EL3 of ID_AA64PFR0_EL1. Counts that the architecture does not allow
  /// are brought into range, so that they are safe as bounds whatever the register holds.
  public init(dfr0: UInt64, pfr0: UInt64 = 0) {
    version = UInt8(truncatingIfNeeded: dfr0[bits: 0...3])
    breakpoints = UInt8(truncatingIfNeeded: dfr0[bits: 12...15]) &+ 1
    watchpoints = UInt8(truncatingIfNeeded: dfr0[bits: 20...23]) &+ 1
    contextAware = min(UInt8(truncatingIfNeeded: dfr0[bits: 28...31]) &+ 1, breakpoints)
    hasDoubleLock = dfr0[bits: 36...39] == 0
    hasEL3 = pfr0[bits: 12...15] != 0
  }

  /// Whether breakpoint `n` exists and can compare context identifiers.
  public func isContextAware(_ n: Int) -> Bool {
    breakpointCount &- contextAwareCount..<breakpointCount ~= n  // mutant: contextAwareNumbers
  }
}

/// The values of an external debugger's read-only registers, which the board decides.
public struct ExternalDebugRegisters: Equatable, Sendable {
  /// DBGAUTHSTATUS_EL1: what the board's signals let an external debugger do.
  public var authenticationStatus: UInt64
  /// MDRAR_EL1: where the debug ROM table is.
  public var romAddress: UInt64

  public init(authenticationStatus: UInt64, romAddress: UInt64) {
    self.authenticationStatus = authenticationStatus
    self.romAddress = romAddress
  }
}
