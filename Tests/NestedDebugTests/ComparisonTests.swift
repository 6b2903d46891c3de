import ArmDebug
import DebugModel
import Testing

/// Random guest programs, with random use of the guest's own breakpoints, watchpoints and steps, run
/// bare and under the engine with a random debugger. What the guest observes must be the same, and
/// what the debugger is told that which an ideal one would be.
///
/// `./stepwell prove` runs as many more as it is asked for.
@Suite("The guest cannot tell")
struct ComparisonTests {
  @Test(
    "that its debug registers are emulated, with interrupts at any time", arguments: 0..<UInt64(20))
  func interruptsAtWork(block: UInt64) {
    for seed in block * 100..<block * 100 + 100 {
      guard expectNoDifference(Trial.interrupts(seed: seed)) else { return }
    }
  }

  @Test("that a debugger holds comparators, steps and stops it", arguments: 0..<UInt64(30))
  func debuggerAtWork(block: UInt64) {
    for seed in block * 100..<block * 100 + 100 {
      guard expectNoDifference(Trial.debugger(seed: seed)) else { return }
    }
  }

  @Test("a breakpoint that a guest's comparators have no room for comes back when they have")
  func comparatorTakenForAWhile() {
    let trial = Trial(
      program: [
        0x1014: .msr(SystemRegister(2, 0, 0, 4, 5), 0x1E5),
        0x102C: .msr(SystemRegister(2, 0, 0, 5, 5), 0x1E7),
        0x1038: .msr(SystemRegister(2, 0, 0, 3, 5), 0x1E7),
        0x104C: .msr(SystemRegister(2, 0, 0, 2, 5), 0x1E7),
        0x105C: .msr(SystemRegister(2, 0, 0, 0, 5), 0x1E3),
        0x1064: .prepareReturn(to: 0x2024, PState(rawValue: 0x200080)),
        0x1068: .eret,
        0x8200: .branch(0x8210),
        0x8210: .skipOne,
        0x8214: .branch(0x8220),
        0x8220: .eret,
        0x8400: .branch(0x8418),
        0x8418: .msr(SystemRegister(2, 0, 0, 5, 5), 0x1E6),
      ],
      debugger: [.insertBreakpoint(0x201C), .insertBreakpoint(0x1064)])
    expectNoDifference(trial)
  }

  @Test("what a debugger was told before it let go is told anew when it asks again")
  func letGoAndBack() {
    // EL2 leads the guest on from the load-exclusive to a store that does not come, and so keeps the
    // hardware while the debugger is away.
    var trial = Trial(
      program: [
        0x8200: .branch(0x821C),
        0x821C: .loadExclusive(0x4010, size: 8, pair: false),
        0x8220: .nop,
        0x8224: .load(0x4017, size: 4),
      ],
      debugger: [
        .insertWatchpoint(0x4010, length: 14, kind: .load),
        .run(ticks: 37),
        .run(ticks: 15),
        .detach,
        .run(ticks: 0),
        .insertWatchpoint(0x4018, length: 15, kind: .any),
      ],
      observations: 120)
    for takesFastPath in [false, true] {
      trial.takesFastPath = takesFastPath
      #expect(expectNoDifference(trial))
    }
  }

  @Test("a step that is taken back leaves the breakpoint where it was to begin in force")
  func stepTakenBack() {
    let trial = Trial(
      program: [
        0x1000: .branch(0x1018),
        0x1018: .msr(SystemRegister(2, 0, 0, 1, 6), 0x4010),
        0x101C: .msr(SystemRegister(2, 0, 0, 1, 7), 0x1FFF),
        0x1020: .branch(0x1034),
        0x1038: .branch(0x105C),
        0x105C: .prepareReturn(to: 0x2034, PState(rawValue: 0x205)),
        0x1060: .eret,
        0x2000: .nop,
        0x2004: .nop,
        0x2008: .store(0x4015, size: 2),
        0x2034: .nop,
        0x203C: .branch(0x2000),
        0x8200: .branch(0x8210),
        0x8210: .skipOne,
        0x8214: .msr(SystemRegister(2, 0, 0, 2, 2), 0xA000),
        0x8218: .branch(0x8220),
        0x8220: .msr(SystemRegister(2, 0, 1, 0, 4), 0x0),
        0x8224: .eret,
      ],
      debugger: [
        .insertBreakpoint(0x2008), .insertBreakpoint(0x2000), .run(ticks: 25), .step(ticks: 26),
        .step(ticks: 24), .step(ticks: 1),
      ])
    expectNoDifference(trial)
  }

  @Test("a store-exclusive does not go on failing though its loop takes exceptions")
  func loopThroughExceptions() {
    // The guest's breakpoint on the store is masked at EL1, and passed over; UDF is on the way back.
    expectNoDifference(
      Trial(
        program: [
          0x1000: .msr(RandomProgram.oslar, 0),
          0x1004: .msr(RandomProgram.mdscr, 0xA000),
          0x1008: .msr(SystemRegister(2, 0, 0, 1, 4), 0x1018),
          0x100C: .msr(SystemRegister(2, 0, 0, 1, 5), 0x1E7),
          0x1010: .loadExclusive(0x4008, size: 1, pair: false),
          0x1014: .nop,
          0x1018: .storeExclusive(0x4008, size: 1, pair: false, value: 7),
          0x101C: .undefined,
          0x1020: .branch(0x1010),
          0x8200: .skipOne,
          0x8204: .eret,
        ], debugger: [.insertBreakpoint(0xF000)]))
  }

  @Test("an interrupt before, between and after exclusives, wherever the debugger is")
  func interruptedExclusives() {
    let program: [UInt64: Operation] = [
      0x1000: .daifClr(0x2),
      0x1004: .loadExclusive(0x4008, size: 8, pair: false),
      0x1008: .nop,
      0x100C: .storeExclusive(0x4008, size: 8, pair: false, value: 7),
      0x1010: .retry(12),
      0x1014: .load(0x4008, size: 8),
      0x1018: .branch(0x1018),
      0x8280: .readPending,
      0x8284: .acknowledge,
      0x8288: .eret,
    ]
    let step = DebuggerAction.step(ticks: 40)
    let histories: [[DebuggerAction]] = [
      [step, step], [step, step, step], [step, step, step, step, step],
      [.insertWatchpoint(0x4008, length: 4, kind: .any), .run(ticks: 40), .run(ticks: 40)],
      [step, step, .insertWatchpoint(0x400A, length: 1, kind: .store), .run(ticks: 40), .detach],
      [step, step, .insertWatchpoint(0x400A, length: 1, kind: .store), step, step],
      [.insertBreakpoint(0x1008), .run(ticks: 40), .run(ticks: 40)],
      [.insertBreakpoint(0x100C), .run(ticks: 40), .detach],
    ]
    for (debugger, moment) in histories.flatMap({ history in (0..<7).map { (history, $0) } }) {
      for takesFastPath in [false, true] {
        guard
          expectNoDifference(
            Trial(
              program: program, interrupts: [moment], debugger: debugger, observations: 24,
              takesFastPath: takesFastPath))
        else { return }
      }
    }
  }

  @Test(
    "FAR below what is watched does not give the debugger's watchpoint to one that cannot match")
  func attributedToOneThatMatches() {
    // At EL1, with FAR below both: the guest's is for EL0.
    let processor = ModelProcessor(reportsLowestAddress: true)
    func trial(_ control: UInt64, _ access: Operation) -> Trial {
      Trial(
        processor: processor,
        program: [
          0x1000: .msr(RandomProgram.oslar, 0),
          0x1004: .msr(RandomProgram.mdscr, 0xA000),
          0x1008: .msr(SystemRegister(2, 0, 0, 3, 6), 0x4000),
          0x100C: .msr(SystemRegister(2, 0, 0, 3, 7), control),
          0x1010: .daifClr(0x8),
          0x1014: access,
          0x1018: .branch(0x1018),
          0x8200: .mrs(ModelCore.esr),
          0x8204: .skipOne,
          0x8208: .eret,
        ],
        debugger: [.insertWatchpoint(0x4004, length: 2, kind: .any)])
    }
    expectNoDifference(trial(0x1FFD, .load(0x4000, size: 8)))
    expectNoDifference(trial(0x1FFB, .load(0x4000, size: 8)))
    expectNoDifference(trial(0x1FFD, .loadUnprivileged(0x4000, size: 8)))
    expectNoDifference(trial(0x1FFB, .storeUnprivileged(0x4000, size: 8)))
    // Linked to breakpoint 5, which compares no context: never matches.
    expectNoDifference(trial(0x15_1FFF, .load(0x4000, size: 8)))
  }

  @Test("FAR below what is watched does not give it to one whose context is another")
  func attributedByContext() {
    for context in [2, 3] as [UInt64] {
      let trial = Trial(
        processor: ModelProcessor(reportsLowestAddress: true),
        program: [
          0x1000: .msr(RandomProgram.oslar, 0),
          0x1004: .msr(RandomProgram.mdscr, 0xA000),
          0x1008: .msr(SystemRegister(2, 0, 0, 3, 6), 0x4000),
          0x100C: .msr(SystemRegister(2, 0, 0, 3, 7), 0x15_1FFF),
          0x1010: .msr(SystemRegister(2, 0, 0, 5, 4), 2),
          0x1014: .msr(SystemRegister(2, 0, 0, 5, 5), 0x30_01E5),
          0x1018: .msr(ModelCore.contextIDR, context),
          0x101C: .daifClr(0x8),
          0x1020: .load(0x4000, size: 8),
          0x1024: .branch(0x1024),
          0x8200: .mrs(ModelCore.esr),
          0x8204: .skipOne,
          0x8208: .eret,
        ],
        debugger: [.insertWatchpoint(0x4004, length: 2, kind: .any)])
      expectNoDifference(trial)
    }
  }

  @discardableResult
  private func expectNoDifference(_ trial: Trial) -> Bool {
    guard trial.difference() != nil else { return true }
    let least = trial.shrunk()
    let difference = least.difference()?.description ?? ""
    Issue.record("\(difference)\n\(least.source)")
    return false
  }
}
