package import ArmDebug

/// One thing that a debugger does. Breakpoints are hardware ones.
package enum DebuggerAction: Equatable, Sendable {
  case insertBreakpoint(UInt64)
  case insertWatchpoint(UInt64, length: UInt64, kind: AccessKind = .store)
  /// The n-th of those that it holds, counted round.
  case removeBreakpoint(Int)
  case removeWatchpoint(Int)
  /// Takes back all that it asks for, as when it goes away.
  case detach
  /// Lets the guest go on for at most so many events of the model, and says Ctrl-C.
  case run(ticks: Int)
  /// Steps it, and takes the step back after so many.
  case step(ticks: Int)
}

/// A watchpoint of the debugger.
struct DebuggerWatchpoint: Equatable {
  var range: ClosedRange<UInt64>
  var kind: AccessKind

  /// The first byte of an access that it watches.
  func first(of access: Access) -> UInt64? {
    guard kind.rawValue & access.kind.rawValue != 0, range.lowerBound < access.range.upperBound,
      access.range.lowerBound <= range.upperBound
    else { return nil }
    return max(range.lowerBound, access.range.lowerBound)
  }

  /// The fewest comparators that watch its bytes and no others: each takes bytes of one doubleword,
  /// or an aligned block of a power of two.
  var comparators: Int { Self.comparators(from: range.lowerBound, to: range.upperBound) }

  private static func comparators(from first: UInt64, to last: UInt64) -> Int {
    let end = first | 7
    guard end < last else { return 1 }
    var fewest = 1 + comparators(from: end + 1, to: last)
    var size: UInt64 = 16
    while first % size == 0, first + size - 1 <= last {
      let end = first + size - 1
      fewest = min(fewest, end == last ? 1 : 1 + comparators(from: end + 1, to: last))
      size *= 2
    }
    return fewest
  }
}

/// What a debugger asks for.
struct DebuggerPoints: Equatable {
  var breakpoints: [UInt64] = []
  var watchpoints: [DebuggerWatchpoint] = []

  var isEmpty: Bool { breakpoints.isEmpty && watchpoints.isEmpty }
}
