package import ArmDebug

/// The instructions of the model. Operands are immediate, so that a program is its own proof of what
/// it does.
package enum Operation: Equatable, Sendable {
  case nop
  case load(UInt64, size: UInt64)
  case store(UInt64, size: UInt64)
  case branch(UInt64)
  case svc
  case hvc
  case brk(UInt16)
  case undefined
  case eret
  case wfi
  case msr(SystemRegister, UInt64)
  case mrs(SystemRegister)
  case daifSet(UInt64)
  case daifClr(UInt64)
  /// ISR_EL1, as a load of what is pending.
  case readPending
  /// Acknowledges the pending interrupt.
  case acknowledge
  /// ELR_EL1 += 4.
  case skipOne
  /// SPSR_EL1.SS and .D, the other bits kept.
  case setSPSR(ss: Bool, d: Bool)
  /// ELR_EL1 and SPSR_EL1 for a return.
  case prepareReturn(to: UInt64, PState)

  /// The A64 encoding, as far as stepping looks at it.
  package var encoding: UInt32 {
    switch self {
    case .eret: 0xD69F_03E0
    case .wfi: 0xD503_207F
    case .daifSet(let mask): 0xD503_40DF | UInt32(mask) << 8
    case .daifClr(let mask): 0xD503_40FF | UInt32(mask) << 8
    case .readPending: 0xD538_C100
    case .acknowledge: 0xD538_CC00  // MRS X0, ICC_IAR1_EL1
    case .svc: 0xD400_0001
    case .hvc: 0xD400_0002
    case .brk(let immediate): 0xD420_0000 | UInt32(immediate) << 5
    default: 0xD503_201F
    }
  }

  package var isAccess: (range: Range<UInt64>, kind: AccessKind)? {
    switch self {
    case .load(let address, let size): (address..<address + size, .load)
    case .store(let address, let size): (address..<address + size, .store)
    default: nil
    }
  }
}
