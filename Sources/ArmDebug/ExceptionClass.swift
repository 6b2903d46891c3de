/// ESR_ELx.EC: what kind of exception was taken (Arm ARM D24.2.40).
public enum ExceptionClass: UInt8, Sendable {
  case unknown = 0x00
  case wfx = 0x01
  case cp15Word = 0x03
  case cp15Pair = 0x04
  case cp14Word = 0x05
  case cp14Transfer = 0x06
  case fpAccess = 0x07
  case vmrs = 0x08
  case pointerAuthenticationUse = 0x09
  case ls64 = 0x0A
  case cp14Pair = 0x0C
  case branchTarget = 0x0D
  case illegalState = 0x0E
  case svc32 = 0x11
  case hvc32 = 0x12
  case smc32 = 0x13
  case systemRegisterPair = 0x14
  case svc64 = 0x15
  case hvc64 = 0x16
  case smc64 = 0x17
  case systemRegister = 0x18
  case sve = 0x19
  case eret = 0x1A
  case tstart = 0x1B
  case pointerAuthenticationFailure = 0x1C
  case sme = 0x1D
  case implementationDefined = 0x1F
  case instructionAbortLower = 0x20
  case instructionAbortSame = 0x21
  case pcAlignment = 0x22
  case dataAbortLower = 0x24
  case dataAbortSame = 0x25
  case spAlignment = 0x26
  case memoryCopy = 0x27
  case fp32 = 0x28
  case fp64 = 0x2C
  case guardedControlStack = 0x2D
  case serror = 0x2F
  case breakpointLower = 0x30
  case breakpointSame = 0x31
  case stepLower = 0x32
  case stepSame = 0x33
  case watchpointLower = 0x34
  case watchpointSame = 0x35
  case bkpt32 = 0x38
  case vectorCatch32 = 0x3A
  case brk64 = 0x3C

  /// Whether the exception is one of the debug exceptions (Arm ARM D2.2).
  public var isDebug: Bool {
    switch self {
    case .breakpointLower, .breakpointSame, .stepLower, .stepSame, .watchpointLower,
      .watchpointSame, .bkpt32, .vectorCatch32, .brk64:
      true
    default: false
    }
  }

  /// What an exception class means, for reports.
  ///
  /// - Parameter ec: ESR_ELx.EC, 0 to 63.
  public static func explanation(of ec: UInt8) -> StaticString {
    switch ec {
    case 0x00: "undefined instruction or unknown reason"
    case 0x01: "WFI or WFE trapped"
    case 0x03: "MCR or MRC to coprocessor 15 trapped"
    case 0x04: "MCRR or MRRC to coprocessor 15 trapped"
    case 0x05: "MCR or MRC to coprocessor 14 trapped"
    case 0x06: "LDC or STC to coprocessor 14 trapped"
    case 0x07: "SVE, SIMD or floating-point access trapped"
    case 0x08: "VMRS trapped"
    case 0x09: "pointer authentication trapped"
    case 0x0a: "64-byte load or store trapped"
    case 0x0c: "MRRC to coprocessor 14 trapped"
    case 0x0d: "branch to an instruction that is no branch target"
    case 0x0e: "illegal execution state"
    case 0x11: "SVC from AArch32"
    case 0x12: "HVC from AArch32"
    case 0x13: "SMC from AArch32"
    case 0x14: "128-bit MSR, MRS or system instruction trapped"
    case 0x15: "SVC"
    case 0x16: "HVC"
    case 0x17: "SMC"
    case 0x18: "MSR, MRS or system instruction trapped"
    case 0x19: "SVE access trapped"
    case 0x1a: "ERET trapped"
    case 0x1b: "TSTART at EL0"
    case 0x1c: "pointer authentication failed"
    case 0x1d: "SME access trapped"
    case 0x1f: "implementation defined exception"
    case 0x20: "instruction abort from a lower exception level"
    case 0x21: "instruction abort at the same exception level"
    case 0x22: "PC not aligned"
    case 0x24: "data abort from a lower exception level"
    case 0x25: "data abort at the same exception level"
    case 0x26: "SP not aligned"
    case 0x27: "memory copy or set exception"
    case 0x28: "floating-point exception from AArch32"
    case 0x2c: "floating-point exception"
    case 0x2d: "guarded control stack exception"
    case 0x2f: "SError"
    case 0x30: "hardware breakpoint from a lower exception level"
    case 0x31: "hardware breakpoint at the same exception level"
    case 0x32: "software step from a lower exception level"
    case 0x33: "software step at the same exception level"
    case 0x34: "watchpoint from a lower exception level"
    case 0x35: "watchpoint at the same exception level"
    case 0x38: "BKPT from AArch32"
    case 0x3a: "vector catch from AArch32"
    case 0x3c: "BRK"
    default: "unallocated exception class"
    }
  }
}
