import ArmDebug

extension Trial {
  /// The trial as an expression of Swift, to paste into a test.
  package var source: String {
    var lines = ["Trial("]
    if processor != ModelProcessor() { lines.append("  processor: \(processor.source),") }
    lines.append("  program: [")
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
    lines.append(
      "  observations: \(observations)\(takesFastPath ? "" : ", takesFastPath: false"))")
    return lines.joined(separator: "\n")
  }
}

extension DebuggerAction {
  fileprivate var source: String {
    switch self {
    case .insertBreakpoint(let address): ".insertBreakpoint(\(address.source))"
    case .insertWatchpoint(let address, let length, let kind):
      ".insertWatchpoint(\(address.source), length: \(length), kind: .\(kind))"
    case .removeBreakpoint(let n): ".removeBreakpoint(\(n))"
    case .removeWatchpoint(let n): ".removeWatchpoint(\(n))"
    case .detach: ".detach"
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
    case .store(let address, let size, let value):
      ".store(\(address.source), size: \(size), value: \(value.source))"
    case .loadUnprivileged(let address, let size):
      ".loadUnprivileged(\(address.source), size: \(size))"
    case .storeUnprivileged(let address, let size, let value):
      ".storeUnprivileged(\(address.source), size: \(size), value: \(value.source))"
    case .loadPair(let address, let size): ".loadPair(\(address.source), size: \(size))"
    case .storePair(let address, let size, let value):
      ".storePair(\(address.source), size: \(size), value: \(value.source))"
    case .zero(let address): ".zero(\(address.source))"
    case .loadExclusive(let address, let size, let pair):
      ".loadExclusive(\(address.source), size: \(size), pair: \(pair))"
    case .storeExclusive(let address, let size, let pair, let value):
      ".storeExclusive(\(address.source), size: \(size), pair: \(pair), value: \(value.source))"
    case .retry(let back): ".retry(\(back))"
    case .clearExclusive: ".clearExclusive"
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

extension ModelProcessor {
  fileprivate var source: String {
    """
    ModelProcessor(
        breakpoints: \(breakpoints), contextAware: \(contextAware), watchpoints: \(watchpoints),
        hasDoubleLock: \(hasDoubleLock), zeroBlock: \(zeroBlock),
        reportsLowestAddress: \(reportsLowestAddress))
    """
  }
}

extension SystemRegister {
  fileprivate var source: String { "SystemRegister(\(op0), \(op1), \(crn), \(crm), \(op2))" }
}

extension UInt64 {
  fileprivate var source: String { "0x" + String(self, radix: 16, uppercase: true) }
}
