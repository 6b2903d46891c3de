package import ArmDebug
import SeededRandom

/// Guest programs out of a random number generator: a body at EL1 and at EL0, and handlers that look
/// at what they were called for.
package struct RandomProgram {
  static let body: UInt64 = 0x1000
  static let user: UInt64 = 0x2000
  static let data = ModelMemory.addresses.lowerBound
  static let vectors: UInt64 = 0x8000

  package static let mdscr = SystemRegister(2, 0, 0, 2, 2)
  package static let oslar = SystemRegister(2, 0, 1, 0, 4)
  package static let oslsr = SystemRegister(2, 0, 1, 1, 4)
  package static let osdlr = SystemRegister(2, 0, 1, 3, 4)

  let processor: ModelProcessor

  func make(_ random: inout SplitMix64) -> [UInt64: Operation] {
    var program: [UInt64: Operation] = [:]
    // Most guests begin as Linux does.
    place(
      &program, Self.body,
      [.msr(Self.oslar, UInt64.random(in: 0..<9, using: &random) / 8), .msr(Self.mdscr, 0xA000)]
        + breakpoint(&random) + breakpoint(&random) + watchpoint(&random)
        + privileged(12, &random)
        + [prepareReturn(&random), .eret])
    var user: [Operation] = []
    while user.count < 15 { user += plain(&random) }
    place(&program, Self.user, user.prefix(15) + [.branch(Self.user)])
    for offset in stride(from: UInt64(0), to: 0x800, by: 0x80) {
      place(
        &program, Self.vectors + offset,
        [.mrs(ModelCore.esr), .mrs(ModelCore.elr), .mrs(ModelCore.spsr), .mrs(ModelCore.far)]
          + (offset & 0x180 == 0x80 ? [.readPending, .acknowledge, .readPending, .eret] : [])
          + (Int.random(in: 0..<8, using: &random) > 0 ? [.skipOne] : [])
          + privileged(Int.random(in: 0..<4, using: &random), &random).filter { operation in
            // An exception in a handler does away with what it was called for: a few only.
            switch operation {
            case .svc, .brk, .undefined: Int.random(in: 0..<8, using: &random) == 0
            default: true
            }
          } + [.eret])
    }
    return program
  }

  private func place(
    _ program: inout [UInt64: Operation], _ base: UInt64, _ code: [Operation]
  ) {
    for (n, operation) in code.enumerated() { program[base + UInt64(n) * 4] = operation }
  }

  static func code(_ random: inout SplitMix64) -> UInt64 {
    switch Int.random(in: 0..<6, using: &random) {
    case 0: body + .random(in: 1..<32, using: &random) * 4
    case 1: vectors + .random(in: 0..<16, using: &random) * 0x80
    default: user + .random(in: 0..<16, using: &random) * 4
    }
  }

  static func address(_ random: inout SplitMix64) -> UInt64 {
    data + .random(in: 0..<32, using: &random)
  }

  /// To EL0 for the most part, and there to where the code is.
  private func prepareReturn(_ random: inout SplitMix64) -> Operation {
    let isUser = Int.random(in: 0..<4, using: &random) > 0
    var state = PState(rawValue: isUser ? 0 : 5)
    state.d = .random(using: &random)
    state.ss = .random(using: &random)
    state.i = .random(using: &random)
    let isAnywhere = Int.random(in: 0..<8, using: &random) == 0
    let address =
      isUser && !isAnywhere
      ? Self.user + .random(in: 0..<16, using: &random) * 4 : Self.code(&random)
    return .prepareReturn(to: address, state)
  }

  /// What runs at EL0, too.
  private func plain(_ random: inout SplitMix64) -> [Operation] {
    let size = UInt64(1) << UInt64.random(in: 0..<4, using: &random)
    let value = random.next()
    return switch Int.random(in: 0..<22, using: &random) {
    case 0: [.svc]
    case 1: [.brk(.random(in: 0..<9, using: &random))]
    case 2: [.undefined]
    case 3: [.branch(Self.user + .random(in: 0..<16, using: &random) * 4)]
    case 4, 5: [.load(Self.address(&random), size: size)]
    case 6:
      Bool.random(using: &random)
        ? [.loadUnprivileged(Self.address(&random), size: size)]
        : [.storeUnprivileged(Self.address(&random), size: size, value: value)]
    case 7, 8, 9: [.store(Self.address(&random), size: size, value: value)]
    case 10: [.loadPair(Self.address(&random) & ~3, size: max(size, 4))]
    case 11: [.storePair(Self.address(&random) & ~3, size: max(size, 4), value: value)]
    case 12: [.zero(Self.address(&random))]
    case 13: [.wfi]
    case 14, 15: exclusive(&random)
    default: [.nop]
    }
  }

  /// Every comparator's every register, and at times one that is not there.
  private func comparatorRegister(_ random: inout SplitMix64) -> SystemRegister {
    let op2 = UInt8.random(in: 4..<8, using: &random)
    let count = op2 < 6 ? processor.breakpoints : processor.watchpoints
    let n = Int.random(in: 0..<12, using: &random) == 0 ? 16 : count
    return SystemRegister(2, 0, 0, UInt8.random(in: 0..<UInt8(n), using: &random), op2)
  }

  /// Load-exclusive, whatever is allowed in between, store-exclusive, and back if it has failed.
  private func exclusive(_ random: inout SplitMix64) -> [Operation] {
    let isPair = Int.random(in: 0..<3, using: &random) == 0
    let size =
      isPair
      ? UInt64(4) << UInt64.random(in: 0..<2, using: &random)
      : UInt64(1) << UInt64.random(in: 0..<4, using: &random)
    let address = Self.address(&random) & ~(isPair ? 2 * size - 1 : size - 1)
    let between = (0..<Int.random(in: 0..<3, using: &random)).map { _ -> Operation in
      switch Int.random(in: 0..<4, using: &random) {
      case 0: .store(Self.data + 64 + .random(in: 0..<8, using: &random), size: 4, value: 1)
      case 1: .load(Self.address(&random), size: 4)
      default: .nop
      }
    }
    return [.loadExclusive(address, size: size, pair: isPair)] + between
      + (Int.random(in: 0..<12, using: &random) == 0 ? [.clearExclusive] : [])
      + [
        .storeExclusive(address, size: size, pair: isPair, value: random.next()),
        .retry(UInt64(between.count) * 4 + 8),
      ]
  }

  private func privileged(_ count: Int, _ random: inout SplitMix64) -> [Operation] {
    (0..<count).flatMap { _ -> [Operation] in
      switch Int.random(in: 0..<25, using: &random) {
      case 0, 1: [.daifClr(.random(in: 0..<16, using: &random) & 0b1010)]
      case 2: [.daifSet(.random(in: 0..<16, using: &random) & 0b1010)]
      case 3, 4, 5:
        // SS, KDE, MDE, in all their combinations.
        [
          .msr(
            Self.mdscr,
            pick([0x8000, 0xA000, 0x8001, 0xA001, 0x2001, 0x0001, 0], &random))
        ]
      case 6: [.msr(Self.oslar, UInt64.random(in: 0..<6, using: &random) / 5)]
      case 7, 8, 9: breakpoint(&random)
      case 10, 11: watchpoint(&random)
      case 12, 13: [.setSPSR(ss: .random(using: &random), d: .random(using: &random))]
      case 14: [.mrs(Self.mdscr)]
      case 15, 16:
        [.mrs(comparatorRegister(&random))]
      case 17: [.mrs(Self.oslsr)]
      case 18: [.hvc]
      case 19: [.msr(ModelCore.contextIDR, .random(in: 1..<4, using: &random))]
      case 20: [.msr(.daif, .random(in: 0..<4, using: &random) * 0x80)]
      case 21: [.mrs(.daif), .daifClr(0b10), .readPending]
      case 22: [.msr(Self.osdlr, UInt64.random(in: 0..<6, using: &random) / 5), .mrs(Self.osdlr)]
      default: plain(&random)
      }
    }
  }
}
