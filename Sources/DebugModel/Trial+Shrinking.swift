extension Trial {
  /// The least of this trial of which `fails` still holds: no instruction, interrupt or action can be
  /// left out of it.
  package func shrunk(while fails: (Trial) -> Bool) -> Trial {
    var least = self
    var previous: Trial
    repeat {
      previous = least
      least.leaveOut(\.debugger, while: fails)
      least.leaveOut(\.interrupts, while: fails)
      least.leaveOutInstructions(while: fails)
      least.simplifyProcessor(while: fails)
      least.branchOverNOPs(while: fails)
    } while least != previous
    return least
  }

  /// The least trial that differs as this one does: for the guest or for the debugger.
  package func shrunk() -> Trial {
    guard let difference = difference() else { return self }
    let least = shrunk { trial in
      switch (difference, trial.difference()) {
      case (.guest, .guest), (.memory, .memory), (.debugger, .debugger): true
      default: false
      }
    }
    // What comes after the first difference does not matter.
    guard case .guest(let at, _, _) = least.difference() else { return least }
    var shorter = least
    shorter.observations = at + 1
    return shorter.difference() == nil ? least : shorter
  }

  /// In halves first, and in ever smaller pieces.
  private mutating func leaveOut<Element>(
    _ list: WritableKeyPath<Trial, [Element]>, while fails: (Trial) -> Bool
  ) {
    var size = self[keyPath: list].count
    while size > 0 {
      var start = 0
      while start < self[keyPath: list].count {
        var smaller = self
        let end = min(start + size, smaller[keyPath: list].count)
        smaller[keyPath: list].removeSubrange(start..<end)
        if fails(smaller) { self = smaller } else { start = end }
      }
      size /= 2
    }
  }

  private mutating func leaveOutInstructions(while fails: (Trial) -> Bool) {
    for address in program.keys.sorted() {
      // Gone, or where the guest has to get past it, a NOP.
      for replacement in [nil, Operation.nop] where program[address] != replacement {
        var smaller = self
        smaller.program[address] = replacement
        guard fails(smaller) else { continue }
        self = smaller
        break
      }
    }
  }

  /// The usual processor, as far as that will do.
  private mutating func simplifyProcessor(while fails: (Trial) -> Bool) {
    func simplify<Value>(_ trait: WritableKeyPath<ModelProcessor, Value>) {
      var simpler = self
      simpler.processor[keyPath: trait] = ModelProcessor()[keyPath: trait]
      if fails(simpler) { self = simpler }
    }
    var simpler = self
    simpler.processor = ModelProcessor()
    if simpler != self, fails(simpler) { self = simpler }
    guard processor != ModelProcessor() else { return }
    simplify(\.hasDoubleLock)
    simplify(\.zeroBlock)
    simplify(\.reportsLowestAddress)
    simplify(\.watchpoints)
  }

  /// Two or more NOPs in a row, which only bring the guest to where it is needed, are one branch.
  private mutating func branchOverNOPs(while fails: (Trial) -> Bool) {
    for start in program.keys.sorted() {
      var end = start
      while program[end] == .nop { end += 4 }
      guard end > start + 4 else { continue }
      var smaller = self
      for address in stride(from: start, to: end, by: 4) { smaller.program[address] = nil }
      smaller.program[start] = .branch(end)
      if fails(smaller) { self = smaller }
    }
  }
}
