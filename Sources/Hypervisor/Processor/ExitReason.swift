internal import ArmDebug

/// Why a vCPU left the guest, as `monitor exits` counts it.
enum ExitReason: UInt8 {
  case interrupt
  case debugRegister
  case breakpoint
  case watchpoint
  case step
  case brk
  case hypercall
  case firmwareCall
  case interruptRegister
  case distributor
  case redistributor
  case waitForInterrupt
  case stage2Map
  case stage2Refused
  case other

  static let count = 15

  var name: StaticString {
    switch self {
    case .interrupt: "interrupt"
    case .debugRegister: "debug register access"
    case .breakpoint: "hardware breakpoint"
    case .watchpoint: "watchpoint"
    case .step: "software step"
    case .brk: "BRK or BKPT"
    case .hypercall: "HVC"
    case .firmwareCall: "SMC"
    case .interruptRegister: "GIC CPU interface access"
    case .distributor: "GIC distributor access"
    case .redistributor: "GIC redistributor access"
    case .waitForInterrupt: "WFI or WFE while stepped"
    case .stage2Map: "stage 2: first use of an address"
    case .stage2Refused: "stage 2: address that is not the guest's"
    case .other: "anything else"
    }
  }
}

/// One exit of a vCPU to EL2. It is made once for each, where EL2 is entered, and recorded once.
struct ExitRecord {
  let reason: ExitReason
  /// ESR_EL2, or nil for an interrupt.
  let syndrome: Syndrome?
  /// ELR_EL2: where the guest was.
  let pc: UInt64
  /// FAR_EL2; it means something where the syndrome's class has an address.
  let faultAddress: UInt64
}

/// The exits of one vCPU: how often each ``ExitReason`` occurred. Written by its own core.
struct ExitCounters {
  private var counts = InlineArray<15, UInt64>(repeating: 0)

  /// Takes note of an exit.
  mutating func record(_ exit: ExitRecord) { count(exit.reason) }

  /// The same on the fast path, where no register is free for more than the reason.
  mutating func count(_ reason: ExitReason) { counts[Int(reason.rawValue)] &+= 1 }

  subscript(_ reason: ExitReason) -> UInt64 { counts[Int(reason.rawValue)] }
}
