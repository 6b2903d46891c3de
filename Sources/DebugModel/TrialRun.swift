import ArmDebug
import NestedDebug

/// The two runs of a trial side by side: the debugger does the same in both.
struct TrialRun: ~Copyable {
  private var nested: NestedMachine
  private var ideal: IdealMachine
  private let observations: Int
  private var compared = 0
  private(set) var difference: Trial.Difference?
  private var coverage = Coverage()

  init(_ core: ModelCore, observations: Int, takesFastPath: Bool) {
    nested = NestedMachine(core)
    nested.takesFastPath = takesFastPath
    ideal = IdealMachine(core)
    self.observations = observations
  }

  var isDone: Bool { difference != nil || nested.core.transcript.count >= observations }

  /// The situations that occurred in the two runs.
  var met: Coverage {
    var met = coverage
    met.formUnion(ideal.coverage)
    met.formUnion(nested.coverage)
    return met
  }

  mutating func perform(_ action: DebuggerAction) {
    switch action {
    case .insertBreakpoint(let address):
      guard !ideal.points.breakpoints.contains(address) else { return }
      var points = ideal.points
      points.breakpoints.append(address)
      points.breakpoints.sort()
      accept(DebugRequest(.breakpoint, at: address, length: 4), points)
    case .insertWatchpoint(let address, let length, let kind):
      let watchpoint = DebuggerWatchpoint(range: address...address + length - 1, kind: kind)
      guard !ideal.points.watchpoints.contains(watchpoint) else { return }
      var points = ideal.points
      points.watchpoints.append(watchpoint)
      points.watchpoints.sort { $0.range.lowerBound < $1.range.lowerBound }
      accept(DebugRequest(.watchpoint(kind), at: address, length: length), points)
    case .removeBreakpoint(let n):
      guard !ideal.points.breakpoints.isEmpty else { return }
      let address = ideal.points.breakpoints.remove(at: n % ideal.points.breakpoints.count)
      nested.requests.removeBreakpoint(at: address)
    case .removeWatchpoint(let n):
      guard !ideal.points.watchpoints.isEmpty else { return }
      let watchpoint = ideal.points.watchpoints.remove(at: n % ideal.points.watchpoints.count)
      nested.requests.removeWatchpoint(
        at: watchpoint.range.lowerBound, length: UInt64(watchpoint.range.count),
        kind: watchpoint.kind)
    case .detach:
      if !ideal.points.isEmpty { coverage.note(.detached) }
      ideal.points = DebuggerPoints()
      nested.requests.removeAll()
    case .run(let ticks): run(ticks, steps: false)
    case .step(let ticks): run(ticks, steps: true)
    }
  }

  /// Does the part of the protocol server: a request is accepted only if the processor can ever meet it.
  private mutating func accept(_ request: DebugRequest, _ points: DebuggerPoints) {
    let isInserted = (try? nested.requests.insert(request)) != nil
    let isAccepted = isInserted && nested.debug.fits(nested.requests)
    if isAccepted {
      ideal.points = points
    } else {
      nested.requests.remove(request)
      coverage.note(.refused)
    }
    guard isAccepted == ideal.hasRoom(for: points) else {
      difference = .debugger(
        isAccepted
          ? "a request was accepted for which there is no room"
          : "a request was refused, and there is room for it")
      return
    }
  }

  private mutating func run(_ ticks: Int, steps: Bool) {
    if steps { nested.debug.requestStep() }
    let stop = nested.run(ticks: ticks, observations: observations)
    let complaint = ideal.follow(nested, stop: stop, steps: steps)
    if !compareTranscripts() { return }
    if let complaint { difference = .debugger(complaint) }
    if stop == nil { nested.debug.cancelStep() }
  }

  /// Compares the transcripts as far as both runs have come.
  private mutating func compareTranscripts() -> Bool {
    let count = min(nested.core.transcript.count, ideal.core.transcript.count)
    while compared < count {
      guard nested.core.transcript[compared] == ideal.core.transcript[compared] else {
        noteGuestDifference(at: compared)
        return false
      }
      compared += 1
    }
    return true
  }

  private mutating func noteGuestDifference(at index: Int) {
    difference = .guest(
      at: index, bare: ideal.core.transcript, nested: nested.core.transcript)
  }

  /// Lets the guest run on to the end of the comparison, after all that the debugger does.
  mutating func finish() {
    var idle = 0
    while !isDone {
      let before = nested.core.transcript.count
      run(60, steps: false)
      guard nested.core.transcript.count == before else {
        idle = 0
        continue
      }
      idle += 1
      // Both runs are lost in exceptions, or the engine has lost the guest.
      if idle == 8 { break }
    }
    guard difference == nil else { return }
    if !isDone { ideal.finish(observations) }
    if ideal.core.transcript.count > nested.core.transcript.count {
      return noteGuestDifference(at: nested.core.transcript.count)
    }
    if nested.core.memory != ideal.core.memory {
      difference = .memory
    }
  }
}
