import ArmDebug
import SeededRandom

// The guest's own breakpoints and watchpoints.
extension RandomProgram {
  func pick(_ values: [UInt64], _ random: inout SplitMix64) -> UInt64 {
    values[Int.random(in: values.indices, using: &random)]
  }

  private func register(_ n: Int, _ op2: UInt8) -> SystemRegister {
    SystemRegister(2, 0, 0, UInt8(n), op2)
  }

  private func isOne(in count: Int, _ random: inout SplitMix64) -> Bool {
    Int.random(in: 0..<count, using: &random) == 0
  }

  /// Sets a breakpoint, of whatever type.
  func breakpoint(_ random: inout SplitMix64) -> [Operation] {
    let n = Int.random(in: 0..<processor.breakpoints, using: &random)
    let enabled: UInt64 = isOne(in: 5, &random) ? 0 : 1
    let bytes = isOne(in: 12, &random) ? pick([0x3, 0xC], &random) : 0xF
    let control = enabled | privilege(&random) | bytes << 5
    switch Int.random(in: 0..<16, using: &random) {
    case 0, 1, 2:
      let (link, partner) = link(&random)
      return partner + [
        .msr(register(n, 4), Self.code(&random)), .msr(register(n, 5), control | link | 1 << 20),
      ]
    case 3:
      // At EL0 for the most part: at EL1 the handler itself would match.
      let n = contextAware(&random)
      return [
        .msr(register(n, 4), context(&random)),
        .msr(register(n, 5), 0x1E0 | enabled | (isOne(in: 8, &random) ? 3 << 1 : 2 << 1) | 2 << 20),
      ]
    case 4:
      let n = contextAware(&random)
      return [
        .msr(register(n, 4), context(&random)),
        .msr(register(n, 5), 0x1E5 | pick([3, 8, 9, 10, 11], &random) << 20),
      ]
    default:
      return [.msr(register(n, 4), Self.code(&random)), .msr(register(n, 5), control)]
    }
  }

  /// PMC or PAC; at times with SSC, and at times with HMC.
  private func privilege(_ random: inout SplitMix64) -> UInt64 {
    let levels = UInt64.random(in: 1..<4, using: &random)
    return switch Int.random(in: 0..<12, using: &random) {
    case 0: levels << 1 | 1 << 14  // Non-secure.
    case 1: levels << 1 | 2 << 14  // Secure: never the guest.
    case 2: (levels | 1) << 1 | 1 << 13  // EL2, too.
    default: levels << 1
    }
  }

  /// A VMID, the model's or another, and one of three context identifiers.
  private func context(_ random: inout SplitMix64) -> UInt64 {
    pick([ModelCore.vmid, ModelCore.vmid, 8], &random) << 32
      | UInt64.random(in: 1..<4, using: &random)
  }

  /// One that compares contexts; or one that does not.
  private func contextAware(_ random: inout SplitMix64) -> Int {
    if isOne(in: 6, &random) { return .random(in: 0..<processor.breakpoints, using: &random) }
    return Int.random(
      in: processor.breakpoints - processor.contextAware..<processor.breakpoints, using: &random)
  }

  /// LBN, and what sets the partner, if that is not what was there before.
  private func link(_ random: inout SplitMix64) -> (field: UInt64, partner: [Operation]) {
    guard !isOne(in: 8, &random) else {
      // To any breakpoint, or to none.
      return (.random(in: 0..<16, using: &random) << 16, [])
    }
    let n = contextAware(&random)
    guard !isOne(in: 4, &random) else { return (UInt64(n) << 16, []) }
    let type = isOne(in: 4, &random) ? pick([2, 9, 11], &random) : 3
    let value = context(&random)
    return (
      UInt64(n) << 16,
      [
        .msr(register(n, 4), value),
        .msr(
          register(n, 5), (isOne(in: 10, &random) ? 0x1E0 : 0x1E1) | privilege(&random) | type << 20
        ),
        .msr(
          ModelCore.contextIDR,
          isOne(in: 3, &random) ? .random(in: 1..<4, using: &random) : value & 0xFFFF_FFFF),
      ]
    )
  }

  /// Sets a watchpoint: bytes of a doubleword or of a word, or a block.
  func watchpoint(_ random: inout SplitMix64) -> [Operation] {
    let n = Int.random(in: 0..<processor.watchpoints, using: &random)
    let enabled: UInt64 = isOne(in: 8, &random) ? 0 : 1
    let kind: UInt64 = isOne(in: 3, &random) ? .random(in: 0..<4, using: &random) : 3
    var value = Self.data + UInt64.random(in: 0..<5, using: &random) * 8
    var control = enabled | privilege(&random) | kind << 3
    switch Int.random(in: 0..<8, using: &random) {
    case 0:
      let mask = UInt64.random(in: 3..<8, using: &random)
      value &= ~((1 << mask) - 1)
      control |= mask << 24 | 0xFF << 5
    case 1, 2:
      value |= 4
      control |= run(of: 4, &random) << 5
      // Ignored there.
      if isOne(in: 2, &random) { control |= 0xF0 << 5 }
    default: control |= (isOne(in: 3, &random) ? 0xFF : run(of: 8, &random)) << 5
    }
    guard isOne(in: 5, &random) else {
      return [.msr(register(n, 6), value), .msr(register(n, 7), control)]
    }
    let (link, partner) = link(&random)
    return partner + [
      .msr(register(n, 6), value), .msr(register(n, 7), control | link | 1 << 20),
    ]
  }

  /// Some ones in a row, out of so many bits.
  private func run(of bits: Int, _ random: inout SplitMix64) -> UInt64 {
    let first = Int.random(in: 0..<bits, using: &random)
    let count = Int.random(in: 1...bits - first, using: &random)
    return (1 << count - 1) << first
  }
}
