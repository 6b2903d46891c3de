import Testing

/// Two cores that each read a word and then write it, one more than was read.
private final class Increments: Explored {
  private let explorer: Explorer
  private var word: UInt64 = 0
  private var histories = [History(), History()]
  private var isDone = [false, false]
  private var current = 0
  /// What the word is in the end.
  private let ends: (UInt64) -> Void

  init(_ explorer: Explorer, _ ends: @escaping (UInt64) -> Void) {
    self.explorer = explorer
    self.ends = ends
  }

  func run(core: Int) {
    point(core)
    if explorer.isDraining { return }
    let read = word
    histories[core].add(read)
    point(core)
    if explorer.isDraining { return }
    word = read + 1
    histories[core].add(word)
    isDone[core] = true
    point(core)
  }

  private func point(_ core: Int) {
    current = core
    explorer.point(core)
    current = core
  }

  func enabled() -> [Actor] { isDone.indices.filter { !isDone[$0] }.map { .core($0) } }
  func act(_ actor: Actor) {}
  func fingerprint() -> UInt64 {
    var hash = History()
    for history in histories { hash.add(history.value) }
    hash.add(word)
    hash.add(UInt64(current))
    return hash.value
  }
  func settled() { ends(word) }
  func end() {}
}

@Suite("The explorer of schedules")
struct ExplorerTests {
  @Test(
    "finds a lost update with one preemption, and not with none",
    arguments: [(0, [2 as UInt64]), (1, [1, 2]), (2, [1, 2]), (3, [1, 2])])
  func lostUpdate(preemptions: Int, ends: [UInt64]) {
    let explorer = Explorer(cores: 2, preemptions: preemptions)
    var found: Set<UInt64> = []
    let isComplete = explorer.explore { Increments($0) { found.insert($0) } }
    #expect(isComplete && explorer.violation == nil)
    #expect(found == Set(ends))
  }
}
