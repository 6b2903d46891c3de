internal import Testing

@testable internal import stepwell

extension Machine.Board {
  /// The board that the test at hand is run with.
  @TaskLocal static var tested = plain

  /// Whether QEMU 7.2 has the board with that CPU as it should be. A core of `max` that PSCI turns on where
  /// there is an EL3 finds what EL3 has to permit (HCRX_EL2, SVE and so on) not permitted, which ends
  /// the bare machine as well; the boot core finds all of it.
  func works(with cpu: String) -> Bool { self != .secure || cpu != "max" }
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
