internal import RemoteProtocol

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

  var name: TextLine {
    TextLine(
      Int(rawValue),
      of: """
        interrupt
        debug register access
        hardware breakpoint
        watchpoint
        software step
        BRK or BKPT
        HVC
        SMC
        GIC CPU interface access
        GIC distributor access
        GIC redistributor access
        WFI or WFE while stepped
        stage 2: first use of an address
        stage 2: address that is not the guest's
        anything else
        """)
  }
}

/// How often each ``ExitReason`` occurred on one vCPU. Written by its own core.
struct ExitCounters {
  private var counts = InlineArray<15, UInt64>(repeating: 0)

  mutating func count(_ reason: ExitReason) { counts[Int(reason.rawValue)] &+= 1 }

  subscript(_ reason: ExitReason) -> UInt64 { counts[Int(reason.rawValue)] }
}
