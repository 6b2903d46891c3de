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

  /// A description of each class for reports: one line for each value of EC from 0 up.
  public static var explanations: StaticString {
    """
    undefined instruction or unknown reason
    WFI or WFE trapped
    unallocated exception class
    MCR or MRC to coprocessor 15 trapped
    MCRR or MRRC to coprocessor 15 trapped
    MCR or MRC to coprocessor 14 trapped
    LDC or STC to coprocessor 14 trapped
    SVE, SIMD or floating-point access trapped
    VMRS trapped
    pointer authentication trapped
    64-byte load or store trapped
    unallocated exception class
    MRRC to coprocessor 14 trapped
    branch to an instruction that is no branch target
    illegal execution state
    unallocated exception class
    unallocated exception class
    SVC from AArch32
    HVC from AArch32
    SMC from AArch32
    128-bit MSR, MRS or system instruction trapped
    SVC
    HVC
    SMC
    MSR, MRS or system instruction trapped
    SVE access trapped
    ERET trapped
    TSTART at EL0
    pointer authentication failed
    SME access trapped
    unallocated exception class
    implementation defined exception
    instruction abort from a lower exception level
    instruction abort at the same exception level
    PC not aligned
    unallocated exception class
    data abort from a lower exception level
    data abort at the same exception level
    SP not aligned
    memory copy or set exception
    floating-point exception from AArch32
    unallocated exception class
    unallocated exception class
    unallocated exception class
    floating-point exception
    guarded control stack exception
    unallocated exception class
    SError
    hardware breakpoint from a lower exception level
    hardware breakpoint at the same exception level
    software step from a lower exception level
    software step at the same exception level
    watchpoint from a lower exception level
    watchpoint at the same exception level
    unallocated exception class
    unallocated exception class
    BKPT from AArch32
    unallocated exception class
    vector catch from AArch32
    unallocated exception class
    BRK
    unallocated exception class
    unallocated exception class
    unallocated exception class
    """
  }
}
