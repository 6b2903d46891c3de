internal import Testing

@testable internal import stepwell

extension Machine.Board {
  /// The board that the test at hand is run with.
  @TaskLocal static var tested = plain
}

/// Runs each test on each of some boards.
struct Boards: SuiteTrait, TestTrait, TestScoping {
  let boards: [Machine.Board]

  var isRecursive: Bool { true }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    for board in boards {
      try await Machine.Board.$tested.withValue(board) { try await function() }
    }
  }
}

extension Trait where Self == Boards {
  /// With one Security state and with two.
  static var plainAndSecure: Self { Self(boards: [.plain, .secure]) }
}
