import ArmDebug

extension Trial {
  /// The trial as an expression of Swift, to paste into a test.
  package var source: String {
    var lines = ["Trial(", "  program: ["]
    for (address, operation) in program.sorted(by: { $0.key < $1.key }) {
      lines.append("    \(address.source): \(operation.source),")
    }
    lines.append("  ],")
    if !interrupts.isEmpty { lines.append("  interrupts: \(interrupts),") }
    if debugger.isEmpty {
      lines.append("  debugger: [],")
    } else {
      lines.append("  debugger: [")
      for action in debugger { lines.append("    \(action.source),") }
      lines.append("  ],")
    }
    lines.append("  observations: \(observations))")
    return lines.joined(separator: "\n")
  }
}

extension DebuggerAction {
  fileprivate var source: String {
    switch self {
    case .insertBreakpoint(let address): ".insertBreakpoint(\(address.source))"
    case .insertWatchpoint(let address, let length):
      ".insertWatchpoint(\(address.source), length: \(length))"
    case .removeLowestBreakpoint: ".removeLowestBreakpoint"
    case .removeLowestWatchpoint: ".removeLowestWatchpoint"
    case .run(let ticks): ".run(ticks: \(ticks))"
    case .step(let ticks): ".step(ticks: \(ticks))"
    }
  }
}

extension Operation {
  fileprivate var source: String {
    switch self {
    case .nop: ".nop"
    case .load(let address, let size): ".load(\(address.source), size: \(size))"
    case .store(let address, let size): ".store(\(address.source), size: \(size))"
    case .branch(let target): ".branch(\(target.source))"
    case .svc: ".svc"
    case .hvc: ".hvc"
    case .brk(let immediate): ".brk(\(immediate))"
    case .undefined: ".undefined"
    case .eret: ".eret"
    case .wfi: ".wfi"
    case .msr(let register, let value): ".msr(\(register.source), \(value.source))"
    case .mrs(let register): ".mrs(\(register.source))"
    case .daifSet(let mask): ".daifSet(\(mask.source))"
    case .daifClr(let mask): ".daifClr(\(mask.source))"
    case .readPending: ".readPending"
    case .acknowledge: ".acknowledge"
    case .skipOne: ".skipOne"
    case .setSPSR(let ss, let d): ".setSPSR(ss: \(ss), d: \(d))"
    case .prepareReturn(let address, let pstate):
      ".prepareReturn(to: \(address.source), PState(rawValue: \(pstate.rawValue.source)))"
    }
  }
}

extension SystemRegister {
  fileprivate var source: String { "SystemRegister(\(op0), \(op1), \(crn), \(crm), \(op2))" }
}

extension UInt64 {
  fileprivate var source: String { "0x" + String(self, radix: 16, uppercase: true) }
}
