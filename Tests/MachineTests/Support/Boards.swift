internal import Foundation
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

/// What Linux needs of a board.
struct BoardGuest {
  /// Debian's kernel that has a driver of the board's console.
  var kernel: URL
  /// The kernel's name among the images.
  var name = "linux"
  /// The device tree, where QEMU has none.
  var tree: String?

  init(_ board: Machine.Board, _ packages: GuestPackages) async throws {
    kernel = packages.kernel
    guard board == .zcu102 else { return }
    // The cloud kernel has no driver of a Cadence UART.
    kernel = try await KernelTrees.prepare().kernel
    name = "linux-boards"
    tree = try MachineTests.file("zcu102.dtb", await BoardTree.zcu102())
  }
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
