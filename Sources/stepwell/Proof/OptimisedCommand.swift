internal import Foundation

/// This command as the optimiser leaves it: some ten times as fast at running the model.
enum OptimisedCommand {
  /// Whether this is it.
  static var isRunning: Bool {
    #if DEBUG
      false
    #else
      true
    #endif
  }

  /// Builds it, which takes next to no time if nothing has changed.
  ///
  /// - Returns: its file.
  static func build() async throws -> String {
    let toolchain = try await Toolchain.find()
    let arguments = [
      "build", "--package-path", Project.root.path, "-c", "release", "--product", "stepwell",
    ]
    return try await Lock.holding("optimised") {
      try await Progress.during("Building the optimised command") {
        try await toolchain.child("swift", arguments).runQuietly()
      }
      // Beside it .build/release is of no use: it is what was built last, which may be the hypervisor.
      let folder = try await toolchain.child("swift", arguments + ["--show-bin-path"]).output()
      return folder.trimmingCharacters(in: .newlines) + "/stepwell"
    }
  }
}
