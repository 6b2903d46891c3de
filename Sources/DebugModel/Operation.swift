package import ArmDebug

/// The instructions of the model. Operands are immediate, so that a program is its own proof of what
/// it does.
package enum Operation: Equatable, Sendable {
  case nop
  case load(UInt64, size: UInt64)
  case store(UInt64, size: UInt64, value: UInt64 = 0)
  /// LDTR and STTR: at EL1 as if at EL0.
  case loadUnprivileged(UInt64, size: UInt64)
  case storeUnprivileged(UInt64, size: UInt64, value: UInt64 = 0)
  /// LDP and STP of two registers of `size` bytes, 4 or 8. The second value stored is the
  /// complement of the first.
  case loadPair(UInt64, size: UInt64)
  case storePair(UInt64, size: UInt64, value: UInt64 = 0)
  /// DC ZVA.
  case zero(UInt64)
  /// LDXR, or LDXP of two registers of `size` bytes, 4 or 8.
  case loadExclusive(UInt64, size: UInt64, pair: Bool)
  case storeExclusive(UInt64, size: UInt64, pair: Bool, value: UInt64 = 0)
  /// CBNZ: so many bytes back, if the last store-exclusive has failed.
  case retry(UInt64)
  case clearExclusive
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

  /// UNDEFINED at EL0.
  var isPrivileged: Bool {
    switch self {
    case .eret, .msr, .mrs, .daifSet, .daifClr, .readPending, .acknowledge, .skipOne, .setSPSR,
      .prepareReturn:
      true
    default: false
    }
  }

  /// Whether it reads which interrupts are pending.
  var observesInterrupts: Bool { self == .readPending || self == .acknowledge }
}

/// The memory that an instruction accesses.
package struct Access: Equatable, Sendable {
  package var range: Range<UInt64>
  package var kind: AccessKind
  /// Made as if at EL0.
  package var isUnprivileged = false
  /// A store-exclusive's, which EL2 may perform in place of the processor.
  package var isExclusiveStore = false
}

extension Operation {
  /// What it accesses on a processor whose DC ZVA writes blocks of `zeroBlock` bytes.
  package func access(zeroBlock: UInt64) -> Access? {
    switch self {
    case .load(let address, let size):
      Access(range: address..<address + size, kind: .load)
    case .store(let address, let size, _):
      Access(range: address..<address + size, kind: .store)
    case .loadUnprivileged(let address, let size):
      Access(range: address..<address + size, kind: .load, isUnprivileged: true)
    case .storeUnprivileged(let address, let size, _):
      Access(range: address..<address + size, kind: .store, isUnprivileged: true)
    case .loadPair(let address, let size):
      Access(range: address..<address + 2 * size, kind: .load)
    case .storePair(let address, let size, _):
      Access(range: address..<address + 2 * size, kind: .store)
    case .zero(let address):
      Access(
        range: address & ~(zeroBlock - 1)..<(address | (zeroBlock - 1)) + 1, kind: .store)
    case .loadExclusive(let address, let size, let pair):
      Access(range: address..<address + (pair ? 2 * size : size), kind: .load)
    case .storeExclusive(let address, let size, let pair, _):
      Access(
        range: address..<address + (pair ? 2 * size : size), kind: .store,
        isExclusiveStore: true)
    default: nil
    }
  }

  /// The A64 encoding, as far as the engine looks at it. X1 holds the address of an exclusive; what is
  /// loaded comes to X2 and X3; what is stored is in X5 and X6, and the status comes to W4.
  package var encoding: UInt32 {
    switch self {
    case .eret: 0xD69F_03E0
    case .wfi: 0xD503_207F
    case .daifSet(let mask): 0xD503_40DF | UInt32(mask) << 8
    case .daifClr(let mask): 0xD503_40FF | UInt32(mask) << 8
    case .readPending: 0xD538_C100
    case .acknowledge: 0xD538_CC00  // MRS X0, ICC_IAR1_EL1
    case .msr(let register, _): 0xD510_0000 | register.field
    case .mrs(let register): 0xD530_0000 | register.field
    case .svc: 0xD400_0001
    case .hvc: 0xD400_0002
    case .brk(let immediate): 0xD420_0000 | UInt32(immediate) << 5
    case .load(_, let size): 0x3940_0022 | UInt32(size.trailingZeroBitCount) << 30
    case .store(_, let size, _): 0x3900_0022 | UInt32(size.trailingZeroBitCount) << 30
    case .loadUnprivileged(_, let size): 0x3840_0822 | UInt32(size.trailingZeroBitCount) << 30
    case .storeUnprivileged(_, let size, _): 0x3800_0822 | UInt32(size.trailingZeroBitCount) << 30
    case .loadPair(_, let size): 0x2940_0C22 | (size == 8 ? 0x8000_0000 : 0)
    case .storePair(_, let size, _): 0x2900_0C22 | (size == 8 ? 0x8000_0000 : 0)
    case .zero: 0xD50B_7421
    case .loadExclusive(_, let size, let pair):
      (pair ? 0x887F_0C22 : 0x085F_7C22) | UInt32(size.trailingZeroBitCount) << 30
    case .storeExclusive(_, let size, let pair, _):
      (pair ? 0x8824_1825 : 0x0804_7C25) | UInt32(size.trailingZeroBitCount) << 30
    case .retry(let back): 0x3500_0004 | (UInt32(truncatingIfNeeded: 0 &- back) << 3 & 0xFF_FFE0)
    case .clearExclusive: 0xD503_3F5F
    case .branch: 0x1400_0000
    default: 0xD503_201F
    }
  }
}

extension SystemRegister {
  /// Where MRS and MSR have it.
  fileprivate var field: UInt32 {
    UInt32(op0 & 1) << 19 | UInt32(op1) << 16 | UInt32(crn) << 12 | UInt32(crm) << 8
      | UInt32(op2) << 5
  }
}
