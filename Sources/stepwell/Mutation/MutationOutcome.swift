internal import Foundation

/// How a mutant was noticed, or that it was not.
enum MutationOutcome: Equatable, Sendable {
  case differs(after: UInt64, forWhom: String)
  /// The trials trapped, or did not end.
  case crashes
  case hangs
  case failsTests(String)
  case survived
}

extension MutationOutcome {
  /// Runs the program `trials` and reads its output.
  static func ofTrials(_ trials: String, programs: Int, seed: UInt64) async throws
    -> MutationOutcome
  {
    let completion = try await limited {
      try await Child(trials, ["\(programs)", "\(seed)"]).completion()
    }
    guard let completion else { return .hangs }
    guard completion.isSuccess else { return .crashes }
    let words = completion.output.split(whereSeparator: \.isWhitespace)
    guard let number = words.first.flatMap({ UInt64($0) }) else { return .survived }
    return .differs(
      after: number &- seed &+ 1, forWhom: words.dropFirst().joined(separator: " "))
  }

  /// Runs `body` for five minutes at most, many times what trials and tests take; nil after that.
  static func limited<Result: Sendable>(
    _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result? {
    try await withThrowingTaskGroup(of: Result?.self) { group in
      group.addTask { try await body() }
      group.addTask {
        try await Task.sleep(for: .seconds(300))
        return nil
      }
      defer { group.cancelAll() }
      return try await group.next() ?? nil
    }
  }
}

extension MutationOutcome: CustomStringConvertible {
  var description: String {
    switch self {
    case .differs(let count, let who): "the \(who), after \(count) programs"
    case .crashes: "a trap"
    case .hangs: "trials that do not end"
    case .failsTests(let filter): "\(filter)"
    case .survived: "SURVIVED"
    }
  }
}
