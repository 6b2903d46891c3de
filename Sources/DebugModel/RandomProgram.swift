package import ArmDebug

/// Guest programs out of a random number generator: a body at EL1 and at EL0, and handlers that look
/// at what they were called for.
package enum RandomProgram {
  static let body: UInt64 = 0x1000
  static let user: UInt64 = 0x2000
  static let data: UInt64 = 0x4000
  static let vectors: UInt64 = 0x8000

  static func program(_ random: inout SplitMix64) -> [UInt64: Operation] {
    var program: [UInt64: Operation] = [:]
    // Most guests begin as Linux does.
    place(
      &program, body,
      [.msr(oslar, UInt64.random(in: 0..<9, using: &random) / 8), .msr(mdscr, 0xA000)]
        + breakpoint(&random) + breakpoint(&random) + watchpoint(&random)
        + privileged(12, &random)
        + [.prepareReturn(to: code(&random), state(&random)), .eret])
    place(&program, user, (0..<15).map { _ in plain(&random) } + [.branch(user)])
    for offset in stride(from: UInt64(0), to: 0x800, by: 0x80) {
      place(
        &program, vectors + offset,
        [.mrs(ModelCore.esr), .mrs(ModelCore.elr), .mrs(ModelCore.spsr), .mrs(ModelCore.far)]
          + (offset & 0x180 == 0x80 ? [.readPending, .acknowledge, .readPending, .eret] : [])
          + (Int.random(in: 0..<3, using: &random) > 0 ? [.skipOne] : [])
          + privileged(Int.random(in: 0..<5, using: &random), &random) + [.eret])
    }
    return program
  }

  private static func place(
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
    data + .random(in: 0..<24, using: &random)
  }

  private static func state(_ random: inout SplitMix64) -> PState {
    var state = PState(rawValue: Int.random(in: 0..<4, using: &random) > 0 ? 0 : 5)
    state.d = .random(using: &random)
    state.ss = .random(using: &random)
    state.i = .random(using: &random)
    return state
  }

  private static func plain(_ random: inout SplitMix64) -> Operation {
    let size = UInt64(1) << UInt64.random(in: 0..<4, using: &random)
    return switch Int.random(in: 0..<12, using: &random) {
    case 0: .svc
    case 1: .brk(.random(in: 0..<9, using: &random))
    case 2: .undefined
    case 3: .branch(user + .random(in: 0..<16, using: &random) * 4)
    case 4, 5: .load(address(&random), size: size)
    case 6, 7: .store(address(&random), size: size)
    default: .nop
    }
  }

  private static func privileged(_ count: Int, _ random: inout SplitMix64) -> [Operation] {
    (0..<count).flatMap { _ -> [Operation] in
      switch Int.random(in: 0..<20, using: &random) {
      case 0, 1: [.daifClr(.random(in: 0..<16, using: &random) & 0b1010)]
      case 2: [.daifSet(.random(in: 0..<16, using: &random) & 0b1010)]
      case 3, 4, 5:
        // SS, KDE, MDE, in all their combinations.
        [
          .msr(
            mdscr,
            pick([0x8000, 0xA000, 0x8001, 0xA001, 0x2001, 0x0001, 0], &random))
        ]
      case 6: [.msr(oslar, UInt64.random(in: 0..<6, using: &random) / 5)]
      case 7, 8, 9: breakpoint(&random)
      case 10, 11: watchpoint(&random)
      case 12, 13: [.setSPSR(ss: .random(using: &random), d: .random(using: &random))]
      case 14: [.mrs(mdscr)]
      case 15: [.mrs(SystemRegister(2, 0, 0, .random(in: 0..<6, using: &random), 5))]
      case 16: [.mrs(oslsr)]
      case 17: [.hvc]
      default: [plain(&random)]
      }
    }
  }

  private static func pick(_ values: [UInt64], _ random: inout SplitMix64) -> UInt64 {
    values[Int.random(in: values.indices, using: &random)]
  }

  private static func breakpoint(_ random: inout SplitMix64) -> [Operation] {
    let n = UInt8.random(in: 0..<6, using: &random)
    let enabled = UInt64.random(in: 0..<5, using: &random) > 0 ? 0x1E1 : 0x1E0 as UInt64
    return [
      .msr(SystemRegister(2, 0, 0, n, 4), code(&random)),
      .msr(
        SystemRegister(2, 0, 0, n, 5), enabled | UInt64.random(in: 0..<4, using: &random) << 1),
    ]
  }

  private static func watchpoint(_ random: inout SplitMix64) -> [Operation] {
    let n = UInt8.random(in: 0..<4, using: &random)
    let bytes = pick([0xFF, 0x0F, 0x30, 0x80], &random)
    return [
      .msr(SystemRegister(2, 0, 0, n, 6), data + UInt64.random(in: 0..<3, using: &random) * 8),
      .msr(
        SystemRegister(2, 0, 0, n, 7),
        0x19 | UInt64.random(in: 1..<4, using: &random) << 1 | bytes << 5),
    ]
  }

  package static let mdscr = SystemRegister(2, 0, 0, 2, 2)
  package static let oslar = SystemRegister(2, 0, 1, 0, 4)
  package static let oslsr = SystemRegister(2, 0, 1, 1, 4)
}
