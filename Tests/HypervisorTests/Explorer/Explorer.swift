import Dispatch
import Foundation

/// Who can be the next to do something: a core, the debugger at the other end of the link, or the clock, which
/// makes whoever waits for a limited time wait no longer.
enum Actor: Hashable {
  case core(Int)
  case debugger
  case clock
}

/// What is explored: something whose cores call ``Explorer/point(_:)`` before each thing that another core could
/// notice.
protocol Explored: AnyObject {
  /// Runs the core from where it enters EL2 first. It must return soon once the explorer drains.
  func run(core: Int)
  /// Who can do something now, in a fixed order.
  func enabled() -> [Actor]
  /// Lets the debugger or the clock do its next thing.
  func act(_ actor: Actor)
  /// Everything that what follows depends on, as a hash.
  func fingerprint() -> UInt64
  /// Nobody can do anything any more.
  func settled()
  /// The run is over, and no core is left in it.
  func end()
}

/// Runs a few cores, one thread each and one at a time, through every schedule up to a bound.
///
/// A schedule is the list of who goes on at each point. By default whoever runs goes on until it waits, and then
/// the first who can; a switch away from a core that could have gone on costs one of `preemptions` (Musuvathi and
/// Qadeer, "Iterative Context Bounding", PLDI 2007). Of schedules that lead to the same state only the first is
/// followed: a core is a function of what it has read, so the hash of that and of the memory is the state.
final class Explorer: @unchecked Sendable {
  /// A point with several possible successors.
  private struct Choice {
    var options: [Actor]
    var index = 0
    var chosen: Actor { options[index] }
  }

  let coreCount: Int
  let preemptions: Int
  private var path: [Choice] = []
  private var depth = 0
  private var used = 0
  private var visited: [UInt64: Int] = [:]

  private var explored: (any Explored)?
  private var running = 0
  private var unfinished: Set<Int> = []
  private var steps = 0
  private let batons: [DispatchSemaphore]
  private let done = DispatchSemaphore(value: 0)
  private var isOver = false

  /// How many schedules were run, and how many of them were cut short at a state known already.
  private(set) var runs = 0
  private(set) var pruned = 0
  /// The run is over; what is still to be executed only returns to where the threads begin.
  private(set) var isDraining = false
  /// What was found wrong, and the schedule that leads there.
  private(set) var violation: String?

  init(cores: Int, preemptions: Int) {
    coreCount = cores
    self.preemptions = preemptions
    batons = (0..<cores).map { _ in DispatchSemaphore(value: 0) }
    for core in 0..<cores {
      let thread = Thread { self.work(core) }
      thread.stackSize = 4 << 20
      thread.start()
    }
  }

  /// Runs every schedule from `make`'s beginning, until something is wrong or time is up.
  ///
  /// - Returns: whether all were run.
  func explore(until deadline: Date = .distantFuture, _ make: (Explorer) -> any Explored) -> Bool {
    defer { finish() }
    repeat {
      guard Date() < deadline else { return false }
      runs += 1
      explored = make(self)
      depth = 0
      used = 0
      steps = 0
      isDraining = false
      unfinished = Set(0..<coreCount)
      running = 0
      batons[0].signal()
      done.wait()
      explored?.end()
      explored = nil
      if violation != nil { return true }
    } while advance()
    return true
  }

  /// Moves to the next schedule, in depth-first order.
  private func advance() -> Bool {
    while var last = path.popLast() {
      last.index += 1
      if last.index < last.options.count {
        path.append(last)
        return true
      }
    }
    return false
  }

  private func finish() {
    isOver = true
    for baton in batons { baton.signal() }
  }

  private func work(_ core: Int) {
    while true {
      batons[core].wait()
      if isOver { return }
      // Woken only to end: a core that nobody has started.
      if !isDraining { explored?.run(core: core) }
      drain()
      unfinished.remove(core)
      if let next = unfinished.min() {
        running = next
        batons[next].signal()
      } else {
        done.signal()
      }
    }
  }

  // MARK: For what is explored

  /// A point where another may go on. The executing core goes on when this returns.
  func point(_ core: Int) {
    while !isDraining {
      steps += 1
      guard steps < 20_000 else { return fail("the cores go on for ever") }
      guard let explored else { return }
      let enabled = explored.enabled()
      guard !enabled.isEmpty else {
        explored.settled()
        return drain()
      }
      switch choose(from: enabled, core) {
      case nil: return drain()
      case .core(core): return
      case .core(let other):
        running = other
        batons[other].signal()
        batons[core].wait()
        return
      case let actor?: explored.act(actor)
      }
    }
  }

  func fail(_ message: String) {
    if violation == nil, !isDraining {
      violation = "\(message); the schedule: \(schedule)"
    }
    drain()
  }

  private func drain() { isDraining = true }

  /// Who was chosen, and how often one after the other.
  private var schedule: String {
    var parts: [(actor: Actor, count: Int)] = []
    for choice in path.prefix(depth) {
      if parts.last?.actor == choice.chosen {
        parts[parts.count - 1].count += 1
      } else {
        parts.append((choice.chosen, 1))
      }
    }
    return parts.map { "\($0.actor) x \($0.count)" }.joined(separator: ", ")
  }

  private func choose(from enabled: [Actor], _ core: Int) -> Actor? {
    let canGoOn = enabled.contains(.core(core))
    var options = enabled
    if canGoOn {
      options = [.core(core)]
      if used < preemptions { options += enabled.filter { $0 != .core(core) } }
    }
    guard options.count > 1 else { return options[0] }
    if depth == path.count {
      let state = explored?.fingerprint() ?? 0
      let left = preemptions - used
      if let known = visited[state], known >= left {
        pruned += 1
        return nil
      }
      visited[state] = left
      path.append(Choice(options: options))
    }
    let chosen = path[depth].chosen
    depth += 1
    if canGoOn, chosen != .core(core) { used += 1 }
    return chosen
  }
}

/// A hash of what came one after the other.
struct History {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(_ word: UInt64) {
    value = (value ^ word) &* 0x9e37_79b9_7f4a_7c15
    value ^= value >> 29
  }
}
