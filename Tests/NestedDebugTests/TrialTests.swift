import ArmDebug
import DebugModel
import Testing

@Suite("A trial that failed")
struct TrialTests {
  @Test("is the same for the same number, and another for another")
  func numbered() {
    #expect(Trial.numbered(4) == Trial.numbered(4))
    #expect(Trial.numbered(4) != Trial.numbered(6))
    #expect(Trial.numbered(5).interrupts.count == 6)
    #expect(Trial.numbered(5).debugger.first == .insertBreakpoint(0xF000))
  }

  @Test("is cut down to what it takes to fail", arguments: 0..<UInt64(8))
  func shrunk(number: UInt64) {
    // As if two instructions and the second of a debugger's runs, together, were mistaken.
    var trial = Trial.numbered(number)
    trial.program[0x1008] = .hvc
    trial.program[0x8404] = .brk(3)
    trial.debugger.append(.run(ticks: 77))
    trial.processor.breakpoints = 16
    trial.processor.zeroBlock = 32
    let least = trial.shrunk { trial in
      trial.program[0x1008] == .hvc && trial.program[0x8404] == .brk(3)
        && trial.program[0x1004] != nil && trial.debugger.contains(.run(ticks: 77))
        && trial.processor.breakpoints == 16
    }
    #expect(least.program == [0x1004: .nop, 0x1008: .hvc, 0x8404: .brk(3)])
    #expect(least.interrupts.isEmpty)
    #expect(least.debugger == [.run(ticks: 77)])
    #expect(least.processor.zeroBlock == ModelProcessor().zeroBlock)
  }

  @Test("is rid of instructions that only have to be passed")
  func passed() {
    let trial = Trial(
      program: [0x1000: .mrs(ModelCore.esr), 0x1004: .svc, 0x1008: .svc, 0x100C: .hvc],
      debugger: [])
    // The guest has to come to the HVC without an exception.
    let least = trial.shrunk { trial in
      var address: UInt64 = 0x1000
      while let operation = trial.program[address], operation != .hvc {
        if case .branch(let target) = operation { address = target } else { address += 4 }
      }
      return trial.program[address] == .hvc
    }
    #expect(least.program == [0x1000: .branch(0x100C), 0x100C: .hvc])
  }

  @Test("is printed as the expression that makes it")
  func source() {
    let trial = Trial(
      processor: ModelProcessor(
        breakpoints: 16, contextAware: 4, watchpoints: 16,
        hasDoubleLock: true, zeroBlock: 32,
        reportsLowestAddress: false),
      program: [
        0x1000: .msr(SystemRegister(2, 0, 0, 2, 2), 0xA001),
        0x1004: .prepareReturn(to: 0x2000, PState(rawValue: 0x200)),
        0x1008: .setSPSR(ss: true, d: false),
        0x2000: .store(0x4001, size: 8, value: 0xFF),
        0x2004: .loadPair(0x4008, size: 4),
        0x2008: .storePair(0x4008, size: 8, value: 0x1),
        0x200C: .zero(0x4020),
        0x2010: .loadExclusive(0x4010, size: 8, pair: true),
        0x2014: .storeExclusive(0x4010, size: 8, pair: true, value: 0x2),
        0x2018: .retry(8),
        0x201C: .clearExclusive,
        0x2020: .loadUnprivileged(0x4000, size: 1),
        0x2024: .storeUnprivileged(0x4000, size: 2, value: 0x3),
      ],
      interrupts: [3, 7],
      debugger: [
        .insertBreakpoint(0x2004),
        .insertWatchpoint(0x4000, length: 3, kind: .any),
        .removeBreakpoint(1),
        .removeWatchpoint(0),
        .detach,
        .step(ticks: 9),
      ],
      observations: 12)
    #expect(
      trial.source == """
        Trial(
          processor: ModelProcessor(
            breakpoints: 16, contextAware: 4, watchpoints: 16,
            hasDoubleLock: true, zeroBlock: 32,
            reportsLowestAddress: false),
          program: [
            0x1000: .msr(SystemRegister(2, 0, 0, 2, 2), 0xA001),
            0x1004: .prepareReturn(to: 0x2000, PState(rawValue: 0x200)),
            0x1008: .setSPSR(ss: true, d: false),
            0x2000: .store(0x4001, size: 8, value: 0xFF),
            0x2004: .loadPair(0x4008, size: 4),
            0x2008: .storePair(0x4008, size: 8, value: 0x1),
            0x200C: .zero(0x4020),
            0x2010: .loadExclusive(0x4010, size: 8, pair: true),
            0x2014: .storeExclusive(0x4010, size: 8, pair: true, value: 0x2),
            0x2018: .retry(8),
            0x201C: .clearExclusive,
            0x2020: .loadUnprivileged(0x4000, size: 1),
            0x2024: .storeUnprivileged(0x4000, size: 2, value: 0x3),
          ],
          interrupts: [3, 7],
          debugger: [
            .insertBreakpoint(0x2004),
            .insertWatchpoint(0x4000, length: 3, kind: .any),
            .removeBreakpoint(1),
            .removeWatchpoint(0),
            .detach,
            .step(ticks: 9),
          ],
          observations: 12)
        """)
    #expect(trial.difference() == nil)
  }
}
